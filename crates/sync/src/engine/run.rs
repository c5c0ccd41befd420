//! What all tasks of one run share.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use oci::{Descriptor, RepositoryName, TagOrDigest};

use crate::copy::open_upload::{AbandonTo, OpenUpload};
use crate::endpoint::{Answer, EndpointError, StoreId, Target, Upload};
use crate::engine::backoff::Backoff;
use crate::engine::bandwidth::Bandwidth;
use crate::engine::deadline::{Deadline, TooLate};
use crate::engine::retry::{Asked, Counted, retry};
use crate::engine::verification::{Against, Verification};
use crate::engine::{Activity, Engine, HeldBytes, ImageBytes, ImageRead, ImageSlot, Pair, Place};
use crate::lock::lock;
use crate::memory::brought::Brought;
use crate::memory::inspected::Inspected;
use crate::memory::ledger::Ledger;
use crate::memory::looked::Looked;
use crate::memory::refusals::Refusals;
use crate::memory::sparse_indexes::{SparseIndexes, SparseTargets};
use crate::memory::target_repository::TargetRepository;
use crate::plan::awaited::Awaited;
use crate::plan::listings::Listings;
use crate::plan::referrer_tags::ReferrerTags;
use crate::plan::shard::share::{Keys, Share};
use crate::plan::survey::Survey;
use crate::report::amounts::Counter;
use crate::report::event::Teller;
use crate::{Error, Event, Image, Side, State};

/// The options of a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many blobs are transferred in parallel. Unless this is 1, a multiple of small ones may wait for answers.
    pub blobs_at_once: usize,
    /// How often a step is retried after a passing error.
    pub retries: u32,
    /// How fast bodies are read, all together; unlimited without.
    pub bandwidth: Option<Bandwidth>,
    /// What the run does.
    pub mode: Mode,
    /// How long running images may go on when the run is asked to stop.
    pub drain: Duration,
}

/// What the run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Copies.
    Copy,
    /// Only decides what to copy, and finds out what that would transfer.
    Plan,
    /// Checks whether the targets' content is intact.
    Verify(Verification),
    /// Only finds out what the rules select, and what else their targets have.
    List,
}

impl Mode {
    /// On which side images are listed: a verification without a source lists targets.
    pub(crate) fn listed_side(self) -> Side {
        match self {
            Self::Verify(how) if how.against == Against::Itself => Side::Target,
            _ => Side::Source,
        }
    }

    /// Whether the run reports images that only the targets have.
    pub(crate) fn looks_for_extra(self) -> bool {
        matches!(self, Self::Plan | Self::List)
    }
}

impl Options {
    /// Copies, and stops at once when asked to.
    pub fn new(blobs_at_once: usize, retries: u32) -> Self {
        Self { blobs_at_once, retries, bandwidth: None, mode: Mode::Copy, drain: Duration::ZERO }
    }
}

/// Which part of the images that its rules select a run processes.
#[derive(Default)]
pub(crate) struct Part {
    /// Set if the run copies only a shard.
    pub(crate) share: Option<Share>,
    /// Set if the run is a survey.
    pub(crate) survey: Option<Survey>,
    /// Targets at which an index may be stored without all its manifests.
    pub(crate) sparse_targets: SparseTargets,
}

/// Shared by all tasks of a run.
pub(crate) struct Run {
    /// Its number in the engine.
    pub(crate) number: u64,
    pub(crate) teller: Teller,
    pub(crate) retries: u32,
    pub(crate) mode: Mode,
    pub(crate) engine: Engine,
    pub(crate) state: State,
    pub(crate) looked: Looked,
    pub(crate) brought: Brought,
    pub(crate) inspected: Inspected,
    pub(crate) refusals: Refusals,
    pub(crate) sparse_indexes: SparseIndexes,
    pub(crate) deadline: Deadline,
    pub(crate) awaited: Arc<Awaited>,
    /// How many referrers the rules do not want, according to listings that report their number.
    pub(crate) unwanted_referrers: AtomicU64,
    /// Referrers that have their own tags.
    pub(crate) referrer_tags: ReferrerTags,
    /// The keys that assign images to shards.
    pub(crate) keys: Keys,
    /// The shard of this run, if it does not copy all images.
    pub(crate) share: Option<Share>,
    /// Collects the images, in a survey.
    pub(crate) survey: Option<Survey>,
    listings: Mutex<Listings>,
    abandon_to: AbandonTo,
    /// Held here, because the engine keeps ledgers only as long as a run holds them.
    ledgers: Mutex<HashMap<StoreId, Arc<Ledger>>>,
    repositories: Mutex<HashMap<(StoreId, RepositoryName), Arc<TargetRepository>>>,
}

