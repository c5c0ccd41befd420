//! Hands events on from a thread of its own, so that the engine does not wait for a terminal that is stopped.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sync::{Event, Image, Observer};

/// So many events wait at most, beside those that tell how images end.
const MOST_WAITING: usize = 10_000;

/// Takes events at once and gives them to an observer that may take its time.
pub(crate) struct Relay(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Event>,
    /// Bytes that moved since the observer was told last.
    moved: HashMap<Arc<Image>, u64>,
    is_telling: bool,
}

impl State {
    fn take(&mut self, event: &Event) {
        if let Event::BytesMoved { image, bytes } = event {
            // Sums stay true however slow the observer is.
            *self.moved.entry(image.clone()).or_default() += bytes;
            return;
        }
        let is_end = matches!(event, Event::ImageFinished { .. } | Event::RuleFailed(_));
        let is_sum = matches!(event, Event::ImagePlanned(_) | Event::BlobStarted { .. });
        if is_end || is_sum || self.waiting.len() < MOST_WAITING {
            self.waiting.push_back(event.clone());
        }
    }

    fn next(&mut self) -> Option<Vec<Event>> {
        if self.waiting.is_empty() && self.moved.is_empty() {
            return None;
        }
        // Bytes first: they moved before the image ended.
        let moved = self.moved.drain().map(|(image, bytes)| Event::BytesMoved { image, bytes });
        Some(moved.chain(self.waiting.drain(..)).collect())
    }
}

impl Relay {
    /// Begins to tell `observer`.
    pub(crate) fn to(observer: Arc<dyn Observer>) -> Self {
        let shared = Arc::<Shared>::default();
        let told = shared.clone();
        // Without a thread nothing is drawn, and the run goes on.
        let _ = std::thread::Builder::new().name("display".to_owned()).spawn(move || told.tell(&*observer));
        Self(shared)
    }

    /// Waits until the observer knows everything; says whether it does.
    pub(crate) fn flush(&self, patience: Duration) -> bool {
        let busy =
            |state: &mut State| state.is_telling || !state.waiting.is_empty() || !state.moved.is_empty();
        let waited = self.0.changed.wait_timeout_while(self.0.lock(), patience, busy);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lives as long as the program.
    fn tell(&self, observer: &dyn Observer) {
        loop {
            let mut state = self.lock();
            let events = loop {
                if let Some(events) = state.next() {
                    break events;
                }
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            };
            state.is_telling = true;
            drop(state);
            for event in &events {
                observer.event(event);
            }
            self.lock().is_telling = false;
            self.changed.notify_all();
        }
    }
}

impl Observer for Relay {
    fn event(&self, event: &Event) {
        self.0.lock().take(event);
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Waits for a permit before it takes an event.
    struct Stopped {
        permits: Mutex<mpsc::Receiver<()>>,
        moved: Mutex<u64>,
    }

    impl Observer for Stopped {
        fn event(&self, event: &Event) {
            let _ = self.permits.lock().unwrap().recv();
            if let Event::BytesMoved { bytes, .. } = event {
                *self.moved.lock().unwrap() += bytes;
            }
        }
    }

    #[test]
    fn s5_a_stopped_terminal_holds_nobody_up_and_no_byte_is_forgotten() {
        let (permit, permits) = mpsc::channel();
        let stopped = Arc::new(Stopped { permits: Mutex::new(permits), moved: Mutex::default() });
        let relay = Relay::to(stopped.clone());
        let tag = registry::TagOrDigest::Tag("v1".parse().unwrap());
        let image = Arc::new(Image {
            source: "q.io/a".into(),
            source_reference: tag.clone(),
            target: "r.io/b".into(),
            target_reference: tag,
        });
        for _ in 0..50_000 {
            relay.event(&Event::BytesMoved { image: image.clone(), bytes: 3 });
            relay.event(&Event::ImageStarted(image.clone()));
        }
        assert!(!relay.flush(Duration::from_millis(20)));
        assert!(relay.0.lock().waiting.len() <= MOST_WAITING);
        drop(permit);
        assert!(relay.flush(Duration::from_secs(60)));
        assert_eq!(*stopped.moved.lock().unwrap(), 150_000);
    }
}
