//! No more than so many calls in any second.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How many calls ACR takes in a second; Harbor keeps to the same number.
pub(super) const CALLS_A_SECOND: usize = 15;

/// Remembers when the last calls began.
#[derive(Debug)]
pub(super) struct RateLimit {
    latest: Mutex<VecDeque<Instant>>,
}

impl RateLimit {
    pub(super) fn new() -> Self {
        Self { latest: Mutex::default() }
    }

    /// Returns when one more call may begin.
    pub(super) async fn turn(&self) {
        let start = self.reserve(Instant::now());
        tokio::time::sleep_until(start).await;
    }

    /// Takes the next free moment: at once, unless the last 15 calls began within a second before it.
    fn reserve(&self, now: Instant) -> Instant {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = if latest.len() < CALLS_A_SECOND { None } else { latest.pop_front() };
        let start = oldest.map_or(now, |oldest| now.max(oldest + Duration::from_secs(1)));
        latest.push_back(start);
        start
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_second_sees_more_than_fifteen_calls() {
        let limit = Arc::new(RateLimit::new());
        let begin = Instant::now();
        let turns = (0..50).map(|_| {
            let limit = Arc::clone(&limit);
            tokio::spawn(async move {
                limit.turn().await;
                Instant::now() - begin
            })
        });
        let mut starts = Vec::new();
        for turn in turns.collect::<Vec<_>>() {
            starts.push(turn.await.unwrap());
        }
        starts.sort_unstable();
        for (index, start) in starts.iter().enumerate() {
            let second = *start..*start + Duration::from_millis(999);
            let within = starts[index..].iter().filter(|other| second.contains(other)).count();
            assert!(within <= CALLS_A_SECOND, "{within} calls after {start:?}");
        }
        assert_eq!(starts[14], Duration::ZERO, "the first do not wait");
        assert!(starts[49] >= Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_second_gives_the_turns_back() {
        let limit = RateLimit::new();
        for _ in 0..CALLS_A_SECOND {
            limit.turn().await;
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        let before = Instant::now();
        limit.turn().await;
        assert_eq!(Instant::now(), before);
    }
}
