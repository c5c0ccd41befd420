//! What the server has refused to let a login do. Whoever asks for it gets no answer: without this nobody sees why.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_nats::{Event, ServerError};
use tokio::sync::Notify;

use crate::contact::{ConnectionEvent, Tell};

/// More than a login can be refused in an orderly fleet.
const MOST: usize = 100;

/// What was refused so far. Clones share it.
#[derive(Clone)]
pub(crate) struct Denials {
    known: Arc<Mutex<BTreeSet<String>>>,
    changed: Arc<Notify>,
    tell: Tell,
}

impl Denials {
    pub(crate) fn new(tell: Tell) -> Self {
        Self { known: Arc::default(), changed: Arc::default(), tell }
    }

    /// Takes in what happens to a connection.
    pub(crate) fn event(&self, event: &Event) {
        let Event::ServerError(ServerError::Other(text)) = event else { return };
        if !text.to_ascii_lowercase().starts_with("permissions violation") {
            return;
        }
        let text = oci::foreign_text::clean_to(text, 300).into_owned();
        let is_new = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.len() < MOST && known.insert(text.clone())
        };
        if is_new {
            (self.tell)(&ConnectionEvent::Refused(text));
            self.changed.notify_one();
        }
    }

    /// Waits until a subscription below the inbox is refused; gives the server's words. One at a time waits.
    pub(crate) async fn inbox_refused(&self, inbox: &str) -> String {
        let start = format!("subscription to \"{inbox}.").to_ascii_lowercase();
        loop {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(text) = known.into_iter().find(|text| text.to_ascii_lowercase().contains(&start)) {
                return text;
            }
            self.changed.notified().await;
        }
    }

    /// Whether it was refused to do this (`publish` or `subscription`) with the subject.
    pub(crate) fn has(&self, what: &str, subject: &str) -> bool {
        let end = format!("{what} to \"{subject}\"").to_ascii_lowercase();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().any(|text| text.to_ascii_lowercase().contains(&end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_inbox_that_is_refused_is_waited_for() {
        let denials = Denials::new(Arc::new(|_| {}));
        let text = "Permissions Violation for Subscription to \"_INBOX_w1.x7.*\"";
        let (heard, ()) = tokio::join!(denials.inbox_refused("_INBOX_w1"), async {
            for text in ["Permissions Violation for Subscription to \"_INBOX_w10.x7.*\"", text] {
                denials.event(&Event::ServerError(ServerError::Other(text.to_owned())));
                tokio::task::yield_now().await;
            }
        });
        assert_eq!(heard, text);
    }

    #[test]
    fn what_is_refused_is_told_once() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = told.clone();
        let denials = Denials::new(Arc::new(move |event| heard.lock().unwrap().push(event.clone())));
        let refused = |text: &str| Event::ServerError(ServerError::Other(text.to_owned()));
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
