//! Walks the graph below a manifest and stores the manifest when all below it stands.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _};
use oci::{Descriptor, Digest, ErrorKind, Links, ManifestError, RawManifest, TagOrDigest};
use tokio::task::JoinSet;

use super::blob::ensure_blob;
use super::gather::Gathering;
use super::held::Held;
use super::source_image::{Shared, SourceImage};
use crate::endpoint::{EndpointError, Meaning, Source};
use crate::engine::PartRight;
use crate::engine::run::{ImageCopy, Run};
use crate::lock::lock;
use crate::memory::ledger::{Came, Claim, Claimed, Failure, Kind, Waiting, Why, is_of_manifest};
use crate::{Cause, Error, OnConflict, Operation, Policy, Rewrite, Side};

/// How long to wait before each look at what a registry misses of a manifest: the first time it may well be right,
/// later it only does not see yet what it has.
const HEALING: [Duration; 3] = [Duration::ZERO, Duration::from_millis(500), Duration::from_secs(2)];
/// So many children of an index are asked for side by side.
const CHILDREN_AT_ONCE: usize = 16;
/// Indexes inside indexes deeper than this are an attack.
const DEEPEST: usize = 16;

/// What a manifest refers to.
enum Part {
    Manifest(Descriptor),
    Blob(Descriptor),
}

/// The parts of a manifest that are at work, in place of whoever waits for them.
struct PartsAtWork<'a> {
    copy: &'a ImageCopy,
    parts: usize,
}

impl<'a> PartsAtWork<'a> {
    /// Whoever waits for the parts stands for the first.
    fn begin(copy: &'a ImageCopy) -> Self {
        Self { copy, parts: 0 }
    }

    fn add(&mut self) {
        self.parts += 1;
        if self.parts > 1 {
            self.copy.activity.begin();
        }
    }

    fn remove(&mut self) {
        if self.parts > 1 {
            self.copy.activity.end();
        }
        self.parts -= 1;
    }
}

impl Drop for PartsAtWork<'_> {
    fn drop(&mut self) {
        while self.parts > 0 {
            self.remove();
        }
    }
}

/// What the walk through one image's graph to one target needs everywhere.
#[derive(Clone)]
pub(super) struct Walk {
    pub(super) run: Arc<Run>,
    pub(super) copy: Arc<ImageCopy>,
    pub(super) image: Arc<SourceImage>,
    pub(super) source: Arc<dyn Source>,
    shared: Option<Arc<Shared>>,
    depth: usize,
    /// All manifests that were met.
    met: Arc<Mutex<Vec<Digest>>>,
    /// Configs that were read to look at them.
    held: Arc<Mutex<HashMap<Digest, Held>>>,
    /// The digest at the source, where children are taken out of the index.
    whole: Arc<OnceLock<Digest>>,
    /// Attestations that the target refuses, where they are left out.
    refused: Arc<Mutex<HashSet<Digest>>>,
}

impl Walk {
    pub(super) fn new(
        run: Arc<Run>,
        copy: Arc<ImageCopy>,
        image: Arc<SourceImage>,
        shared: Option<Arc<Shared>>,
    ) -> Self {
        let source =
            shared.as_ref().map_or_else(|| image.planned.source.clone(), |shared| shared.source.clone());
        let (met, held, whole, refused) = Default::default();
        Self { source, run, copy, image, shared, depth: 0, met, held, whole, refused }
    }

    /// Where ways to several targets meet to share the read of a blob; `None` where there is one.
    pub(super) fn gathering(&self) -> Option<&Arc<Gathering>> {
        self.shared.as_ref().map(|shared| &shared.gathering)
    }

    /// Whether what somebody else has stored under the image's name is to stay.
    pub(super) fn keeps_others(&self) -> bool {
        self.image.planned.expected.is_some() || self.policy().on_conflict != OnConflict::Overwrite
    }

    /// How the image is copied.
    pub(super) fn policy(&self) -> &Policy {
        &self.image.planned.wanted.policy
    }

