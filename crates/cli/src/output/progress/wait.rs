//! The waits of an image or list.

use std::time::{Duration, Instant};

use oci::ErrorKind;
use sync::{Error, Event};

/// A wait for a retry, or for a blob store that does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    /// The registry that causes the wait.
    pub(crate) host: String,
    /// The reason, in a few words of ours.
    pub(crate) why: &'static str,
    /// When it ends, if known.
    pub(crate) until: Option<Instant>,
}

impl Wait {
    /// The wait that an event begins; any other event ends the wait.
    pub(super) fn of(now: Instant, event: &Event) -> Option<Self> {
        let (place, why, until) = match event {
            Event::Retrying { place, error, wait, .. } => (&**place, why(error), Some(now + *wait)),
            Event::RetryingList { source, error, wait } => (&**source, why(error), Some(now + *wait)),
            Event::AwaitingStore { store, .. } => (store.as_str(), "does not answer", None),
            _ => return None,
        };
        let host = place.split('/').next().unwrap_or_default().to_owned();
        Some(Self { host, why, until })
    }

    /// The remaining time; `None` if unknown.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        self.until.map(|until| until.saturating_duration_since(now))
    }

    /// Whether its end has passed.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

fn why(error: &Error) -> &'static str {
    match error.kind() {
        Some(ErrorKind::RateLimited) => "has too many requests",
        Some(ErrorKind::Unavailable) => "is unavailable",
        Some(ErrorKind::Network) => "broke the connection",
        Some(ErrorKind::Stalled) => "stood still",
        Some(ErrorKind::Tls) => "failed in TLS",
        Some(ErrorKind::Mismatch) => "gave wrong bytes",
        _ => "failed",
    }
}
