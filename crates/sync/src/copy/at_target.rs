//! What a target has under an image's reference, and whether that is the wanted image.
//!
//! A copy can go on without knowing it. Some registries refuse to show a tag but accept a push of it: Harbor answers
//! 412 for an image that it blocks for its vulnerabilities (<https://github.com/goharbor/harbor/issues/15283>),
//! others answer 500 for ever for a tag whose content is lost
//! (<https://github.com/distribution/distribution/issues/2489>).

use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use oci::{Descriptor, Digest, RawManifest, TagOrDigest};

use super::index_form::Form;
use super::walk::Walk;
use crate::endpoint::{EndpointError, FoundManifest, Meaning, Scope};
use crate::engine::run::ImageCopy;
use crate::memory::ledger::Kind;
use crate::memory::sparse_indexes::Children;
use crate::{Error, Event, Operation, Rewrite};

/// How many children of an index are looked up in parallel.
const CHILDREN_AT_ONCE: usize = 16;

/// What a target has under an image's reference.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AtTarget {
    Absent,
    Has(Digest),
    /// The target does not say it for this image.
    Unknown,
}

impl AtTarget {
    pub(super) fn digest(&self) -> Option<&Digest> {
        match self {
            Self::Has(digest) => Some(digest),
            Self::Absent | Self::Unknown => None,
        }
    }
}

/// Whether the target has the same content, possibly serialized differently.
pub(super) enum Same {
    Content,
    Not,
}

/// What the target has under the image's reference. Uses the target's listing instead of a request where it can.
pub(super) async fn look_at_target(walk: &Walk) -> Result<AtTarget, Arc<Error>> {
    let (copy, found) = (&walk.copy, walk.image.planned.found);
    let ask = async || {
        let found = or_absent(walk, copy.repository.find(copy.reference(), found).await).await?;
        Ok(found.map(|found| take(walk, found)))
    };
    told_of(walk, copy.reference(), ask).await
}

/// Takes what the target says: a manifest that is no index has nothing below it.
fn take(walk: &Walk, found: FoundManifest) -> Digest {
    if found.media_type.is_some_and(|media_type| !media_type.may_be_index()) {
        walk.visited().meet_children(&found.digest, &[]);
    }
    found.digest
}

/// The same, but always with a request to the target: a listing may be outdated.
pub(super) async fn look_again(walk: &Walk) -> Result<AtTarget, Arc<Error>> {
    let copy = &walk.copy;
    let ask = async || or_absent(walk, copy.target.resolve(copy.reference()).await).await;
    told_of(walk, copy.reference(), ask).await
}

/// Some registries deny even reads of a repository that a push would create. If the rule replaces whatever is there,
/// that counts as absent: a lasting refusal comes again when something is sent, and is reported then. Else it counts as
/// absent only where the repository cannot exist.
async fn or_absent<T>(
    walk: &Walk,
    told: Result<Option<T>, EndpointError>,
) -> Result<Option<T>, EndpointError> {
    if !told.as_ref().is_err_and(|error| error.meaning == Meaning::Hidden) {
        return told;
    }
    if !walk.keeps_others() {
        return Ok(None);
    }
    match walk.copy.target.is_to_be_created().await {
        Ok(true) => Ok(None),
        Err(passing) if passing.is_retryable => Err(passing),
        Ok(false) | Err(_) => told,
    }
}

/// Resolves `reference` with `ask`.
async fn told_of<F>(
    walk: &Walk,
    reference: &TagOrDigest,
    ask: impl Fn() -> F + Send + Sync,
) -> Result<AtTarget, Arc<Error>>
where
    F: Future<Output = Result<Option<Digest>, EndpointError>> + Send,
{
    let step = async || {
        ask().await.map_err(|cause| walk.copy.target_error(Operation::Resolve(reference.clone()), cause))
    };
    Ok(match if_told(walk, step).await? {
        Some(Some(digest)) => AtTarget::Has(digest),
        Some(None) => AtTarget::Absent,
        None => AtTarget::Unknown,
    })
}

