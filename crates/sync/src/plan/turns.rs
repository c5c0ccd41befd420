//! Turns to list: so many at once for each store that is read, so that no registry's lists wait for another's.

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
    /// So many at once for each store.
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

/// The right to list at one store, as long as it is not given back.
pub(crate) struct Turn {
    turns: Arc<Semaphore>,
    taken: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Turn {
    /// Waits for it.
    pub(crate) async fn take(&self) {
        // Never closed, so this always gives one.
        let taken = self.turns.clone().acquire_owned().await.ok();
        *lock(&self.taken) = taken;
    }

    /// Lets somebody else have it.
    pub(crate) fn give_back(&self) {
        lock(&self.taken).take();
    }

    /// Waits for something. Somebody else has the turn meanwhile, if it was taken.
    pub(crate) async fn wait<T>(&self, wait: impl Future<Output = T>) -> T {
        let taken = lock(&self.taken).take().is_some();
        let waited = wait.await;
        if taken {
            self.take().await;
        }
        waited
    }
}
