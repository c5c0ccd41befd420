//! Endpoints in memory that count requests, and refuse what a registry would refuse.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use oci::{
    Descriptor, Digest, ErrorKind, HashState, MediaType, RawManifest, Recovery, RepositoryName, Tag,
    TagOrDigest, UploadStatus,
};
use sync::endpoint::{
    Answer, BlobBody, BlobRead, EndpointError as Error, FoundBlob, KeepsUploads, Kept, Mount, ReadAgain,
    ReadParts, SavedUpload, Scope, Source, StoreId, TagPage, Tags, Target, Upload, UploadWatch,
};
use sync::listing::{Listing, Repositories};
use sync::{Naming, Policy, Rule, RuleTarget, Selection};
use testkit::Dice;
use tokio::sync::Semaphore;

/// A registry in memory.
#[derive(Clone, Default)]
pub(crate) struct Fake(Arc<Mutex<State>>);

#[derive(Default)]
pub(crate) struct State {
    pub(crate) blobs: BTreeMap<(String, Digest), Bytes>,
    pub(crate) manifests: BTreeMap<(String, Digest), RawManifest>,
    pub(crate) tags: BTreeMap<(String, Tag), Digest>,
    /// How often a blob was sent to a repository.
    pub(crate) sent: HashMap<(String, Digest), usize>,
    /// How often a blob was requested from the source, whatever it answered.
    pub(crate) asked: HashMap<Digest, usize>,
    /// How often a blob was read.
    pub(crate) read: HashMap<Digest, usize>,
    pub(crate) mounts: usize,
    /// Upload sessions that were opened, and neither closed nor cancelled.
    pub(crate) open_uploads: usize,
    /// Tags that were set while something below them was missing.
    pub(crate) broken_promises: Vec<String>,
    /// Layers at other addresses than the registry.
    pub(crate) web: HashMap<String, Page>,
    /// The numbers of the steps that fail.
    pub(crate) failing_steps: BTreeSet<usize>,
    /// The right to send a blob, if a registry accepts only a few in parallel.
    pub(crate) turns: Option<Arc<Semaphore>>,
    /// How long every step takes.
    pub(crate) step_takes: Duration,
    /// Random behavior of every step.
    pub(crate) chance: Option<Chance>,
    /// Blobs whose reads hang and then fail; the store may ask for a pause.
    pub(crate) sick_blobs: HashMap<Digest, Sickness>,
    /// If set, bodies are accepted at this many bytes per second.
    pub(crate) takes_a_second: Option<u64>,
    /// Manifests that are generated at each read: many large ones then need no memory.
    pub(crate) made: Option<Made>,
    /// Whether received content is discarded, and requests are not counted.
    pub(crate) keeps_nothing: bool,
    /// Whether the registry does not answer at all.
    pub(crate) is_dead: bool,
    /// Whether everything is refused.
    pub(crate) refuses: bool,
    /// How long it takes to cancel an upload.
    pub(crate) cancel_takes: Duration,
    /// If set, upload sessions can be resumed in another run, which finds this many bytes of each.
    pub(crate) keeps_of_uploads: Option<usize>,
    /// The answer to a request for a repository's tags, and its delay.
    pub(crate) refused_tags: BTreeMap<String, (ErrorKind, Duration)>,
    /// The referrers of every manifest.
    pub(crate) referrers: Vec<Descriptor>,
    /// The maximum number of referrers lists that were requested in parallel, after the first one was answered.
    pub(crate) most_lists: usize,
    lists: usize,
    lists_given: usize,
    /// How often the tags of a repository were listed.
    pub(crate) tag_lists: HashMap<String, usize>,
    /// The maximum number of bodies that were sent in parallel.
    pub(crate) most_sending: usize,
    sending: usize,
    /// How many steps are running.
    busy: usize,
    steps: usize,
    answers: u64,
}

/// Generates the manifest with this digest, if it is a generated one.
pub(crate) type Made = Arc<dyn Fn(&Digest) -> Option<RawManifest> + Send + Sync>;

/// The bytes at an address.
#[derive(Default)]
pub(crate) struct Page {
    pub(crate) bytes: Bytes,
    /// How many requests fail with a passing error.
    pub(crate) failures: usize,
    pub(crate) asked: usize,
}

/// The fault of a blob.
#[derive(Clone, Copy)]
pub(crate) struct Sickness {
    pub(crate) hangs: Duration,
    pub(crate) asks_for: Option<Duration>,
}

