//! A host that asked us to wait.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// A pause that ends at most this much later than a known one is no news: many requests are refused at once.
const NEWS: Duration = Duration::from_millis(500);

/// Is told about hosts that ask for a pause.
pub trait PauseObserver: Send + Sync {
    /// `host` (`host:port`) asked for a pause. This must be quick: a request waits for it.
    fn paused(&self, host: &str, wait: Duration);
}

/// The observer of pauses, once one is set. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct PauseWatch(Arc<OnceLock<Arc<dyn PauseObserver>>>);

impl PauseWatch {
    pub(crate) fn set(&self, observer: Arc<dyn PauseObserver>) {
        // A transport serves one run, which sets this once.
        let _ = self.0.set(observer);
    }

    pub(crate) fn tell(&self, host: &str, wait: Duration) {
        if let Some(observer) = self.0.get() {
            observer.paused(host, wait);
        }
    }
}

/// The end of a host's pause.
#[derive(Default)]
pub(crate) struct Pause(Mutex<Option<Instant>>);

impl Pause {
    pub(crate) async fn wait(&self) {
        while let Some(left) = self.left() {
            tokio::time::sleep(left).await;
        }
    }

    pub(crate) fn left(&self) -> Option<Duration> {
        let until = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }

    /// Extends the pause to `wait` from now, unless it is longer already. Returns whether that is news.
    pub(crate) fn extend(&self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *known;
        *known = Some(before.map_or(until, |other| other.max(until)));
        before.is_none_or(|before| until > before + NEWS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_only_gets_longer_and_news_is_what_makes_it_so() {
        let pause = Pause::default();
        assert_eq!(pause.left(), None);
        assert!(pause.extend(Duration::from_secs(100)));
        assert!(!pause.extend(Duration::from_secs(100)) && !pause.extend(Duration::from_secs(5)));
        assert!(pause.left().is_some_and(|left| left > Duration::from_secs(90)));
        assert!(pause.extend(Duration::from_secs(200)));
    }
}