    /// The manifests that were met so far: those below an index, too, whether they had to be copied or not.
    pub(super) fn met(&self) -> Vec<Digest> {
        lock(&self.met).clone()
    }

    /// Notes that the target does not get this attestation.
    pub(super) fn note_refused(&self, attestation: &Digest) {
        lock(&self.refused).insert(attestation.clone());
    }

    pub(super) fn is_refused(&self, attestation: &Digest) -> bool {
        lock(&self.refused).contains(attestation)
    }

    /// Notes that children are taken out of the index with this digest.
    pub(super) fn note_whole(&self, digest: &Digest) {
        let _ = self.whole.set(digest.clone());
    }

    /// The digest at the source, where children are taken out of the index: nothing there refers to what is left.
    pub(super) fn whole(&self) -> Option<&Digest> {
        self.whole.get()
    }

    /// Keeps a blob that was read until it is sent, or the image is done.
    pub(super) fn hold(&self, digest: &Digest, bytes: Bytes) {
        lock(&self.held).insert(digest.clone(), Held::new(bytes));
    }

    pub(super) fn held(&self, digest: &Digest) -> Option<Held> {
        lock(&self.held).remove(digest)
    }

    pub(super) fn meet(&self, digest: &Digest) {
        lock(&self.met).push(digest.clone());
    }

    /// Asks for the right to bring a manifest.
    pub(super) fn claim(&self, digest: &Digest) -> Claim {
        self.copy.ledger.claim(Kind::Manifest, self.copy.target.repository(), digest, 0)
    }

    /// Stores a child of an index, by its digest, with all below it. A target that has it is left alone. Says whether
    /// it had to be stored.
    pub(super) fn ensure_child(self, child: Descriptor) -> BoxFuture<'static, bool> {
        async move {
            self.meet(&child.digest);
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
        let links = self.or_fail(self.links(&manifest).map_err(Arc::new));
        // Whoever holds bytes waits for blobs alone.
        let _bytes = links.as_ref().is_some_and(|links| links.manifests.is_empty()).then_some(bytes);
        if let Some(links) = links {
            self.copy_parts(links).await;
        }
        let if_refused = if child.is_attestation() { Meaning::Attestation } else { Meaning::None };
        self.store(&manifest, &reference, Some(claim), if_refused).await;
        !self.copy.has_failed()
    }

    /// Asks the target for `digest`. A repository that was empty need not be asked.
    pub(super) async fn target_has(&self, digest: &Digest) -> bool {
        let reference = TagOrDigest::Digest(digest.clone());
        // An error here is no reason to fail: the push will tell.
        let may_have = self.policy().rewrite == Rewrite::Changed && !self.copy.repository.was_empty();
        may_have && matches!(self.copy.target.resolve(&reference).await, Ok(Some(_)))
    }

    /// Reads a manifest.
    pub(super) async fn read_manifest(&self, reference: &TagOrDigest) -> Result<RawManifest, Arc<Error>> {
        let error = |cause| self.source_error(Operation::ReadManifest(reference.clone()), cause);
        let read = async || self.source.manifest(reference).await.map_err(&error);
        self.run.retrying(&self.copy, read).await
    }

    /// The value, if there is one; else the copy has failed.
    pub(super) fn or_fail<T>(&self, asked: Result<T, Arc<Error>>) -> Option<T> {
        asked.map_err(|error| self.copy.fail(error)).ok()
    }

    /// The failure of an image whose manifest cannot be read.
    pub(super) fn unusable(&self, digest: &Digest, source: ManifestError) -> Arc<Error> {
        let reference = TagOrDigest::Digest(digest.clone());
        let cause = Cause::Manifest { digest: Box::new(digest.clone()), source: Box::new(source) };
        Arc::new(self.source_error(Operation::ReadManifest(reference), cause))
    }

    /// Checks the size of an index's child: clients refuse to pull what has another size than its index says.
    pub(super) fn check_size(&self, child: &Descriptor, manifest: &RawManifest) -> Result<(), Error> {
        let reference = TagOrDigest::Digest(child.digest.clone());
        let checked = child.check_size(manifest.bytes().len() as u64);
        checked.map_err(|wrong| {
            self.source_error(Operation::ReadManifest(reference), Cause::Mismatch(Box::new(wrong)))
        })
    }