/// Compares the manifest at the target with the wanted one, and learns from it which blobs the target has.
///
/// Tools that parse and print manifests make copies with the same content and another digest. Rewriting all of them
/// would surprise the user, and would fail where tags are immutable.
pub(super) async fn compare(walk: &Walk, form: &Form, there: &Digest) -> Result<Same, Arc<Error>> {
    let copy = &walk.copy;
    let reference = TagOrDigest::Digest(there.clone());
    let step = async || walk.manifest_at_target(&reference).await;
    // The target's manifest is about as large as the wanted one.
    let size = form.manifest().bytes().len() as u64;
    let _bytes = copy.bytes_for(&walk.run, &Descriptor::new(None, there.clone(), Some(size))).await;
    let Some(old) = if_told(walk, step).await? else { return Ok(Same::Not) };
    let may_be_same = walk.policy().rewrite == Rewrite::Changed && old.is_same_json(form.manifest());
    if may_be_same && has_children(walk, &form.links().manifests).await? {
        return Ok(Same::Content);
    }
    learn(copy, &old);
    Ok(Same::Not)
}

/// Whether the target may have the index without all children of this form. An index that was rewritten for this
/// target was stored after all its children.
pub(super) fn may_lack_children(walk: &Walk, form: &Form) -> bool {
    if form.links().manifests.is_empty() {
        return false;
    }
    let (run, target) = (&walk.run, &*walk.copy.target);
    form.is_sparse()
        || match run.sparse_indexes.children(&run.state, target, form.digest()) {
            Some(Children::All) => false,
            Some(Children::Of(_)) => true,
            None => !form.is_rewritten(),
        }
}

/// Whether the target has all these children: some registries accept an index without them.
pub(super) async fn has_children(walk: &Walk, children: &[Descriptor]) -> Result<bool, Arc<Error>> {
    let asked: Vec<_> = children.iter().map(|child| has_child(walk, child)).collect();
    stream::iter(asked).buffered(CHILDREN_AT_ONCE).try_all(std::future::ready).await
}

async fn has_child(walk: &Walk, child: &Descriptor) -> Result<bool, Arc<Error>> {
    let (copy, reference) = (&walk.copy, TagOrDigest::Digest(child.digest.clone()));
    if copy.ledger.holds(Kind::Manifest, copy.target.repository(), &child.digest) {
        return Ok(true);
    }
    // What is not shown is stored again, which changes nothing.
    let ask = async || match copy.target.resolve(&reference).await {
        Err(error) if error.meaning == Meaning::Hidden => Ok(None),
        told => told,
    };
    Ok(told_of(walk, &reference, ask).await?.digest().is_some())
}

/// The target's answer about this image. `None` if the target does not give it for this image: the image is then
/// stored, whatever the target has.
async fn if_told<T: Send, F>(walk: &Walk, mut step: impl FnMut() -> F + Send) -> Result<Option<T>, Arc<Error>>
where
    F: Future<Output = Result<T, Error>> + Send,
{
    let stays = walk.keeps_others();
    if walk.policy().rewrite == Rewrite::Always && !stays {
        return Ok(step().await.ok());
    }
    match walk.run.retrying(&walk.copy, step).await {
        Ok(told) => Ok(Some(told)),
        Err(error) if is_about_this_image(&error) && !stays => {
            tell_unknown(walk, &error);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn is_about_this_image(error: &Error) -> bool {
    error.endpoint().is_some_and(|error| matches!(error.scope, Scope::Image | Scope::Repository))
}

fn tell_unknown(walk: &Walk, error: &Error) {
    let copy = &walk.copy;
    let text = format!(
        "it does not tell what it has as {} ({}): the image is stored again",
        copy.reference(),
        error.cause
    );
    walk.run.tell(&Event::Note { place: copy.target.name().into(), text });
}

/// Notes the blobs of the manifest that the tag points at now as present: one request instead of one for each blob.
/// Skips layers that registries need not keep: they may be missing in a good registry.
fn learn(copy: &ImageCopy, old: &RawManifest) {
    let links = old.links().unwrap_or_default();
    for blob in links.blobs.iter().filter(|blob| blob.is_kept_by_registries()) {
        copy.ledger.note_present(Kind::Blob, copy.target.repository(), &blob.digest);
        copy.ledger.note_known_blob(copy.target.repository(), &blob.digest);
    }
}