/// Random behavior of each step.
pub(crate) struct Chance {
    pub(crate) dice: Dice,
    /// How many of a thousand steps fail with a passing error, and how many permanently.
    pub(crate) passing: u64,
    pub(crate) permanent: u64,
    /// A step takes up to this many milliseconds.
    pub(crate) longest: u64,
    /// How many steps failed.
    pub(crate) failed: usize,
}

impl Chance {
    fn takes(&mut self) -> Duration {
        Duration::from_millis(self.dice.below(self.longest + 1))
    }

    fn failure(&mut self) -> Option<Error> {
        let thrown = self.dice.below(1000);
        let error = if thrown < self.passing {
            passing_error()
        } else if thrown < self.passing + self.permanent {
            permanent_error()
        } else {
            return None;
        };
        self.failed += 1;
        Some(error)
    }
}

impl Fake {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(crate) fn repository(&self, registry: &str, name: &str) -> FakeRepository {
        FakeRepository {
            fake: self.clone(),
            store: StoreId::new(registry),
            name: name.parse().unwrap(),
            shown: format!("{registry}/{name}"),
        }
    }

    pub(crate) fn put_blob(&self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::sha256(bytes);
        self.state().blobs.insert((repository.to_owned(), digest.clone()), Bytes::copy_from_slice(bytes));
        digest
    }

    pub(crate) fn put_manifest(&self, repository: &str, tag: Option<&str>, body: &str) -> Digest {
        let bytes = Bytes::copy_from_slice(body.as_bytes());
        let manifest = RawManifest::from_answer(&MediaType::OCI_INDEX, bytes, None).unwrap();
        let digest = manifest.digest().clone();
        let mut state = self.state();
        state.manifests.insert((repository.to_owned(), digest.clone()), manifest);
        if let Some(tag) = tag {
            state.tags.insert((repository.to_owned(), tag.parse().unwrap()), digest.clone());
        }
        digest
    }

    /// How many steps there were so far.
    pub(crate) fn steps(&self) -> usize {
        self.state().steps
    }

    /// How many steps are waiting now.
    pub(crate) fn busy(&self) -> usize {
        self.state().busy
    }

    /// Waits for this time.
    async fn takes(&self, time: Duration) {
        if !time.is_zero() {
            let _busy = Busy::begin(self);
            tokio::time::sleep(time).await;
        }
    }

    /// A step, which may fail as planned.
    async fn step(&self) -> Result<(), Error> {
        let takes = {
            let mut state = self.state();
            state.step_takes + state.chance.as_mut().map(Chance::takes).unwrap_or_default()
        };
        self.takes(takes).await;
        let mut state = self.state();
        state.steps += 1;
        let step = state.steps;
        if state.is_dead || state.failing_steps.contains(&step) {
            return Err(passing_error());
        }
        let chance = state.chance.as_mut().and_then(Chance::failure);
        let failure = if state.refuses { Some(permanent_error()) } else { chance };
        // A refusal counts as an answer.
        state.answers += u64::from(failure.as_ref().is_none_or(|error| !error.is_retryable));
        failure.map_or(Ok(()), Err)
    }
}

fn passing_error() -> Error {
    let error = Error::new(ErrorKind::Network, "the connection broke");
    Error { scope: Scope::Store, is_retryable: true, ..error }
}

fn permanent_error() -> Error {
    Error { scope: Scope::Repository, ..Error::new(ErrorKind::Denied, "403 Forbidden") }
}

/// One repository of a [`Fake`].
pub(crate) struct FakeRepository {
    fake: Fake,
    store: StoreId,
    name: RepositoryName,
    shown: String,
}

impl FakeRepository {
    fn key<T: Clone>(&self, what: &T) -> (String, T) {
        (self.name.to_string(), what.clone())
    }

    fn find(&self, reference: &TagOrDigest) -> Option<RawManifest> {
        let state = self.fake.state();
        let digest = match reference {
            TagOrDigest::Digest(digest) => digest.clone(),
            TagOrDigest::Tag(tag) => state.tags.get(&self.key(tag))?.clone(),
        };
        let made = state.made.clone();
        let kept = state.manifests.get(&self.key(&digest)).cloned();
        drop(state);
        kept.or_else(|| made?(&digest))
    }

