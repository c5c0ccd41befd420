//! What all tasks of one run share.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use registry::{RegistryHost, RepositoryName, TagOrDigest};
use tokio::sync::Semaphore;

use crate::backoff::Backoff;
use crate::endpoint::Target;
use crate::ledger::Ledger;
use crate::target_repository::TargetRepository;
use crate::{Error, Event, Image, Observer};

/// Shared by all tasks of a run.
pub(crate) struct Run {
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) retries: u32,
    /// One permit for each blob that moves.
    pub(crate) blobs_at_once: Semaphore,
    pub(crate) moved_bytes: AtomicU64,
    pub(crate) saved_bytes: AtomicU64,
    ledgers: Mutex<HashMap<RegistryHost, Arc<Ledger>>>,
    repositories: Mutex<HashMap<(RegistryHost, RepositoryName), Arc<TargetRepository>>>,
}

/// One image on its way to one target. An image that goes to several targets is walked once, with a lane
/// for each; what fails in one lane leaves the others alone.
pub(crate) struct Lane {
    pub(crate) image: Arc<Image>,
    pub(crate) target: Arc<dyn Target>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) repository: Arc<TargetRepository>,
    failure: OnceLock<Arc<Error>>,
}

impl Run {
    pub(crate) fn new(observer: Arc<dyn Observer>, retries: u32, blobs_at_once: usize) -> Self {
        Self {
            observer,
            retries,
            blobs_at_once: Semaphore::new(blobs_at_once),
            moved_bytes: AtomicU64::new(0),
            saved_bytes: AtomicU64::new(0),
            ledgers: Mutex::default(),
            repositories: Mutex::default(),
        }
    }

    /// Prepares the way of `image` to `target`.
    pub(crate) fn lane(&self, image: Arc<Image>, target: Arc<dyn Target>) -> Arc<Lane> {
        let registry = target.registry().clone();
        let ledger = lock(&self.ledgers).entry(registry.clone()).or_default().clone();
        let key = (registry, target.repository().clone());
        let repository = lock(&self.repositories)
            .entry(key)
            .or_insert_with(|| Arc::new(TargetRepository::new(target.clone())))
            .clone();
        Arc::new(Lane { image, target, ledger, repository, failure: OnceLock::new() })
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
            self.tell(&Event::Retrying { image: image.clone(), error, wait });
            tokio::time::sleep(wait).await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
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
