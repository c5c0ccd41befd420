//! What happens to a connection, for people: what the server refuses, that it is away, and that it is back.

use std::iter;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_nats::Event;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// Of an absence of the server that is shorter than this, nobody is told.
const BRIEF: Duration = Duration::from_secs(2);
/// When it is told again first, and from then on.
const AGAIN: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(300)];

/// What people should know of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionEvent {
    /// The server does not let this login do something, in its words. Each thing is told once.
    Refused(String),
    /// The server is away, and is tried again until it is back. Told again now and then.
    Away {
        /// Since when.
        since: SystemTime,
    },
    /// It is back.
    Back {
        /// How long it was away.
        after: Duration,
    },
}

/// Is told what happens to a connection.
pub type Tell = Arc<dyn Fn(&ConnectionEvent) + Send + Sync>;

/// Knows whether the server is there, and tells of each absence.
pub(crate) struct Contact(watch::Sender<bool>);

impl Contact {
    /// Tells for as long as this lives.
    pub(crate) fn told_to(tell: Tell) -> Self {
        let (is_there, seen) = watch::channel(true);
        tokio::spawn(tell_of_absences(seen, tell));
        Self(is_there)
    }

    /// Takes in what happens to the connection.
    pub(crate) fn event(&self, event: &Event) {
        match event {
            Event::Connected => _ = self.0.send_replace(true),
            Event::Disconnected => _ = self.0.send_replace(false),
            _ => {}
        }
    }
}

async fn tell_of_absences(mut is_there: watch::Receiver<bool>, tell: Tell) {
    while is_there.wait_for(|is_there| !is_there).await.is_ok() {
        let (since, gone) = (SystemTime::now(), Instant::now());
        let [first, later] = AGAIN;
        let waits = [BRIEF, first].into_iter().chain(iter::repeat(later));
        let mut is_told = false;
        for wait in waits {
            match timeout(wait, is_there.wait_for(|is_there| *is_there)).await {
                Ok(Ok(_)) => break,
                // Nobody needs the connection any longer.
                Ok(Err(_)) => return,
                Err(_) => {
                    is_told = true;
                    tell(&ConnectionEvent::Away { since });
                }
            }
        }
        if is_told {
            tell(&ConnectionEvent::Back { after: gone.elapsed() });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Sees what is told, and ages with the clock of the test.
    fn watched() -> (Contact, Arc<Mutex<Vec<ConnectionEvent>>>) {
        let told = Arc::<Mutex<Vec<_>>>::default();
        let heard = told.clone();
        let contact = Contact::told_to(Arc::new(move |event| heard.lock().unwrap().push(event.clone())));
        (contact, told)
    }

    #[tokio::test(start_paused = true)]
    async fn an_absence_is_told_now_and_then_until_the_server_is_back() {
        let (contact, told) = watched();
        let number = || told.lock().unwrap().len();
        contact.event(&Event::Disconnected);
        for (seconds, number_then) in [(1, 0), (3, 1), (50, 1), (10, 2), (290, 2), (10, 3), (600, 5)] {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            assert_eq!(number(), number_then, "after {seconds} s more");
        }
        contact.event(&Event::Connected);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let last = told.lock().unwrap().last().cloned();
        assert!(
            matches!(last, Some(ConnectionEvent::Back { after }) if after >= Duration::from_secs(963)),
            "{last:?}"
        );
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(number(), 6, "nothing is told of a server that is there");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_back_at_once_was_not_away() {
        let (contact, told) = watched();
        for event in [Event::Disconnected, Event::Connected] {
            contact.event(&event);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(*told.lock().unwrap(), []);
    }
}
