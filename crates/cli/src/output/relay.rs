//! Hands events on from a thread of its own, so that the engine does not wait for a terminal that is stopped.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sync::{Event, Observer, Stamp};

/// So many events wait at most, beside those that tell how images end.
const MOST_WAITING: usize = 10_000;
/// How long a picture stands at most.
const PICTURE: Duration = Duration::from_millis(120);
/// So many answers to questions wait at most.
const MOST_SAID: usize = 100;

/// Shows lines for events, and a picture that is drawn again and again.
pub(super) trait Screen: Observer {
    /// Writes lines above the picture.
    fn say_lines(&self, lines: &str);
    /// Draws the picture of this moment.
    fn draw(&self);
}

/// Takes events at once and gives them to a screen that may take its time.
pub(crate) struct Relay(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<(Stamp, Event)>,
    /// Lines beside events.
    said: Vec<String>,
    is_telling: bool,
}

impl State {
    fn take(&mut self, stamp: &Stamp, event: &Event) {
        // Nothing is written about these.
        if let Event::BytesMoved { .. } | Event::BlobPlanned { .. } | Event::BlobStarted { .. } = event {
            return;
        }
        let is_end = matches!(event, Event::ImageFinished(_) | Event::RuleFailed(_));
        if is_end || self.waiting.len() < MOST_WAITING {
            self.waiting.push_back((stamp.clone(), event.clone()));
        }
    }
}

impl Relay {
    /// Begins to tell `screen`.
    pub(super) fn to(screen: Arc<dyn Screen>) -> Self {
        let shared = Arc::<Shared>::default();
        let told = shared.clone();
        // Without a thread nothing is drawn, and the run goes on.
        let _ = std::thread::Builder::new().name("display".to_owned()).spawn(move || told.tell(&*screen));
        Self(shared)
    }

    /// Hands lines in that are said after the events that wait.
    pub(crate) fn say_lines(&self, lines: &str) {
        let mut state = self.0.lock();
        if state.said.len() < MOST_SAID {
            state.said.push(lines.to_owned());
        }
        drop(state);
        self.0.changed.notify_all();
    }

    /// Waits until the observer knows everything; says whether it does.
    pub(crate) fn flush(&self, patience: Duration) -> bool {
        let busy =
            |state: &mut State| state.is_telling || !state.waiting.is_empty() || !state.said.is_empty();
        let waited = self.0.changed.wait_timeout_while(self.0.lock(), patience, busy);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lives as long as the program.
    fn tell(&self, screen: &dyn Screen) {
        loop {
            let nothing = |state: &mut State| state.waiting.is_empty() && state.said.is_empty();
            let waited = self.changed.wait_timeout_while(self.lock(), PICTURE, nothing);
            let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            let (events, said) = (std::mem::take(&mut state.waiting), std::mem::take(&mut state.said));
            state.is_telling = true;
            drop(state);
            for (stamp, event) in &events {
                screen.event(stamp, event);
            }
            for lines in &said {
                screen.say_lines(lines);
            }
            screen.draw();
            self.lock().is_telling = false;
            self.changed.notify_all();
        }
    }
}

impl Observer for Relay {
    fn event(&self, stamp: &Stamp, event: &Event) {
        self.0.lock().take(stamp, event);
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use sync::{Amounts, Image, ImageReport, Outcome, RunId};

    use super::*;

    /// Waits for a permit before it takes an event.
    struct Stopped {
        permits: Mutex<mpsc::Receiver<()>>,
        ended: Mutex<u64>,
        said: Mutex<Vec<String>>,
    }

    impl Observer for Stopped {
        fn event(&self, _: &Stamp, event: &Event) {
            let _ = self.permits.lock().unwrap().recv();
            if let Event::ImageFinished(_) = event {
                *self.ended.lock().unwrap() += 1;
            }
        }
    }

    impl Screen for Stopped {
        fn say_lines(&self, lines: &str) {
            self.said.lock().unwrap().push(lines.to_owned());
        }

        fn draw(&self) {}
    }

    #[test]
    fn s5_a_stopped_terminal_holds_nobody_up_and_no_end_is_forgotten() {
        let (permit, permits) = mpsc::channel();
        let stopped = Arc::new(Stopped {
            permits: Mutex::new(permits),
            ended: Mutex::default(),
            said: Mutex::default(),
        });
        let relay = Relay::to(stopped.clone());
        relay.say_lines("status after 1 s");
        relay.say_lines("status after 2 s");
        let tag = oci::TagOrDigest::Tag("v1".parse().unwrap());
        let image = Arc::new(Image {
            source: "q.io/a".into(),
            source_reference: tag.clone(),
            target: "r.io/b".into(),
            target_reference: tag,
        });
        let stamp = Stamp { run: RunId::new("r"), at: std::time::SystemTime::now() };
        let (outcome, amounts, took) = (Outcome::NotDone, Amounts::default(), Duration::ZERO);
        let ended = Arc::new(ImageReport { image: image.clone(), rule: 0, outcome, amounts, took });
        for _ in 0..50_000 {
            relay.event(&stamp, &Event::ImageStarted(image.clone()));
        }
        assert!(!relay.flush(Duration::from_millis(20)));
        assert!(relay.0.lock().waiting.len() <= MOST_WAITING);
        for _ in 0..20_000 {
            relay.event(&stamp, &Event::ImageFinished(ended.clone()));
        }
        drop(permit);
        assert!(relay.flush(Duration::from_secs(60)));
        assert_eq!(*stopped.ended.lock().unwrap(), 20_000);
        assert_eq!(*stopped.said.lock().unwrap(), ["status after 1 s", "status after 2 s"]);
    }
}
