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

/// How to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many blobs move at once. Of small ones, unless this is 1, a multiple may wait for answers.
    pub blobs_at_once: usize,
    /// How often a step that failed for a passing reason is tried again.
    pub retries: u32,
    /// How fast bodies are read, all together; as fast as it goes without.
    pub bandwidth: Option<Bandwidth>,
    /// Whether anything is copied at all.
    pub mode: Mode,
    /// How long images in work may go on when the run is asked to stop.
    pub drain: Duration,
}

/// Whether anything is copied at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Copy.
    Copy,
    /// Only decide what is to be copied, and find out what that takes.
    Plan,
    /// Look whether what targets have is whole.
    Verify(Verification),
    /// Only find out what rules select, and what their targets have beside it.
    List,
}

impl Mode {
    /// On which side images are listed: without a source targets are.
    pub(crate) fn listed_side(self) -> Side {
        match self {
            Self::Verify(how) if how.against == Against::Itself => Side::Target,
            _ => Side::Source,
        }
    }

    /// Whether it is told what only targets have.
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

/// What a run is about of all that its rules select.
#[derive(Default)]
pub(crate) struct Part {
    /// Where it does not bring all.
    pub(crate) share: Option<Share>,
    /// Where it surveys.
    pub(crate) survey: Option<Survey>,
    /// Where indexes may have to stand without all their manifests.
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
    pub(crate) inspected: Inspected,
    pub(crate) refusals: Refusals,
    pub(crate) sparse_indexes: SparseIndexes,
    pub(crate) deadline: Deadline,
    pub(crate) awaited: Arc<Awaited>,
    /// Referrers that rules do not want, where listings tell how many there are.
    pub(crate) unwanted_referrers: AtomicU64,
    /// And those that stand under tags of their own.
    pub(crate) referrer_tags: ReferrerTags,
    /// Who brings an image, where that is asked.
    pub(crate) keys: Keys,
    /// What this run brings, where it does not bring all.
    pub(crate) share: Option<Share>,
    /// Where images are taken down, in a run that surveys.
    pub(crate) survey: Option<Survey>,
    listings: Mutex<Listings>,
    abandon_to: AbandonTo,
    /// Kept by the engine for as long as a run has them.
    ledgers: Mutex<HashMap<StoreId, Arc<Ledger>>>,
    repositories: Mutex<HashMap<(StoreId, RepositoryName), Arc<TargetRepository>>>,
}

/// Where one image goes.
pub(crate) struct Way {
    pub(crate) image: Arc<Image>,
    /// The rule that asked for it.
    pub(crate) rule: usize,
    /// Which of the image's targets this is.
    pub(crate) index: usize,
    /// The older the image, the lower.
    pub(crate) rank: u64,
    pub(crate) target: Arc<dyn Target>,
}

/// One image on its way to one target. An image that goes to several targets has a copy for each, and each ends for
/// itself.
pub(crate) struct ImageCopy {
    pub(crate) image: Arc<Image>,
    /// The rule that asked for it.
    pub(crate) rule: usize,
    /// Which of the image's targets this is.
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

    /// Begins the way of an image to a target.
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

    /// What is known of a repository in this run.
    pub(crate) fn target_repository(&self, target: &Arc<dyn Target>) -> Arc<TargetRepository> {
        lock(&self.repositories)
            .entry((target.store().clone(), target.repository().clone()))
            .or_insert_with(|| Arc::new(TargetRepository::new(target.clone())))
            .clone()
    }

    /// What was found so far, in a run that only lists.
    pub(crate) fn listings(&self) -> MutexGuard<'_, Listings> {
        lock(&self.listings)
    }

    /// Says which repositories more than one shard brings.
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

    /// Tries a step of a copy until it succeeds or trying again is hopeless.
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

    /// Asks `source` for a list, or a page of one, until it answers or asking again is hopeless.
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

    /// Waits before a failed step is tried again; gives it up at once where the run's end comes first.
    /// The copy's slot is free meanwhile.
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

    /// Keeps an eye on an upload that a target has opened.
    pub(crate) fn opened(&self, upload: Box<dyn Upload>) -> OpenUpload {
        OpenUpload::new(upload, &self.abandon_to)
    }
}

/// What a manifest is taken to have, in bytes, whose size is not told.
const UNTOLD: u64 = 4 << 20;

impl ImageCopy {
    /// Waits for the right to move a blob.
    pub(crate) async fn place(&self, run: &Run, blob: &Descriptor) -> Place {
        run.engine.places().take(&self.pair, self.rank, blob).await
    }

    /// Waits for the right to read the image's own manifest, or one under another tag that comes with it. Nothing is held
    /// meanwhile that others wait for; the slot is free as below.
    pub(crate) async fn image_read(&self, run: &Run) -> ImageRead {
        self.right_to_read(run.engine.image_bytes()).await
    }

    /// Waits for the right to read a list of what refers to something. It is held for as long as that is read.
    pub(crate) async fn list_read(&self, run: &Run) -> ImageRead {
        self.right_to_read(run.engine.list_bytes()).await
    }

    async fn right_to_read(&self, budget: &ImageBytes) -> ImageRead {
        match budget.take_now(&self.pair, self.rank) {
            Some(read) => read,
            None => self.activity.wait(budget.take(&self.pair, self.rank)).await,
        }
    }

    /// Waits for the right to hold in memory a manifest below an index, or what is only looked at. The copy's slot is free meanwhile, though for other
    /// pairs alone: more images of this one would wait as well.
    pub(crate) async fn bytes_for(&self, run: &Run, content: &Descriptor) -> HeldBytes {
        let (budget, bytes) = (run.engine.below(), content.size.unwrap_or(UNTOLD));
        match budget.take_now(&self.pair, self.rank, bytes) {
            Some(held) => held,
            None => self.activity.wait(budget.take(&self.pair, self.rank, bytes)).await,
        }
    }

    /// What is told when a step of it failed that is tried again.
    pub(crate) fn retrying(&self, error: Arc<Error>, wait: Duration) -> Event {
        let place = match error.side {
            Side::Source => self.image.source.clone(),
            Side::Target => self.image.target.clone(),
        };
        Event::Retrying { image: self.image.clone(), place, error, wait }
    }

    /// Ends this copy; the first reason counts.
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

    /// The name that the image gets at the target.
    pub(crate) fn reference(&self) -> &TagOrDigest {
        &self.image.target_reference
    }
}