    fn tag_page(&self) -> TagPage {
        let state = self.fake.state();
        let mine = state.tags.keys().filter(|(repository, _)| *repository == self.name.as_str());
        TagPage { tags: mine.map(|(_, tag)| tag.clone()).collect(), invalid: Vec::new() }
    }
}

struct OnePage {
    fake: Fake,
    repository: String,
    page: Option<TagPage>,
}

impl Tags for OnePage {
    fn next(&mut self) -> Answer<'_, Option<TagPage>> {
        async move {
            self.fake.step().await?;
            let refused = {
                let mut state = self.fake.state();
                if self.page.is_some() {
                    *state.tag_lists.entry(self.repository.clone()).or_default() += 1;
                }
                state.refused_tags.get(&self.repository).copied()
            };
            if let Some((kind, after)) = refused {
                tokio::time::sleep(after).await;
                return Err(Error { is_retryable: !after.is_zero(), ..Error::new(kind, "no list") });
            }
            Ok(self.page.take())
        }
        .boxed()
    }
}

/// The listing of a registry, page by page.
#[derive(Clone)]
pub(crate) struct FakeListing {
    registry: &'static str,
    pages: Arc<Vec<FakePage>>,
}

/// A page of repositories.
pub(crate) enum FakePage {
    Of(Vec<String>),
    /// Refused permanently.
    Refused,
    /// Comes when there is a permit.
    Held(Arc<Semaphore>, Vec<String>),
}

impl FakeListing {
    pub(crate) fn new(registry: &'static str, pages: Vec<FakePage>) -> Self {
        Self { registry, pages: Arc::new(pages) }
    }
}

impl Listing for FakeListing {
    fn name(&self) -> &str {
        self.registry
    }

    fn repositories(&self, _: &[&str]) -> Box<dyn Repositories> {
        Box::new(FakePages(self.pages.clone(), 0))
    }
}

struct FakePages(Arc<Vec<FakePage>>, usize);

impl Repositories for FakePages {
    fn next(&mut self) -> Answer<'_, Option<Vec<RepositoryName>>> {
        async move {
            let names = match self.0.get(self.1) {
                None => return Ok(None),
                Some(FakePage::Refused) => return Err(permanent_error()),
                Some(FakePage::Of(names)) => names,
                Some(FakePage::Held(turn, names)) => {
                    turn.acquire().await.unwrap().forget();
                    names
                }
            };
            self.1 += 1;
            Ok(Some(names.iter().map(|name| name.parse().unwrap()).collect()))
        }
        .boxed()
    }

    fn notes(&mut self) -> Vec<String> {
        Vec::new()
    }
}

/// A blob in pieces; the next piece is the last of the vector.
struct InPieces {
    fake: Fake,
    whole: Bytes,
    pieces: Vec<Bytes>,
}

impl InPieces {
    fn from(fake: &Fake, whole: &Bytes, offset: usize) -> Self {
        // Small blobs have many pieces, and large ones as few as from a real connection.
        let piece = if whole.len() < 1 << 20 { 3 } else { 1 << 18 };
        let pieces = whole[offset..].chunks(piece).rev().map(Bytes::copy_from_slice).collect();
        Self { fake: fake.clone(), whole: whole.clone(), pieces }
    }
}

struct Again(Fake, Bytes);

impl ReadAgain for Again {
    fn read_from(&self, offset: u64) -> Answer<'_, Box<dyn BlobRead>> {
        async move {
            self.0.step().await?;
            let offset = usize::try_from(offset).unwrap();
            Ok(Box::new(InPieces::from(&self.0, &self.1, offset)) as Box<dyn BlobRead>)
        }
        .boxed()
    }
}

impl BlobRead for InPieces {
    fn next(&mut self) -> Answer<'_, Option<Bytes>> {
        async move {
            tokio::task::yield_now().await;
            self.fake.step().await?;
            Ok(self.pieces.pop())
        }
        .boxed()
    }

    fn resume(&mut self) -> Answer<'_, ()> {
        async move { self.fake.step().await }.boxed()
    }

    fn hash_state(&self) -> Option<HashState> {
        None
    }

    fn history(&self) -> Option<Arc<dyn ReadAgain>> {
        Some(Arc::new(Again(self.fake.clone(), self.whole.clone())))
    }
}

struct Receiver {
    fake: Fake,
    repository: String,
    /// The received bytes; a failing step loses the last one.
    bytes: Vec<u8>,
}

