//! One writer at a time for a subject's list of referrers, which is read, changed and written as a whole.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

use oci::{RegistryHost, RepositoryName, Tag};

type Key = (RegistryHost, RepositoryName, Tag);

/// Shared by the whole process: the same registry may have several handles, one for each login.
static LOCKS: LazyLock<Mutex<HashMap<Key, Weak<tokio::sync::Mutex<()>>>>> = LazyLock::new(Default::default);

/// Waits for the lock, which is held until the guard is dropped.
pub(super) async fn lock(host: &RegistryHost, repository: &RepositoryName, tag: &Tag) -> OwnedMutexGuard<()> {
    slot((host.clone(), repository.clone(), tag.clone())).lock_owned().await
}

fn slot(key: Key) -> Arc<tokio::sync::Mutex<()>> {
    let mut locks = LOCKS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(lock) = locks.get(&key).and_then(Weak::upgrade) {
        return lock;
    }
    locks.retain(|_, lock| lock.strong_count() > 0);
    let lock = Arc::default();
    locks.insert(key, Arc::downgrade(&lock));
    lock
}
