//! What the server has refused to a login. NATS does not answer a request that it refuses, so this is how the reason gets known.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::{Event, ServerError};
use tokio::sync::Notify;

use crate::contact::{ConnectionEvent, Tell};

/// The most refusals that are kept: more than an orderly fleet has.
const MOST: usize = 100;
/// Refusals of requests that were sent together arrive within this time.
const TOGETHER: Duration = Duration::from_millis(200);

/// The refusals so far. Clones share them.
#[derive(Clone)]
pub(crate) struct Denials {
    heard: Arc<Mutex<Heard>>,
    changed: Arc<Notify>,
    tell: Tell,
}

#[derive(Default)]
struct Heard {
    known: BTreeSet<String>,
    /// Parts, in lower case, of the refusals that a caller waits for. That caller reports them, so `tell` is not called for them.
    awaited: Vec<String>,
}

impl Heard {
    fn is_awaited(&self, text: &str) -> bool {
        let text = text.to_ascii_lowercase();
        self.awaited.iter().any(|part| text.contains(part))
    }

    fn awaited(&self) -> Vec<String> {
        self.known.iter().filter(|text| self.is_awaited(text)).cloned().collect()
    }
}

impl Denials {
    pub(crate) fn new(tell: Tell) -> Self {
        Self { heard: Arc::default(), changed: Arc::default(), tell }
    }

    /// Takes in an event of the NATS client.
    pub(crate) fn event(&self, event: &Event) {
        let Event::ServerError(ServerError::Other(text)) = event else { return };
        if !text.to_ascii_lowercase().starts_with("permissions violation") {
            return;
        }
        let text = oci::foreign_text::clean_to(text, 300).into_owned();
        let (is_new, is_awaited) = {
            let mut heard = self.lock();
            (heard.known.len() < MOST && heard.known.insert(text.clone()), heard.is_awaited(&text))
        };
        if is_new && !is_awaited {
            (self.tell)(&ConnectionEvent::Refused(text));
        }
        self.changed.notify_one();
    }

    /// Waits until a subscription below the inbox is refused; returns the server's words. Only one caller at a time may wait, and `tell`
    /// does not get what it waits for.
    pub(crate) async fn inbox_refused(&self, inbox: &str) -> String {
        self.refused(vec![inbox_below(inbox)]).await.join("; ")
    }

    /// The same for the inbox, and for looking up or creating one of these streams.
    pub(crate) async fn streams_refused(&self, inbox: &str, streams: &[String]) -> StreamsRefused {
        let inbox = inbox_below(inbox);
        let of_stream = |stream: &String| ["info", "create"].map(|verb| asking(verb, stream));
        let awaited = streams.iter().flat_map(of_stream).chain([inbox.clone()]).collect();
        let is_of_inbox = |text: &String| text.to_ascii_lowercase().contains(&inbox);
        let refused = self.refused(awaited).await;
        let (of_inbox, of_streams): (Vec<_>, Vec<_>) = refused.into_iter().partition(is_of_inbox);
        // Another inbox helps only a login that may ask for the streams, so refused streams come first.
        if of_streams.is_empty() {
            StreamsRefused::Inbox(of_inbox.join("; "))
        } else {
            StreamsRefused::Streams(of_streams.join("; "))
        }
    }

    /// Waits for a refusal that contains one of these parts; returns all such refusals.
    async fn refused(&self, awaited: Vec<String>) -> Vec<String> {
        self.lock().awaited = awaited;
        let _end = Awaiting(self);
        while self.lock().awaited().is_empty() {
            self.changed.notified().await;
        }
        tokio::time::sleep(TOGETHER).await;
        self.lock().awaited()
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the server has refused `what` (`publish` or `subscription`) for the subject.
    pub(crate) fn has(&self, what: &str, subject: &str) -> bool {
        let end = format!("{what} to \"{subject}\"").to_ascii_lowercase();
        self.lock().known.iter().any(|text| text.to_ascii_lowercase().contains(&end))
    }
}

/// Why a login cannot create streams, in the server's words.
pub(crate) enum StreamsRefused {
    /// It may not subscribe to its inbox, so it hears no answers at all.
    Inbox(String),
    Streams(String),
}

fn inbox_below(inbox: &str) -> String {
    format!("subscription to \"{inbox}.").to_ascii_lowercase()
}

fn asking(verb: &str, stream: &str) -> String {
    format!("publish to \"$js.api.stream.{verb}.{stream}\"").to_ascii_lowercase()
}

/// A caller that waits. When it is dropped, `tell` gets all refusals again.
struct Awaiting<'a>(&'a Denials);

impl Drop for Awaiting<'_> {
    fn drop(&mut self) {
        self.0.lock().awaited.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Event {
        Event::ServerError(ServerError::Other(text.to_owned()))
    }

    #[tokio::test(start_paused = true)]
    async fn an_inbox_that_is_refused_is_waited_for() {
        let denials = Denials::new(Arc::new(|_| {}));
        let text = "Permissions Violation for Subscription to \"_INBOX_w1.x7.*\"";
        let (heard, ()) = tokio::join!(denials.inbox_refused("_INBOX_w1"), async {
            for text in ["Permissions Violation for Subscription to \"_INBOX_w10.x7.*\"", text] {
                denials.event(&refused(text));
                tokio::task::yield_now().await;
            }
        });
        assert_eq!(heard, text);
    }

    #[tokio::test(start_paused = true)]
    async fn what_somebody_waits_for_is_his_to_tell_and_all_of_it() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = told.clone();
        let denials = Denials::new(Arc::new(move |event| heard.lock().unwrap().push(event.clone())));
        let streams = ["Q".to_owned(), "KV_x".to_owned()];
        let [inbox, info, other] = [
            "Permissions Violation for Subscription to \"_INBOX_c.1.*\"",
            "Permissions Violation for Publish to \"$JS.API.STREAM.INFO.Q\"",
            "Permissions Violation for Publish to \"$JS.API.STREAM.INFO.OTHER\"",
        ];
        let wait = || denials.streams_refused("_INBOX_c", &streams);
        let (both, ()) = tokio::join!(wait(), async {
            for text in [other, inbox, info] {
                denials.event(&refused(text));
                tokio::task::yield_now().await;
            }
        });
        assert!(matches!(both, StreamsRefused::Streams(words) if words == info));
        assert_eq!(*told.lock().unwrap(), [ConnectionEvent::Refused(other.to_owned())]);
        let denials = Denials::new(Arc::new(|_| {}));
        denials.event(&refused(inbox));
        let alone = denials.streams_refused("_INBOX_c", &streams).await;
        assert!(matches!(alone, StreamsRefused::Inbox(words) if words == inbox));
    }

    #[test]
    fn what_is_refused_is_told_once() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = told.clone();
        let denials = Denials::new(Arc::new(move |event| heard.lock().unwrap().push(event.clone())));
        for _ in 0..2 {
            denials.event(&refused("Permissions Violation for Publish to \"isync.beat\""));
        }
        denials.event(&refused("Maximum Payload Violation"));
        let refusal = "Permissions Violation for Publish to \"isync.beat\"".to_owned();
        assert_eq!(*told.lock().unwrap(), [ConnectionEvent::Refused(refusal)]);
        assert!(denials.has("publish", "isync.beat") && !denials.has("subscription", "isync.beat"));
        assert!(!denials.has("publish", "isync"));
    }
}
