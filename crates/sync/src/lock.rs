//! Locks that are held for a moment.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks. A panic elsewhere is told by itself: what it held is read on.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
