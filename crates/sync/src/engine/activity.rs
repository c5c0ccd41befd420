//! Tracks whether an image is worked on, or only waits: while it waits, another image can use its slot.

use std::sync::Mutex;

use super::fair::Pause;
use super::turn::ImageSlot;
use crate::lock::lock;

/// The slot of one image for one target, and how many of its parts are working.
pub(crate) struct Activity(Mutex<State>);

struct State {
    /// `None` when the image has ended.
    slot: Option<ImageSlot>,
    /// Below zero if several waits of one part overlap.
    working: i64,
}

impl Activity {
    /// Begins with one working part.
    pub(crate) fn new(slot: ImageSlot) -> Self {
        Self(Mutex::new(State { slot: Some(slot), working: 1 }))
    }

    /// Waits for a store that failed, or asked for a pause.
    pub(crate) async fn wait<T>(&self, wait: impl Future<Output = T>) -> T {
        self.wait_for(Pause::Store, wait).await
    }

    /// Waits for other images that bring content that this one needs.
    pub(crate) async fn wait_for_others<T>(&self, wait: impl Future<Output = T>) -> T {
        self.wait_for(Pause::Others, wait).await
    }

    async fn wait_for<T>(&self, pause: Pause, wait: impl Future<Output = T>) -> T {
        self.end_for(pause);
        // A guard, so that the count is right also if the wait is cancelled.
        let _again = Again(self);
        wait.await
    }

    /// One more part works.
    pub(crate) fn begin(&self) {
        let mut state = lock(&self.0);
        state.working += 1;
        if state.working == 1
            && let Some(slot) = state.slot.as_mut().filter(|slot| slot.is_paused())
        {
            slot.resume();
        }
    }

    /// One part less works.
    pub(crate) fn end(&self) {
        self.end_for(Pause::Others);
    }

    fn end_for(&self, pause: Pause) {
        let mut state = lock(&self.0);
        state.working -= 1;
        if state.working == 0
            && let Some(slot) = &mut state.slot
        {
            slot.pause(pause);
        }
    }

    /// Whether the image holds its slot: it does not while all its parts wait.
    pub(crate) fn is_working(&self) -> bool {
        lock(&self.0).slot.as_ref().is_some_and(|slot| !slot.is_paused())
    }

    /// The image has ended.
    pub(crate) fn close(&self) {
        let slot = lock(&self.0).slot.take();
        drop(slot);
    }
}

struct Again<'a>(&'a Activity);

impl Drop for Again<'_> {
    fn drop(&mut self) {
        self.0.begin();
    }
}