    /// Brings everything that `manifest` refers to, side by side. Says whether the copy is still good.
    pub(super) async fn copy_links(&self, manifest: &RawManifest) -> bool {
        match self.or_fail(self.links(manifest).map_err(Arc::new)) {
            Some(links) => self.copy_parts(links).await,
            None => false,
        }
    }

    /// Brings parts side by side, but begins no more than can be in work: those of other images wait for their turn, too.
    pub(super) async fn copy_parts(&self, links: Links) -> bool {
        let children = links.manifests.into_iter().map(Part::Manifest);
        let mut parts = children.chain(links.blobs.into_iter().map(Part::Blob));
        let mut parts_at_work = PartsAtWork::begin(&self.copy);
        let mut tasks = JoinSet::new();
        loop {
            while let Some(right) = self.run.engine.begin_part(tasks.len())
                && let Some(part) = parts.next()
            {
                parts_at_work.add();
                self.begin_part(&mut tasks, part, right);
            }
            let Some(ended) = tasks.join_next().await else { return true };
            if let Err(panic) = ended {
                self.copy.fail(Arc::new(panicked(self.source.name(), panic)));
            }
            if self.copy.has_failed() {
                // Dropping the set stops what still moves: it would be for nothing.
                return false;
            }
            parts_at_work.remove();
        }
    }

    fn begin_part(&self, tasks: &mut JoinSet<()>, part: Part, right: PartRight) {
        let walk = self.clone();
        match part {
            Part::Manifest(child) => {
                let stored = Self { depth: self.depth + 1, ..walk }.ensure_child(child);
                tasks.spawn(async move {
                    stored.await;
                    drop(right);
                });
            }
            Part::Blob(blob) => {
                tasks.spawn(async move {
                    ensure_blob(&walk, &blob).await;
                    drop(right);
                });
            }
        }
    }

    pub(super) fn links(&self, manifest: &RawManifest) -> Result<Links, Error> {
        let operation = Operation::ReadManifest(TagOrDigest::Digest(manifest.digest().clone()));
        let error = |cause: Cause| self.source_error(operation.clone(), cause);
        let links = manifest.links().map_err(|source| {
            error(Cause::Manifest { digest: Box::new(manifest.digest().clone()), source: Box::new(source) })
        })?;
        if self.depth >= DEEPEST && !links.manifests.is_empty() {
            return Err(error(Cause::TooDeep { deepest: DEEPEST }));
        }
        Ok(links)
    }

