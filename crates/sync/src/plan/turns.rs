//! Limits how many listings run in parallel for each source store, so that listings of one registry do not wait for
//! another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::endpoint::StoreId;
use crate::lock::lock;

/// The turns of a run.
pub(crate) struct Turns {
    at_once: usize,
    stores: Mutex<HashMap<StoreId, Arc<Semaphore>>>,
}

impl Turns {
    /// With this many turns for each store.
    pub(crate) fn new(at_once: usize) -> Self {
        Self { at_once: at_once.max(1), stores: Mutex::default() }
    }

    /// A turn at `store`, not taken yet.
    pub(crate) fn at(&self, store: &StoreId) -> Turn {
        let new = || Arc::new(Semaphore::new(self.at_once));
        let turns = lock(&self.stores).entry(store.clone()).or_insert_with(new).clone();
        Turn { turns, taken: Mutex::new(None) }
    }
}

/// The right to list at one store, once it is taken.
pub(crate) struct Turn {
    turns: Arc<Semaphore>,
    taken: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Turn {
    /// Waits for the turn.
    pub(crate) async fn take(&self) {
        // The semaphore is never closed, so this always succeeds.
        let taken = self.turns.clone().acquire_owned().await.ok();
        *lock(&self.taken) = taken;
    }

    /// Gives the turn to another discovery.
    pub(crate) fn give_back(&self) {
        lock(&self.taken).take();
    }

    /// Waits for something else. If the turn was taken, other discoveries can use it meanwhile.
    pub(crate) async fn wait<T>(&self, wait: impl Future<Output = T>) -> T {
        let taken = lock(&self.taken).take().is_some();
        let waited = wait.await;
        if taken {
            self.take().await;
        }
        waited
    }
}
