//! What a target has under an image's name, and whether that is what it should have.
//!
//! A copy can go on without knowing it. Registries refuse to show a tag that they take a push of: Harbor answers 412
//! where it blocks the image for its weaknesses (<https://github.com/goharbor/harbor/issues/15283>), others 500 for ever
//! where the tag points at what is lost (<https://github.com/distribution/distribution/issues/2489>).

use futures_util::stream::{self, StreamExt as _};
use oci::{Descriptor, Digest, RawManifest, TagOrDigest};

use crate::endpoint::Scope;
use crate::engine::run::{ImageCopy, Run};
use crate::memory::ledger::Kind;
use crate::memory::target_repository::Found;
use crate::{Error, Event, Operation, Rewrite};

/// So many children of an index are asked for side by side.
const CHILDREN_AT_ONCE: usize = 16;

/// Whether the target has the image in other words, and under which digest.
pub(super) enum Same {
    Content(Digest),
    Not,
}

/// What the target has under the image's name.
pub(super) async fn look_at_target(run: &Run, copy: &ImageCopy, found: Found) -> Option<Digest> {
    let step = async || {
        let resolved = copy.repository.resolve(copy.reference(), found).await;
        resolved.map_err(|cause| copy.target_error(Operation::Resolve(copy.reference().clone()), cause))
    };
    if_told(run, copy, step).await.flatten()
}

/// Compares what the target has with what it should have, and learns from it which blobs need not be asked for.
///
/// Tools that parse and print manifests leave copies with the same content and another digest; rewriting all
/// of them would be a surprise, and fail where tags are immutable.
pub(super) async fn compare(
    run: &Run,
    manifest: &RawManifest,
    copy: &ImageCopy,
    old: Option<&Digest>,
) -> Same {
    let Some(old) = old else { return Same::Not };
    let reference = TagOrDigest::Digest(old.clone());
    let step = async || {
        let read = copy.target.manifest(&reference).await;
        read.map_err(|cause| copy.target_error(Operation::ReadManifest(reference.clone()), cause))
    };
    let Some(old) = if_told(run, copy, step).await else { return Same::Not };
    if run.rewrite == Rewrite::Changed && old.is_same_json(manifest) && has_children(run, copy, &old).await {
        return Same::Content(old.digest().clone());
    }
    learn(copy, &old);
    Same::Not
}

/// Some registries take indexes without all their children.
async fn has_children(run: &Run, copy: &ImageCopy, index: &RawManifest) -> bool {
    let children = index.links().map(|links| links.manifests).unwrap_or_default();
    let asked: Vec<_> = children.iter().map(|child| has_child(run, copy, child)).collect();
    stream::iter(asked).buffered(CHILDREN_AT_ONCE).all(std::future::ready).await
}

async fn has_child(run: &Run, copy: &ImageCopy, child: &Descriptor) -> bool {
    let reference = TagOrDigest::Digest(child.digest.clone());
    let step = async || {
        let resolved = copy.target.resolve(&reference).await;
        resolved.map_err(|cause| copy.target_error(Operation::Resolve(reference.clone()), cause))
    };
    if_told(run, copy, step).await.flatten().is_some()
}

/// What a target answers about an image that it has; `None` where it does not tell that of this image. What speaks
/// against the whole target fails the copy, unless the image is stored whatever is there.
async fn if_told<T, F>(run: &Run, copy: &ImageCopy, mut step: impl FnMut() -> F) -> Option<T>
where
    F: Future<Output = Result<T, Error>>,
{
    if run.rewrite == Rewrite::Always {
        return step().await.ok();
    }
    match run.retrying(copy, step).await {
        Ok(told) => Some(told),
        Err(error) => {
            if is_about_this_image(&error) {
                tell_unknown(run, copy, &error);
            } else {
                copy.fail(error);
            }
            None
        }
    }
}

fn is_about_this_image(error: &Error) -> bool {
    error.endpoint().is_some_and(|error| matches!(error.scope, Scope::Image | Scope::Repository))
}

fn tell_unknown(run: &Run, copy: &ImageCopy, error: &Error) {
    let text = format!(
        "it does not tell what it has as {} ({}): the image is stored again",
        copy.reference(),
        error.cause
    );
    run.tell(&Event::Note { place: copy.target.name().into(), text });
}

/// What the tag points at now proves which blobs the target has: one request instead of one for each.
/// Layers that need not be in a registry may be missing in the best of them.
fn learn(copy: &ImageCopy, old: &RawManifest) {
    let links = old.links().unwrap_or_default();
    for blob in links.blobs.iter().filter(|blob| blob.is_kept_by_registries()) {
        copy.ledger.note_present(Kind::Blob, copy.target.repository(), &blob.digest);
        copy.ledger.note_known_blob(copy.target.repository(), &blob.digest);
    }
}