impl Receiver {
    fn open(fake: &Fake, repository: &RepositoryName) -> Box<dyn Upload> {
        fake.state().open_uploads += 1;
        Box::new(Self { fake: fake.clone(), repository: repository.to_string(), bytes: Vec::new() })
    }
}

/// A step that is waiting.
struct Busy(Fake);

impl Busy {
    fn begin(fake: &Fake) -> Self {
        fake.state().busy += 1;
        Self(fake.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.state().busy -= 1;
    }
}

/// A body that is being sent.
struct Sending(Fake);

impl Sending {
    fn begin(fake: &Fake) -> Self {
        let mut state = fake.state();
        state.sending += 1;
        state.most_sending = state.most_sending.max(state.sending);
        Self(fake.clone())
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.0.state().sending -= 1;
    }
}

impl Upload for Receiver {
    fn send<'a>(&'a mut self, digest: &'a Digest, _: Option<u64>, mut body: BlobBody) -> Answer<'a, ()> {
        async move {
            let turns = self.fake.state().turns.clone();
            let _turn = match &turns {
                Some(turns) => Some(turns.acquire().await.unwrap()),
                None => None,
            };
            let sending = Sending::begin(&self.fake);
            while let Some(piece) = body.next().await {
                let piece = piece.map_err(|_| passing_error())?;
                let takes = self.fake.state().takes_a_second;
                if let Some(takes) = takes {
                    let takes = Duration::from_secs(piece.len() as u64) / u32::try_from(takes).unwrap();
                    self.fake.takes(takes).await;
                }
                self.bytes.extend_from_slice(&piece);
            }
            self.fake.step().await?;
            drop(sending);
            assert_eq!(Digest::sha256(&self.bytes), *digest, "a registry would refuse it");
            let mut state = self.fake.state();
            state.open_uploads -= 1;
            if state.keeps_nothing {
                return Ok(());
            }
            *state.sent.entry((self.repository.clone(), digest.clone())).or_default() += 1;
            state.blobs.insert((self.repository.clone(), digest.clone()), self.bytes.clone().into());
            Ok(())
        }
        .boxed()
    }

    fn confirmed(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn watch(&self, _: Option<u64>) -> Option<Box<dyn UploadWatch>> {
        self.fake.state().keeps_of_uploads.map(|_| Box::new(LeftBehind) as Box<dyn UploadWatch>)
    }

    fn recovery(&mut self, error: &Error) -> Recovery {
        if error.is_retryable { Recovery::Later } else { Recovery::Never }
    }

    fn resume<'a>(&'a mut self, _: &'a Digest) -> Answer<'a, UploadStatus> {
        async move {
            self.fake.step().await?;
            self.bytes.pop();
            Ok(UploadStatus::At(self.bytes.len() as u64))
        }
        .boxed()
    }

    fn cancel<'a>(self: Box<Self>) -> BoxFuture<'a, ()>
    where
        Self: 'a,
    {
        async move {
            let takes = self.fake.state().cancel_takes;
            self.fake.takes(takes).await;
            self.fake.state().open_uploads -= 1;
        }
        .boxed()
    }
}

/// An upload session that can be resumed.
struct LeftBehind;

impl UploadWatch for LeftBehind {
    fn now(&self) -> SavedUpload {
        SavedUpload { place: "kept".to_owned().into(), smallest_chunk: 0 }
    }
}

impl Source for FakeRepository {
    fn name(&self) -> &str {
        &self.shown
    }

    fn store(&self) -> &StoreId {
        &self.store
    }

    fn answers(&self) -> u64 {
        self.fake.state().answers
    }

    fn tags(&self) -> Box<dyn Tags> {
        let (fake, repository) = (self.fake.clone(), self.name.to_string());
        Box::new(OnePage { fake, repository, page: Some(self.tag_page()) })
    }

    fn parts(&self) -> Option<&dyn ReadParts> {
        Some(self)
    }

    fn resolve<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, Option<Digest>> {
        async move {
            self.fake.step().await?;
            Ok(self.find(reference).map(|manifest| manifest.digest().clone()))
        }
        .boxed()
    }

    fn manifest<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, RawManifest> {
        async move {
            self.fake.step().await?;
            Ok(self.find(reference).expect("the test seeds what it reads"))
        }
        .boxed()
    }

    fn find_blob<'a>(&'a self, digest: &'a Digest) -> Answer<'a, Option<FoundBlob>> {
        Target::find_blob(self, digest)
    }