/// One image for one target.
pub(crate) struct Way {
    pub(crate) image: Arc<Image>,
    /// The rule that selected it.
    pub(crate) rule: usize,
    /// The index of this target among the image's targets.
    pub(crate) index: usize,
    /// The older the image, the lower.
    pub(crate) rank: u64,
    pub(crate) target: Arc<dyn Target>,
}

/// One image for one target. An image with several targets has one copy for each, and each copy ends on its own.
pub(crate) struct ImageCopy {
    pub(crate) image: Arc<Image>,
    /// The rule that selected it.
    pub(crate) rule: usize,
    /// The index of this target among the image's targets.
    pub(crate) index: usize,
    /// The older the image, the lower.
    pub(crate) rank: u64,
    pub(crate) pair: Pair,
    pub(crate) target: Arc<dyn Target>,
    pub(crate) activity: Activity,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) repository: Arc<TargetRepository>,
    pub(crate) amounts: Counter,
    pub(crate) started: Instant,
    failure: OnceLock<Arc<Error>>,
}

impl Run {
    pub(crate) fn new(
        number: u64,
        engine: Engine,
        teller: Teller,
        options: &Options,
        state: State,
        abandon_to: AbandonTo,
        part: Part,
    ) -> Self {
        Self {
            number,
            engine,
            teller,
            retries: options.retries,
            mode: options.mode,
            state,
            looked: Looked::default(),
            brought: Brought::default(),
            inspected: Inspected::default(),
            refusals: Refusals::default(),
            sparse_indexes: SparseIndexes::new(part.sparse_targets),
            deadline: Deadline::default(),
            awaited: Arc::default(),
            unwanted_referrers: AtomicU64::new(0),
            referrer_tags: ReferrerTags::default(),
            keys: Keys::default(),
            share: part.share,
            survey: part.survey,
            listings: Mutex::default(),
            abandon_to,
            ledgers: Mutex::default(),
            repositories: Mutex::default(),
        }
    }

    /// Begins the copy of an image to a target.
    pub(crate) fn begin_copy(&self, way: Way, slot: ImageSlot) -> Arc<ImageCopy> {
        let Way { image, rule, index, rank, target } = way;
        let store = target.store().clone();
        let ledger =
            lock(&self.ledgers).entry(store.clone()).or_insert_with(|| self.engine.ledger(&store)).clone();
        let repository = self.target_repository(&target);
        Arc::new(ImageCopy {
            image,
            rule,
            index,
            rank,
            pair: slot.pair().clone(),
            target,
            ledger,
            repository,
            activity: Activity::new(slot),
            amounts: Counter::default(),
            started: Instant::now(),
            failure: OnceLock::new(),
        })
    }

    /// What this run knows of a target repository.
    pub(crate) fn target_repository(&self, target: &Arc<dyn Target>) -> Arc<TargetRepository> {
        lock(&self.repositories)
            .entry((target.store().clone(), target.repository().clone()))
            .or_insert_with(|| Arc::new(TargetRepository::new(target.clone())))
            .clone()
    }

