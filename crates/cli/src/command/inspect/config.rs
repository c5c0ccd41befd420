//! The config of an image, which is a blob.

use ::sync::endpoint::EndpointError;
use ::sync::{Error, Operation, Source};
use oci::{Descriptor, ErrorKind};
use serde_json::Value;

use super::graph::{Found, Node};
use super::noted::noted_date;
use crate::command::look::Look;

/// The largest config that is read, in bytes.
const LARGEST: u64 = 8 << 20;
/// The media type of the empty config of artifacts.
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// The config to read: the image's own; for an index without a build date, that of its first image.
pub(super) fn wanted(node: &Node) -> Option<&Descriptor> {
    if node.children.is_empty() {
        return node.links.config.as_ref().filter(|config| is_read(config));
    }
    if noted_date(node).is_some() {
        return None;
    }
    let images = node.children.iter().filter(|child| !child.descriptor.is_attestation());
    let there =
        images.filter_map(|child| if let Found::There(node) = &child.found { Some(node) } else { None });
    let configs = there.filter_map(|node| node.links.config.as_ref());
    configs.into_iter().find(|config| config.is_image_config() && is_read(config))
}

fn is_read(config: &Descriptor) -> bool {
    let is_json = |media_type: &str| media_type.contains("json") && media_type != EMPTY;
    config.media_type.as_ref().is_some_and(|media_type| is_json(media_type.as_str()))
        && config.size.is_none_or(|size| size <= LARGEST)
}

/// The content of a config; `None` if it is not JSON.
pub(super) async fn read(
    look: &Look,
    repository: &dyn Source,
    config: &Descriptor,
) -> Result<Option<Value>, Error> {
    let operation = Operation::ReadBlob(config.digest.clone());
    let bytes = look.ask(repository.name(), operation, || whole(repository, config)).await?;
    Ok(serde_json::from_slice(&bytes).ok())
}

async fn whole(repository: &dyn Source, blob: &Descriptor) -> Result<Vec<u8>, EndpointError> {
    let (mut read, mut bytes) = (repository.blob(blob).await?, Vec::new());
    while let Some(piece) = read.next().await? {
        if bytes.len() + piece.len() > usize::try_from(LARGEST).unwrap_or(usize::MAX) {
            let text = format!("it has more than {LARGEST} bytes, which is more than any config needs");
            return Err(EndpointError::new(ErrorKind::TooLarge, text));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}
