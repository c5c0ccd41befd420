//! What all tasks of one run share.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use oci::{RepositoryName, TagOrDigest};

use crate::amounts::Counter;
use crate::attempt::Breakers;
use crate::backoff::Backoff;
use crate::bandwidth::{Bandwidth, Pace};
use crate::deadline::{Deadline, TooLate};
use crate::endpoint::StoreId;
use crate::endpoint::{Target, Upload};
use crate::ledger::Ledger;
use crate::open_upload::{AbandonTo, OpenUpload};
use crate::places::Places;
use crate::referrer_tags::ReferrerTags;
use crate::target_repository::TargetRepository;
use crate::{Error, Event, Image, Observer, PlatformFilter, State};

/// How to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many blobs move at once. Of small ones, unless this is 1, a multiple may wait for answers.
    pub blobs_at_once: usize,
    /// How often a step that failed for a passing reason is tried again.
    pub retries: u32,
    /// How fast bodies are read, all together; as fast as it goes without.
    pub bandwidth: Option<Bandwidth>,
    /// Which platforms are copied.
    pub platforms: PlatformFilter,
    /// Which manifests are stored.
    pub rewrite: Rewrite,
    /// Whether anything is copied at all.
    pub mode: Mode,
    /// How long images in work may go on when the run is asked to stop.
    pub drain: Duration,
}

/// Which manifests are stored at the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rewrite {
    /// Those that differ.
    Changed,
    /// All of them, also where the target has them.
    Always,
}

/// Whether anything is copied at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Copy.
    Copy,
    /// Only look what would be copied.
    DryRun,
}

impl Options {
    /// Copies what has changed, of all platforms, and stops at once when asked to.
    pub fn new(blobs_at_once: usize, retries: u32) -> Self {
        let platforms = PlatformFilter::default();
        let (rewrite, mode) = (Rewrite::Changed, Mode::Copy);
        Self { blobs_at_once, retries, bandwidth: None, platforms, rewrite, mode, drain: Duration::ZERO }
    }
}

/// Shared by all tasks of a run.
pub(crate) struct Run {
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) retries: u32,
    pub(crate) platforms: PlatformFilter,
    pub(crate) rewrite: Rewrite,
    pub(crate) mode: Mode,
    pub(crate) places: Places,
    pub(crate) breakers: Breakers,
    pub(crate) pace: Pace,
    pub(crate) state: State,
    pub(crate) deadline: Deadline,
    /// Referrers that rules do not want, where listings tell how many there are.
    pub(crate) unwanted_referrers: AtomicU64,
    /// And those that stand under tags of their own.
    pub(crate) referrer_tags: ReferrerTags,
    abandon_to: AbandonTo,
    ledgers: Mutex<HashMap<StoreId, Arc<Ledger>>>,
    repositories: Mutex<HashMap<(StoreId, RepositoryName), Arc<TargetRepository>>>,
}

/// One image on its way to one target. An image that goes to several targets is walked once, with a lane
/// for each; what fails in one lane leaves the others alone.
pub(crate) struct Lane {
    pub(crate) image: Arc<Image>,
    /// The rule that asked for it.
    pub(crate) rule: usize,
    pub(crate) target: Arc<dyn Target>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) repository: Arc<TargetRepository>,
    pub(crate) amounts: Counter,
    pub(crate) started: Instant,
    failure: OnceLock<Arc<Error>>,
}

impl Run {
    pub(crate) fn new(
        observer: Arc<dyn Observer>,
        options: Options,
        state: State,
        abandon_to: AbandonTo,
    ) -> Self {
        Self {
            observer,
            retries: options.retries,
            platforms: options.platforms,
            rewrite: options.rewrite,
            mode: options.mode,
            places: Places::new(options.blobs_at_once),
            breakers: Breakers::default(),
            pace: Pace::new(options.bandwidth),
            state,
            deadline: Deadline::default(),
            unwanted_referrers: AtomicU64::new(0),
            referrer_tags: ReferrerTags::default(),
            abandon_to,
            ledgers: Mutex::default(),
            repositories: Mutex::default(),
        }
    }

    /// Prepares the way of a rule's `image` to `target`.
    pub(crate) fn lane(&self, image: Arc<Image>, rule: usize, target: Arc<dyn Target>) -> Arc<Lane> {
        let registry = target.store().clone();
        let ledger = lock(&self.ledgers).entry(registry.clone()).or_default().clone();
        let key = (registry, target.repository().clone());
        let repository = lock(&self.repositories)
            .entry(key)
            .or_insert_with(|| Arc::new(TargetRepository::new(target.clone())))
            .clone();
        let (amounts, started) = (Counter::default(), Instant::now());
        Arc::new(Lane { image, rule, target, ledger, repository, amounts, started, failure: OnceLock::new() })
    }

    pub(crate) fn tell(&self, event: &Event) {
        self.observer.event(event);
    }

    /// Tries a step until it succeeds or trying again is hopeless. `image` is for whoever watches.
    pub(crate) async fn retrying<T, F>(
        &self,
        image: &Arc<Image>,
        mut step: impl FnMut() -> F,
    ) -> Result<T, Arc<Error>>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut backoff = Backoff::new(self.retries);
        loop {
            let error = match step().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let wait = backoff.next(&error);
            let error = Arc::new(error);
            let Some(wait) = wait else { return Err(error) };
            self.pause(image, error, wait).await?;
        }
    }

    /// Waits before a failed step is tried again; gives it up at once where the run's end comes first.
    pub(crate) async fn pause(
        &self,
        image: &Arc<Image>,
        error: Arc<Error>,
        wait: Duration,
    ) -> Result<(), Arc<Error>> {
        self.tell(&Event::Retrying { image: image.clone(), error: error.clone(), wait });
        self.deadline.sleep(wait).await.map_err(|TooLate| Arc::new(error.stopped()))
    }

    /// Waits before `source` is asked for its list again; gives the error back if it is not to be asked again.
    pub(crate) async fn pause_list(
        &self,
        source: &Arc<str>,
        backoff: &mut Backoff,
        error: Error,
    ) -> Result<(), Arc<Error>> {
        let wait = backoff.next(&error);
        let error = Arc::new(error);
        let Some(wait) = wait else { return Err(error) };
        self.tell(&Event::RetryingList { source: source.clone(), error: error.clone(), wait });
        self.deadline.sleep(wait).await.map_err(|TooLate| Arc::new(error.stopped()))
    }

    /// Keeps an eye on an upload that a target has opened.
    pub(crate) fn opened(&self, upload: Box<dyn Upload>) -> OpenUpload {
        OpenUpload::new(upload, &self.abandon_to)
    }
}

/// A panic elsewhere is told by itself: what it held is read on.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lane {
    /// Ends this lane; the first reason counts.
    pub(crate) fn fail(&self, error: Arc<Error>) {
        let _ = self.failure.set(error);
    }

    pub(crate) fn failure(&self) -> Option<&Arc<Error>> {
        self.failure.get()
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failure.get().is_some()
    }

    /// An error of this lane's target.
    pub(crate) fn target_error(&self, operation: crate::Operation, cause: impl Into<crate::Cause>) -> Error {
        let place = self.target.name().to_owned();
        Error { side: crate::Side::Target, place, operation, cause: cause.into() }
    }

    /// The name that the image gets at the target.
    pub(crate) fn reference(&self) -> &TagOrDigest {
        &self.image.target_reference
    }
}
