//! Shared by all connections of a null registry.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::content::NullContent;

#[derive(Default)]
pub(super) struct Shared {
    content: Mutex<NullContent>,
    pub(super) is_over: AtomicBool,
    pub(super) requests: AtomicU64,
    pub(super) bytes_given: AtomicU64,
    pub(super) bytes_taken: AtomicU64,
}

impl Shared {
    pub(super) fn new(content: NullContent) -> Self {
        Self { content: Mutex::new(content), ..Self::default() }
    }

    pub(super) fn content(&self) -> MutexGuard<'_, NullContent> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