    fn blob<'a>(&'a self, blob: &'a Descriptor) -> Answer<'a, Box<dyn BlobRead>> {
        async move {
            if !self.fake.state().keeps_nothing {
                *self.fake.state().asked.entry(blob.digest.clone()).or_default() += 1;
            }
            self.fake.step().await?;
            let sick = self.fake.state().sick_blobs.get(&blob.digest).copied();
            if let Some(Sickness { hangs, asks_for }) = sick {
                self.fake.takes(hangs).await;
                return Err(Error { wait: asks_for, ..passing_error() });
            }
            let mut state = self.fake.state();
            if !state.keeps_nothing {
                *state.read.entry(blob.digest.clone()).or_default() += 1;
            }
            let Some(bytes) = state.blobs.get(&self.key(&blob.digest)).cloned() else {
                return Err(Error::new(ErrorKind::NotFound, "404 Not Found"));
            };
            Ok(Box::new(InPieces::from(&self.fake, &bytes, 0)) as Box<dyn BlobRead>)
        }
        .boxed()
    }

    fn referrers<'a>(&'a self, _: &'a Digest, _: Kept) -> Answer<'a, Vec<Descriptor>> {
        async move {
            {
                let mut state = self.fake.state();
                state.lists += 1;
                if state.lists_given > 0 {
                    state.most_lists = state.most_lists.max(state.lists);
                }
            }
            let stepped = self.fake.step().await;
            let mut state = self.fake.state();
            state.lists -= 1;
            state.lists_given += 1;
            stepped.map(|()| state.referrers.clone())
        }
        .boxed()
    }

    fn external_blob<'a>(&'a self, address: &'a str, _: &'a Descriptor) -> Answer<'a, Box<dyn BlobRead>> {
        async move {
            self.fake.step().await?;
            let mut state = self.fake.state();
            let Some(page) = state.web.get_mut(address) else {
                return Err(Error::new(ErrorKind::NotFound, "404 from the author"));
            };
            page.asked += 1;
            if page.asked <= page.failures {
                return Err(passing_error());
            }
            Ok(Box::new(InPieces::from(&self.fake, &page.bytes, 0)) as Box<dyn BlobRead>)
        }
        .boxed()
    }
}

impl ReadParts for FakeRepository {
    fn blob_from<'a>(
        &'a self,
        blob: &'a Descriptor,
        offset: u64,
        _: Option<&'a HashState>,
    ) -> Answer<'a, Box<dyn BlobRead>> {
        async move {
            Source::blob(self, blob).await?;
            let bytes = self.fake.state().blobs[&self.key(&blob.digest)].clone();
            let offset = usize::try_from(offset).unwrap();
            Ok(Box::new(InPieces::from(&self.fake, &bytes, offset)) as Box<dyn BlobRead>)
        }
        .boxed()
    }
}

impl KeepsUploads for FakeRepository {
    fn reopen<'a>(&'a self, _: &'a SavedUpload, size: Option<u64>) -> Answer<'a, Option<Box<dyn Upload>>> {
        async move {
            self.fake.step().await?;
            let Some(kept) = self.fake.state().keeps_of_uploads else { return Ok(None) };
            self.fake.state().open_uploads += 1;
            let size = usize::try_from(size.unwrap_or_default()).unwrap();
            // In tests that keep uploads, all bytes of the layers are the same.
            let bytes = vec![7; kept.min(size)];
            let (fake, repository) = (self.fake.clone(), self.name.to_string());
            Ok(Some(Box::new(Receiver { fake, repository, bytes }) as Box<dyn Upload>))
        }
        .boxed()
    }

    fn confirmed<'a>(&'a self, _: &'a SavedUpload, size: Option<u64>) -> Answer<'a, Option<u64>> {
        async move {
            self.fake.step().await?;
            let kept = self.fake.state().keeps_of_uploads;
            Ok(kept.map(|kept| (kept as u64).min(size.unwrap_or_default())))
        }
        .boxed()
    }
}

impl Target for FakeRepository {
    fn name(&self) -> &str {
        &self.shown
    }

    fn store(&self) -> &StoreId {
        &self.store
    }

    fn repository(&self) -> &RepositoryName {
        &self.name
    }

    fn answers(&self) -> u64 {
        Source::answers(self)
    }

    fn tags(&self) -> Box<dyn Tags> {
        Source::tags(self)
    }

    fn contents(&self) -> Arc<dyn Source> {
        Arc::new(self.fake.repository(self.store.as_str(), self.name.as_str()))
    }

