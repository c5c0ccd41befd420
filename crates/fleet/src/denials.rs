//! What the server has refused to let a login do. Whoever asks for it gets no answer: without this nobody sees why.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_nats::{Event, ServerError};

/// Is told what NATS refuses, each thing once.
pub type Refused = Arc<dyn Fn(&str) + Send + Sync>;

/// More than a login can be refused in an orderly fleet.
const MOST: usize = 100;

/// What was refused so far. Clones share it.
#[derive(Clone)]
pub(crate) struct Denials {
    known: Arc<Mutex<BTreeSet<String>>>,
    say: Refused,
}

impl Denials {
    pub(crate) fn new(say: Refused) -> Self {
        Self { known: Arc::default(), say }
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
            (self.say)(&text);
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

    #[test]
    fn what_is_refused_is_told_once() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = told.clone();
        let denials = Denials::new(Arc::new(move |text: &str| heard.lock().unwrap().push(text.to_owned())));
        let refused = |text: &str| Event::ServerError(ServerError::Other(text.to_owned()));
        for _ in 0..2 {
            denials.event(&refused("Permissions Violation for Publish to \"isync.beat\""));
        }
        denials.event(&refused("Maximum Payload Violation"));
        assert_eq!(*told.lock().unwrap(), ["Permissions Violation for Publish to \"isync.beat\""]);
        assert!(denials.has("publish", "isync.beat") && !denials.has("subscription", "isync.beat"));
        assert!(!denials.has("publish", "isync"));
    }
}
