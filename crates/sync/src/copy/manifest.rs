//! Walks the graph below a manifest, and stores the manifest when the target has all of it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _};
use oci::{Descriptor, Digest, ErrorKind, Links, RawManifest, TagOrDigest};

use super::conflict::LastLook;
use super::walk::Walk;
use crate::endpoint::{EndpointError, Meaning};
use crate::engine::run::ImageCopy;
use crate::memory::ledger::{Came, Claim, Claimed, Failure, Kind, Waiting, Why, is_of_manifest};
use crate::{Error, Operation, Rewrite};

/// How long to wait before each check after a registry reported missing content: the first report is probably right,
/// later ones may come from a registry that does not see its new content yet.
const HEALING: [Duration; 3] = [Duration::ZERO, Duration::from_millis(500), Duration::from_secs(2)];
/// How many children of an index are looked up in parallel.
const CHILDREN_AT_ONCE: usize = 16;

impl Walk {
    /// Claims the right to bring a manifest.
    pub(super) fn claim(&self, digest: &Digest) -> Claim {
        self.copy.ledger.claim(Kind::Manifest, self.copy.target.repository(), digest, 0)
    }

    /// Stores a child of an index by its digest, with everything below it. Skips a child that the target has. Returns
    /// whether it was stored.
    pub(super) fn ensure_child(self, child: Descriptor) -> BoxFuture<'static, bool> {
        async move {
            self.visited().meet(&child);
            while !self.copy.has_failed() {
                match self.claim(&child.digest) {
                    Claim::Present => return false,
                    Claim::Mine(claim) => return self.bring_child(&child, claim).await,
                    Claim::Theirs(waiting) => self.wait_for(waiting).await,
                }
            }
            false
        }
        .boxed()
    }

    async fn bring_child(&self, child: &Descriptor, claim: Claimed) -> bool {
        if self.target_has(&child.digest).await {
            claim.complete(Came::Found);
            return false;
        }
        let reference = TagOrDigest::Digest(child.digest.clone());
        let bytes = self.copy.bytes_for(&self.run, child).await;
        let read = self.or_fail(self.read_manifest(&reference).await);
        let fits = |manifest: &RawManifest| {
            self.or_fail(self.check_size(child, manifest).map_err(Arc::new)).is_some()
        };
        let Some(manifest) = read.filter(fits) else {
            self.hand_on(claim, &child.digest, &Links::default());
            return false;
        };
        let links = self.or_fail(self.links(&manifest));
        // A task that holds bytes may wait only for blobs, not for manifests.
        let _bytes = links.as_ref().is_some_and(|links| links.manifests.is_empty()).then_some(bytes);
        if let Some(links) = links {
            self.visited().meet_children(&child.digest, &links.manifests);
            self.copy_parts(links).await;
        }
        let if_refused = if child.is_attestation() { Meaning::Attestation } else { Meaning::None };
        self.store(&manifest, &reference, Some(claim), if_refused).await;
        !self.copy.has_failed()
    }

    /// Asks the target for `digest`. A repository that was empty at the start needs no request.
    pub(super) async fn target_has(&self, digest: &Digest) -> bool {
        let reference = TagOrDigest::Digest(digest.clone());
        // An error is ignored here: the push will report it.
        let is_broken = self.copy.ledger.is_broken(self.copy.target.repository(), digest);
        let may_have =
            self.policy().rewrite == Rewrite::Changed && !self.copy.repository.was_empty() && !is_broken;
        may_have && matches!(self.copy.target.resolve(&reference).await, Ok(Some(_)))
    }

    /// Stores the manifest, unless the copy has failed. A failure fails the copy; `if_refused` is the meaning of a
    /// refusal of this kind of manifest.
    pub(super) async fn store(
        &self,
        manifest: &RawManifest,
        reference: &TagOrDigest,
        claim: Option<Claimed>,
        if_refused: Meaning,
    ) {
        if self.copy.has_failed() {
            if let Some(claim) = claim {
                self.hand_on(claim, manifest.digest(), &manifest.links().unwrap_or_default());
            }
            return;
        }
        if let Err(error) = self.put(manifest, reference, &HashSet::new(), LastLook::No).await {
            let is_told = if_refused != Meaning::None && refuses_kind(&error);
            self.fail(if is_told { as_meaning(error, if_refused) } else { error }, manifest, claim);
        }
    }

    /// Fails the copy with a manifest's error, and gives the claim back.
    pub(super) fn fail(&self, error: Arc<Error>, manifest: &RawManifest, claim: Option<Claimed>) {
        self.copy.fail(error);
        if let Some(claim) = claim {
            self.hand_on(claim, manifest.digest(), &Links::default());
        }
    }

    /// Stores the manifest, whose content the target has except `absent`. If the registry misses content, checks each
    /// part and sends what is missing, whatever `--retries` says; if the registry has everything and still reports
    /// missing content, waits a moment.
    pub(super) async fn put(
        &self,
        manifest: &RawManifest,
        reference: &TagOrDigest,
        absent: &HashSet<Digest>,
        last_look: LastLook<'_>,
    ) -> Result<(), Arc<Error>> {
        let copy = &self.copy;
        let mut stored = self.push(manifest, reference, last_look).await;
        for wait in HEALING {
            let Some(error) = stored.as_ref().err().filter(|error| misses_content(error)).cloned() else {
                break;
            };
            let mut links = manifest.links().unwrap_or_default();
            let named = links.manifests.len();
            links.manifests.retain(|child| !absent.contains(&child.digest));
            if links.manifests.len() < named && self.has_children(&links.manifests).await {
                // It misses the children that are not copied.
                break;
            }
            self.run.tell(&copy.retrying(error, wait));
            copy.activity.wait(tokio::time::sleep(wait)).await;
            disbelieve(&links, copy);
            self.visited().note_brought();
            self.copy_parts(links).await;
            if let Some(failure) = copy.failure() {
                return Err(failure.clone());
            }
            stored = self.push(manifest, reference, last_look).await;
        }
        stored?;
        copy.ledger.note_stored(Kind::Manifest, copy.target.repository(), manifest.digest());
        Ok(())
    }

    /// Whether the target says that it has all these children of an index.
    async fn has_children(&self, children: &[Descriptor]) -> bool {
        let ask = |child: &Descriptor| {
            let (target, reference) = (self.copy.target.clone(), TagOrDigest::Digest(child.digest.clone()));
            async move { matches!(target.resolve(&reference).await, Ok(Some(_))) }
        };
        let asked: Vec<_> = children.iter().map(ask).collect();
        stream::iter(asked).buffered(CHILDREN_AT_ONCE).all(std::future::ready).await
    }

    /// Gives a claim back. The copies that wait for it get this copy's failure if that is about this manifest or its
    /// content; after any other failure the next copy brings the manifest.
    pub(super) fn hand_on(&self, claim: Claimed, manifest: &Digest, links: &Links) {
        if let Some(error) = self.copy.failure().filter(|error| is_of_manifest(error, manifest, links)) {
            claim.fail(Failure::new(error.clone(), &*self.source));
        }
    }

    /// Waits until another copy is done with a manifest. If that copy's failure applies to this copy, fails with it;
    /// else the caller claims again.
    pub(super) async fn wait_for(&self, waiting: Waiting) {
        let why = self.copy.activity.wait_for_others(waiting.done(&*self.source)).await;
        if let Some(Why::Failed(error)) = why {
            self.copy.fail(error);
        }
    }

    /// Stores the manifest. Runs the last check before each try.
    async fn push(
        &self,
        manifest: &RawManifest,
        reference: &TagOrDigest,
        last_look: LastLook<'_>,
    ) -> Result<(), Arc<Error>> {
        let copy = &self.copy;
        let push = async || {
            last_look.look(self, manifest).await?;
            match copy.target.push_manifest(reference, manifest).await {
                Err(cause) if is_there_already(&cause, manifest, reference, copy).await => Ok(()),
                pushed => pushed
                    .map_err(|cause| copy.target_error(Operation::PushManifest(reference.clone()), cause)),
            }
        };
        self.run.retrying(copy, push).await
    }
}