    fn kept_uploads(&self) -> Option<&dyn KeepsUploads> {
        Some(self)
    }

    fn resolve<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, Option<Digest>> {
        Source::resolve(self, reference)
    }

    fn manifest<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, RawManifest> {
        Source::manifest(self, reference)
    }

    fn prepare(&self) -> Answer<'_, ()> {
        std::future::ready(Ok(())).boxed()
    }

    fn try_push(&self) -> Answer<'_, ()> {
        self.fake.step().boxed()
    }

    fn find_blob<'a>(&'a self, digest: &'a Digest) -> Answer<'a, Option<FoundBlob>> {
        async move {
            self.fake.step().await?;
            let found = self.fake.state().blobs.get(&self.key(digest)).map(Bytes::len);
            Ok(found.map(|length| FoundBlob { length: Some(length as u64) }))
        }
        .boxed()
    }

    fn mount<'a>(&'a self, digest: &'a Digest, from: &'a RepositoryName) -> Answer<'a, Mount> {
        async move {
            self.fake.step().await?;
            let mut state = self.fake.state();
            if let Some(bytes) = state.blobs.get(&(from.to_string(), digest.clone())).cloned() {
                state.mounts += 1;
                state.blobs.insert(self.key(digest), bytes);
                return Ok(Mount::Mounted);
            }
            drop(state);
            Ok(Mount::Upload(Receiver::open(&self.fake, &self.name)))
        }
        .boxed()
    }

    fn mount_remembered<'a>(&'a self, digest: &'a Digest, from: &'a RepositoryName) -> Answer<'a, Mount> {
        self.mount(digest, from)
    }

    fn start_upload<'a>(&'a self, _: Option<&'a Digest>) -> Answer<'a, Mount> {
        async move {
            self.fake.step().await?;
            Ok(Mount::Upload(Receiver::open(&self.fake, &self.name)))
        }
        .boxed()
    }

    fn push_manifest<'a>(&'a self, reference: &'a TagOrDigest, manifest: &'a RawManifest) -> Answer<'a, ()> {
        async move {
            self.fake.step().await?;
            if self.fake.state().keeps_nothing {
                return Ok(());
            }
            let links = manifest.links().unwrap();
            let mut state = self.fake.state();
            let missing_blob =
                links.blobs.iter().find(|blob| !state.blobs.contains_key(&self.key(&blob.digest)));
            let missing_child =
                links.manifests.iter().find(|child| !state.manifests.contains_key(&self.key(&child.digest)));
            if let Some(missing) = missing_blob.or(missing_child) {
                let promise = format!("{reference} was stored without {}", missing.digest);
                state.broken_promises.push(promise);
            }
            state.manifests.insert(self.key(manifest.digest()), manifest.clone());
            if let TagOrDigest::Tag(tag) = reference {
                state.tags.insert(self.key(tag), manifest.digest().clone());
            }
            Ok(())
        }
        .boxed()
    }

    fn lists_referrer<'a>(&'a self, _: &'a Digest, _: &'a Descriptor) -> Answer<'a, bool> {
        async move { self.fake.step().await.map(|()| true) }.boxed()
    }

    fn list_referrer<'a>(&'a self, _: &'a Digest, _: &'a Descriptor) -> Answer<'a, ()> {
        async move { self.fake.step().await }.boxed()
    }
}

/// The same rule with another policy.
pub(crate) fn with_policy(rule: Rule, change: impl FnOnce(&mut Policy)) -> Rule {
    let mut policy = (*rule.policy).clone();
    change(&mut policy);
    Rule { policy: Arc::new(policy), ..rule }
}

/// A rule that copies all tags of `a/app` from a host to `to` at each of the others.
pub(crate) fn rule_to(to: &str, (source, host): (&Fake, &str), targets: &[(&Fake, &str)]) -> Rule {
    let target = |(fake, host): &(&Fake, &str)| RuleTarget {
        target: Arc::new(fake.repository(host, to)),
        naming: Naming::Same,
    };
    Rule {
        source: Arc::new(source.repository(host, "a/app")),
        selection: Selection::All,
        targets: targets.iter().map(target).collect(),
        policy: Arc::default(),
    }
}

/// The same, to `b/app`.
pub(crate) fn rule(source: (&Fake, &str), targets: &[(&Fake, &str)]) -> Rule {
    rule_to("b/app", source, targets)
}
