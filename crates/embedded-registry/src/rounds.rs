//! Answers in rounds: all requests that are waiting at the same time are answered together. So the number of rounds is the length of a
//! client's chain of requests, independent of time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// If no request comes for this long, all waiting requests are answered.
const QUIET: Duration = Duration::from_millis(250);

/// Rounds of one registry, or of several that answer together. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Rounds(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    asked: AtomicU64,
    round: watch::Sender<u64>,
}

impl Default for Rounds {
    fn default() -> Self {
        Self(Arc::new(Shared { asked: AtomicU64::new(0), round: watch::Sender::new(0) }))
    }
}

impl Rounds {
    /// The number of rounds so far.
    pub fn number(&self) -> u64 {
        *self.0.round.borrow()
    }

    /// Waits for the end of this round.
    pub(crate) async fn end(&self) {
        let mut rounds = self.0.round.subscribe();
        let this = *rounds.borrow_and_update();
        let mut asked = self.0.asked.fetch_add(1, Ordering::SeqCst) + 1;
        loop {
            tokio::select! {
                _ = rounds.changed() => return,
                () = tokio::time::sleep(QUIET) => {}
            }
            let now = self.0.asked.load(Ordering::SeqCst);
            if now == asked {
                // If several requests notice the quiet, they end the same round.
                self.0.round.send_if_modified(|round| {
                    let is_this = *round == this;
                    *round += u64::from(is_this);
                    is_this
                });
                return;
            }
            asked = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_asks_together_is_answered_together() {
        let rounds = Rounds::default();
        let chain = async |length: usize| {
            for _ in 0..length {
                rounds.end().await;
            }
        };
        tokio::join!(chain(1), chain(3), chain(3), chain(2));
        assert_eq!(rounds.number(), 3);
    }
}