    /// The results so far, in a run that only lists.
    pub(crate) fn listings(&self) -> MutexGuard<'_, Listings> {
        lock(&self.listings)
    }

    /// Reports the repositories that are divided among shards.
    pub(crate) fn tell_of_division(&self) {
        let Some(share) = &self.share else { return };
        for repository in share.split.divided() {
            let text = "it is larger than a shard should be: its tags are divided among shards, and layers that they share may \
                        be sent by each"
                .to_owned();
            self.tell(&Event::Note { place: repository.clone(), text });
        }
    }

    pub(crate) fn tell(&self, event: &Event) {
        self.teller.tell(event);
    }

    /// Tries a step of a copy until it succeeds or must not be retried.
    pub(crate) async fn retrying<T, F>(
        &self,
        copy: &ImageCopy,
        mut step: impl FnMut() -> F + Send,
    ) -> Result<T, Arc<Error>>
    where
        T: Send,
        F: Future<Output = Result<T, Error>> + Send,
    {
        let attempt = || {
            let tried = step();
            async move { tried.await.map_err(Arc::new) }
        };
        let pause = |error, wait| self.pause(copy, error, wait);
        retry(&mut Counted { tries: &mut Backoff::new(self.retries), attempt, pause }).await
    }

    /// Asks `source` for a list, or a page of one, until it answers or the request must not be retried.
    pub(crate) async fn retrying_list<T, S>(
        &self,
        source: &Arc<str>,
        (from, ask): (&mut S, for<'b> fn(&'b mut S) -> Answer<'b, T>),
        error: impl Fn(EndpointError) -> Error + Send + Sync,
    ) -> Result<T, Arc<Error>>
    where
        T: Send,
        S: Send + ?Sized,
    {
        let tries = &mut Backoff::new(self.retries);
        let error = |cause| Arc::new(error(cause));
        let pause = |error, wait| self.pause_list(source, error, wait);
        retry(&mut Asked { tries, from, ask, error, pause }).await
    }

    /// Waits before a retry; returns an error at once if the run ends earlier. The copy's slot is free meanwhile.
    pub(crate) async fn pause(
        &self,
        copy: &ImageCopy,
        error: Arc<Error>,
        wait: Duration,
    ) -> Result<(), Arc<Error>> {
        self.tell(&copy.retrying(error.clone(), wait));
        let slept = copy.activity.wait(self.deadline.sleep(wait)).await;
        slept.map_err(|TooLate| Arc::new(error.stopped()))
    }

    /// Waits before `source` is asked for its list again.
    async fn pause_list(
        &self,
        source: &Arc<str>,
        error: Arc<Error>,
        wait: Duration,
    ) -> Result<(), Arc<Error>> {
        self.tell(&Event::RetryingList { source: source.clone(), error: error.clone(), wait });
        self.deadline.sleep(wait).await.map_err(|TooLate| Arc::new(error.stopped()))
    }

    /// Wraps an upload session that a target has opened, so that it is cancelled if it is dropped open.
    pub(crate) fn opened(&self, upload: Box<dyn Upload>) -> OpenUpload {
        OpenUpload::new(upload, &self.abandon_to)
    }
}

/// The assumed size of a manifest in bytes, if its descriptor has none.
const UNTOLD: u64 = 4 << 20;

impl ImageCopy {
    /// Waits for the right to transfer a blob.
    pub(crate) async fn place(&self, run: &Run, blob: &Descriptor) -> Place {
        run.engine.places().take(&self.pair, self.rank, blob).await
    }

    /// Waits for the right to read the image's root manifest, or one under another tag that is copied with it. The
    /// caller must hold nothing that others wait for. The slot is free meanwhile, as in `bytes_for`.
    pub(crate) async fn image_read(&self, run: &Run) -> ImageRead {
        self.right_to_read(run.engine.image_bytes()).await
    }

    /// Waits for the right to read a list of referrers, and holds it while the list is read.
    pub(crate) async fn list_read(&self, run: &Run) -> ImageRead {
        self.right_to_read(run.engine.list_bytes()).await
    }

    async fn right_to_read(&self, budget: &ImageBytes) -> ImageRead {
        match budget.take_now(&self.pair, self.rank) {
            Some(read) => read,
            None => self.activity.wait(budget.take(&self.pair, self.rank)).await,
        }
    }

    /// Waits until it can reserve memory for a manifest below an index, or for content that is only inspected. The
    /// slot is free meanwhile, but only for other pairs: more images of this pair would wait as well.
    pub(crate) async fn bytes_for(&self, run: &Run, content: &Descriptor) -> HeldBytes {
        let (budget, bytes) = (run.engine.below(), content.size.unwrap_or(UNTOLD));
        match budget.take_now(&self.pair, self.rank, bytes) {
            Some(held) => held,
            None => self.activity.wait(budget.take(&self.pair, self.rank, bytes)).await,
        }
    }

    /// The event for a failed step that will be retried.
    pub(crate) fn retrying(&self, error: Arc<Error>, wait: Duration) -> Event {
        let place = match error.side {
            Side::Source => self.image.source.clone(),
            Side::Target => self.image.target.clone(),
        };
        Event::Retrying { image: self.image.clone(), place, error, wait }
    }

    /// Fails this copy; only the first error is kept.
    pub(crate) fn fail(&self, error: Arc<Error>) {
        let _ = self.failure.set(error);
    }

    pub(crate) fn failure(&self) -> Option<&Arc<Error>> {
        self.failure.get()
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failure.get().is_some()
    }

    /// An error of this copy's target.
    pub(crate) fn target_error(&self, operation: crate::Operation, cause: impl Into<crate::Cause>) -> Error {
        let place = self.target.name().to_owned();
        Error { side: crate::Side::Target, place, operation, cause: cause.into() }
    }

    /// The image's reference at the target.
    pub(crate) fn reference(&self) -> &TagOrDigest {
        &self.image.target_reference
    }
}