    /// Stores the manifest, unless the copy has failed. A failure is the copy's; `if_refused` is what it means where the target
    /// does not take this kind of manifest.
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
        if let Err(error) = self.put(manifest, reference, &HashSet::new()).await {
            let is_told = if_refused != Meaning::None && refuses_kind(&error);
            self.fail(if is_told { as_meaning(error, if_refused) } else { error }, manifest, claim);
        }
    }

    /// Fails with a manifest, and gives the claim on it back.
    pub(super) fn fail(&self, error: Arc<Error>, manifest: &RawManifest, claim: Option<Claimed>) {
        self.copy.fail(error);
        if let Some(claim) = claim {
            self.hand_on(claim, manifest.digest(), &Links::default());
        }
    }

    /// Stores the manifest, of which the target has all but what is `absent`. A registry that misses something of that is asked for each part and
    /// sent what is missing, whatever `--retries` says; one that has all and still misses some needs a moment.
    pub(super) async fn put(
        &self,
        manifest: &RawManifest,
        reference: &TagOrDigest,
        absent: &HashSet<Digest>,
    ) -> Result<(), Arc<Error>> {
        let copy = &self.copy;
        let mut stored = self.push(manifest, reference).await;
        for wait in HEALING {
            let Some(error) = stored.as_ref().err().filter(|error| misses_content(error)).cloned() else {
                break;
            };
            let mut links = manifest.links().unwrap_or_default();
            let named = links.manifests.len();
            links.manifests.retain(|child| !absent.contains(&child.digest));
            if links.manifests.len() < named && self.has_children(&links.manifests).await {
                // It misses those that were not to be brought.
                break;
            }
            self.run.tell(&copy.retrying(error, wait));
            copy.activity.wait(tokio::time::sleep(wait)).await;
            disbelieve(&links, copy);
            self.copy_parts(links).await;
            if let Some(failure) = copy.failure() {
                return Err(failure.clone());
            }
            stored = self.push(manifest, reference).await;
        }
        stored?;
        copy.ledger.note_present(Kind::Manifest, copy.target.repository(), manifest.digest());
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

    /// Gives a claim back. Those who wait for it get the copy's failure, where it is one of this manifest or of what it
    /// refers to: a copy that failed with something else leaves the manifest to the next.
    pub(super) fn hand_on(&self, claim: Claimed, manifest: &Digest, links: &Links) {
        if let Some(error) = self.copy.failure().filter(|error| is_of_manifest(error, manifest, links)) {
            claim.fail(Failure::new(error.clone(), &*self.source));
        }
    }

    /// Waits until somebody else has ended with a manifest; the copy then has to ask again, unless it would meet the same
    /// failure.
    pub(super) async fn wait_for(&self, waiting: Waiting) {
        let why = self.copy.activity.wait_for_others(waiting.done(&*self.source)).await;
        if let Some(Why::Failed(error)) = why {
            self.copy.fail(error);
        }
    }

    async fn push(&self, manifest: &RawManifest, reference: &TagOrDigest) -> Result<(), Arc<Error>> {
        let copy = &self.copy;
        let push = async || match copy.target.push_manifest(reference, manifest).await {
            Err(cause) if is_there_already(&cause, manifest, reference, copy).await => Ok(()),
            pushed => {
                pushed.map_err(|cause| copy.target_error(Operation::PushManifest(reference.clone()), cause))
            }
        };
        self.run.retrying(copy, push).await
    }
}

/// Some registries refuse to set an immutable tag again even to what it points at. And who is told of somebody else
/// who writes the same may find it written.
async fn is_there_already(
    refused: &EndpointError,
    manifest: &RawManifest,
    reference: &TagOrDigest,
    copy: &ImageCopy,
) -> bool {
    matches!(refused.meaning, Meaning::ImmutableTag | Meaning::Conflict)
        && matches!(copy.target.resolve(reference).await, Ok(Some(there)) if there == *manifest.digest())
}

/// Drops all beliefs about what the target has of this manifest.
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

/// Whether a registry does not take this kind of manifest, for good.
pub(super) fn refuses_kind(error: &Error) -> bool {
    let refuses = |error: &EndpointError| {
        error.kind == ErrorKind::Rejected
            && matches!(error.meaning, Meaning::None | Meaning::Attestation)
            && !error.is_retryable
    };
    matches!(error.operation, Operation::PushManifest(_)) && error.endpoint().is_some_and(refuses)
}

/// The error with what it means here.
pub(super) fn as_meaning(error: Arc<Error>, meaning: Meaning) -> Arc<Error> {
    let Some(own) = error.endpoint() else { return error };
    let (side, place, operation) = (error.side, error.place.clone(), error.operation.clone());
    let cause = EndpointError { meaning, ..own.clone() }.into();
    Arc::new(Error { side, place, operation, cause })
}

/// What registries say when a manifest refers to content that they do not have (any more).
fn misses_content(error: &Error) -> bool {
    error.endpoint().is_some_and(|error| error.meaning == Meaning::MissesContent)
}

/// A task's panic as the failure of its image.
pub(crate) fn panicked(place: &str, error: tokio::task::JoinError) -> Error {
    let text = match error.try_into_panic() {
        Ok(panic) => match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(panic) => (*panic.downcast::<&str>().unwrap_or(Box::new("no message"))).to_owned(),
        },
        Err(cancelled) => cancelled.to_string(),
    };
    let place = place.to_owned();
    Error { side: Side::Source, place, operation: Operation::Copy, cause: Cause::Panic(text) }
}
