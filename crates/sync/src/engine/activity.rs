//! Whether an image is worked on, or only waits: then its slot is free for another one.

use std::sync::Mutex;

use super::fair::Pause;
use super::turn::ImageSlot;
use crate::lock::lock;

/// The slot of one image on its way to one target, and how many of its parts are at work.
pub(crate) struct Activity(Mutex<State>);

struct State {
    /// Gone when the image has ended.
    slot: Option<ImageSlot>,
    /// Below zero where several waits of one part overlap.
    working: i64,
}

impl Activity {
    /// One part works.
    pub(crate) fn new(slot: ImageSlot) -> Self {
        Self(Mutex::new(State { slot: Some(slot), working: 1 }))
    }

    /// Waits for a store that failed, or wants to be left alone.
    pub(crate) async fn wait<T>(&self, wait: impl Future<Output = T>) -> T {
        self.wait_for(Pause::Store, wait).await
    }

    /// Waits for other images, which bring what this one needs.
    pub(crate) async fn wait_for_others<T>(&self, wait: impl Future<Output = T>) -> T {
        self.wait_for(Pause::Others, wait).await
    }

    async fn wait_for<T>(&self, pause: Pause, wait: impl Future<Output = T>) -> T {
        self.end_for(pause);
        // Also when the wait is given up.
        let _again = Again(self);
        wait.await
    }

    /// One part more works.
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

    /// Whether the image holds its slot: it does not while all that it does is wait.
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