/// Whether the target has the manifest despite the error. Some registries refuse to set an immutable tag again even
/// to the same digest, and after a conflict with another writer, that writer may have stored the same manifest.
async fn is_there_already(
    refused: &EndpointError,
    manifest: &RawManifest,
    reference: &TagOrDigest,
    copy: &ImageCopy,
) -> bool {
    matches!(refused.meaning, Meaning::ImmutableTag | Meaning::Conflict)
        && matches!(copy.target.resolve(reference).await, Ok(Some(there)) if there == *manifest.digest())
}

/// Drops the cached knowledge about what the target has of this manifest.
fn disbelieve(links: &Links, copy: &ImageCopy) {
    copy.repository.distrust();
    copy.ledger.note_self_mount(false);
    let repository = copy.target.repository();
    for blob in &links.blobs {
        copy.ledger.forget(Kind::Blob, repository, &blob.digest);
    }
    for child in &links.manifests {
        copy.ledger.forget(Kind::Manifest, repository, &child.digest);
    }
}

/// Whether a registry permanently refuses this kind of manifest.
pub(super) fn refuses_kind(error: &Error) -> bool {
    let refuses = |error: &EndpointError| {
        error.kind == ErrorKind::Rejected
            && matches!(error.meaning, Meaning::None | Meaning::Attestation)
            && !error.is_retryable
    };
    matches!(error.operation, Operation::PushManifest(_)) && error.endpoint().is_some_and(refuses)
}

/// The error with the meaning that it has here.
pub(super) fn as_meaning(error: Arc<Error>, meaning: Meaning) -> Arc<Error> {
    let Some(own) = error.endpoint() else { return error };
    let (side, place, operation) = (error.side, error.place.clone(), error.operation.clone());
    let cause = EndpointError { meaning, ..own.clone() }.into();
    Arc::new(Error { side, place, operation, cause })
}

/// Registries answer with this when a manifest refers to content that they do not have.
fn misses_content(error: &Error) -> bool {
    error.endpoint().is_some_and(|error| error.meaning == Meaning::MissesContent)
}
