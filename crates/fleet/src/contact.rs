//! Events of a connection for people: the server refuses something, is away, or is back.

use std::iter;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_nats::Event;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// Absences of the server that are shorter than this are not reported.
const BRIEF: Duration = Duration::from_secs(2);
/// The waits before an absence is reported the second time, and each time after that.
const AGAIN: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(300)];

/// An event of a connection that people should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionEvent {
    /// The server refuses something to this login, in the server's words. Each refusal is reported once.
    Refused(String),
    /// The server is away, and the client tries to reconnect until it is back. Reported again now and then.
    Away {
        /// Since when.
        since: SystemTime,
    },
    /// The server is back.
    Back {
        /// How long it was away.
        after: Duration,
    },
}

/// Receives the events of a connection.
pub type Tell = Arc<dyn Fn(&ConnectionEvent) + Send + Sync>;

/// Tracks whether the server is connected, and reports each absence.
pub(crate) struct Contact(watch::Sender<bool>);

impl Contact {
    /// Reports until it is dropped.
    pub(crate) fn told_to(tell: Tell) -> Self {
        let (is_there, seen) = watch::channel(true);
        tokio::spawn(tell_of_absences(seen, tell));
        Self(is_there)
    }

    /// Takes in an event of the NATS client.
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
                // The connection was dropped.
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

    /// A contact, and what it reports by the clock of the test.
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
