//! Images to fill a registry with: the same numbers give the same bytes.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::digest;
use crate::store::Store;

/// The media types of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// Docker version 2, schema 2.
    Docker,
    /// OCI.
    Oci,
}

impl Flavour {
    fn types(self) -> [&'static str; 4] {
        match self {
            Self::Docker => [
                "application/vnd.docker.distribution.manifest.v2+json",
                "application/vnd.docker.distribution.manifest.list.v2+json",
                "application/vnd.docker.container.image.v1+json",
                "application/vnd.docker.image.rootfs.diff.tar.gzip",
            ],
            Self::Oci => [
                "application/vnd.oci.image.manifest.v1+json",
                "application/vnd.oci.image.index.v1+json",
                "application/vnd.oci.image.config.v1+json",
                "application/vnd.oci.image.layer.v1.tar+gzip",
            ],
        }
    }
}

/// A manifest that was stored.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Its digest.
    pub digest: String,
    /// Its size in bytes.
    pub size: usize,
    /// Its media type.
    pub media_type: String,
    /// Its descriptor, for an index or as a subject.
    pub descriptor: Value,
}

/// Pseudo-random bytes, always the same for a number.
pub fn layer(number: u64, size: usize) -> Bytes {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        bytes.extend_from_slice(&next());
    }
    bytes.truncate(size);
    bytes.into()
}

/// An image of these layers, under a tag or only by its digest.
pub fn image(
    store: &Store,
    repository: &str,
    tag: Option<&str>,
    flavour: Flavour,
    layers: &[Bytes],
    architecture: &str,
) -> Sample {
    let [manifest_type, _, config_type, layer_type] = flavour.types();
    let mut descriptors = Vec::new();
    for layer in layers {
        let digest = store.put_blob(repository, layer.clone());
        descriptors.push(json!({"mediaType": layer_type, "digest": digest, "size": layer.len()}));
    }
    let diff_ids: Vec<_> = descriptors.iter().map(|layer| layer["digest"].clone()).collect();
    let config = json!({
        "architecture": architecture,
        "os": "linux",
        "config": {"Labels": {"repository": repository, "tag": tag}},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    let config = config.to_string();
    let config_digest = store.put_blob(repository, config.clone());
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": manifest_type,
        "config": {"mediaType": config_type, "digest": config_digest, "size": config.len()},
        "layers": descriptors,
    });
    put(store, repository, tag, manifest_type, manifest.to_string(), Some(architecture))
}

/// An index of these children, with indentation: serializing it again changes its digest.
pub fn index(
    store: &Store,
    repository: &str,
    tag: Option<&str>,
    flavour: Flavour,
    children: &[Sample],
) -> Sample {
    let [_, index_type, ..] = flavour.types();
    let children: Vec<_> = children.iter().map(|child| child.descriptor.clone()).collect();
    let index = json!({"schemaVersion": 2, "mediaType": index_type, "manifests": children});
    put(store, repository, tag, index_type, format!("{index:#}\n"), None)
}

/// A signature of `digest` as cosign stores it: an image under the tag `sha256-….sig`.
pub fn signature(store: &Store, repository: &str, digest: &str) -> Sample {
    let payload = json!({"critical": {"image": {"docker-manifest-digest": digest}}}).to_string();
    let tag = format!("{}.sig", digest.replace(':', "-"));
    image(store, repository, Some(&tag), Flavour::Oci, &[payload.into()], "")
}

/// An artifact with an empty config, such as a chart, under a tag or only by its digest.
pub fn artifact(
    store: &Store,
    repository: &str,
    tag: Option<&str>,
    artifact_type: &str,
    blobs: &[Bytes],
) -> Sample {
    let manifest = artifact_manifest(store, repository, artifact_type, blobs);
    put(store, repository, tag, Flavour::Oci.types()[0], manifest.to_string(), None)
}

/// An artifact that refers to `subject`, such as an SBOM: only the list of referrers has it.
pub fn referrer(
    store: &Store,
    repository: &str,
    subject: &Sample,
    artifact_type: &str,
    blobs: &[Bytes],
) -> Sample {
    let mut manifest = artifact_manifest(store, repository, artifact_type, blobs);
    manifest["subject"] =
        json!({"mediaType": subject.media_type, "digest": subject.digest, "size": subject.size});
    put(store, repository, None, Flavour::Oci.types()[0], manifest.to_string(), None)
}

fn artifact_manifest(store: &Store, repository: &str, artifact_type: &str, blobs: &[Bytes]) -> Value {
    let layers: Vec<_> = blobs
        .iter()
        .map(|blob| {
            let digest = store.put_blob(repository, blob.clone());
            json!({"mediaType": "application/octet-stream", "digest": digest, "size": blob.len()})
        })
        .collect();
    let config = store.put_blob(repository, "{}");
    json!({
        "schemaVersion": 2,
        "mediaType": Flavour::Oci.types()[0],
        "artifactType": artifact_type,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": config, "size": 2},
        "layers": layers,
    })
}

fn put(
    store: &Store,
    repository: &str,
    tag: Option<&str>,
    media_type: &str,
    body: String,
    architecture: Option<&str>,
) -> Sample {
    let size = body.len();
    let digest = digest::sha256(body.as_bytes());
    store.put_manifest(repository, tag.unwrap_or(&digest), media_type, body);
    let mut descriptor = json!({"mediaType": media_type, "digest": digest, "size": size});
    if let Some(architecture) = architecture {
        descriptor["platform"] = json!({"os": "linux", "architecture": architecture});
    }
    Sample { digest, size, media_type: media_type.to_owned(), descriptor }
}
