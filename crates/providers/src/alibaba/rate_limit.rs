//! Limits the number of calls in any second.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How many calls a second ACR takes; for Harbor we use the same limit.
pub(super) const CALLS_A_SECOND: usize = 15;

/// Remembers the start times of the last calls.
#[derive(Debug)]
pub(super) struct RateLimit {
    latest: Mutex<VecDeque<Instant>>,
}

impl RateLimit {
    pub(super) fn new() -> Self {
        Self { latest: Mutex::default() }
    }

    /// Waits until one more call may begin; `sharers` processes share the limit.
    pub(super) async fn turn(&self, sharers: usize) {
        let start = self.reserve(Instant::now(), sharers);
        tokio::time::sleep_until(start).await;
    }

    /// Reserves the next free moment: at once, unless our share of the 15 calls began within the second before it. With more than 15
    /// processes, each makes less than one call a second.
    fn reserve(&self, now: Instant, sharers: usize) -> Instant {
        let ours = (CALLS_A_SECOND / sharers.max(1)).max(1);
        let seconds = sharers.div_ceil(CALLS_A_SECOND).max(1);
        let window = Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX));
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let last_of_window = latest.len().checked_sub(ours).map(|index| latest[index]);
        let start = last_of_window.map_or(now, |last| now.max(last + window));
        if latest.len() == CALLS_A_SECOND {
            latest.pop_front();
        }
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
                limit.turn(1).await;
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
    async fn what_all_have_together_is_divided() {
        let (limit, begin) = (RateLimit::new(), Instant::now());
        let starts = async |calls: usize, sharers: usize| {
            let mut seconds = Vec::new();
            for _ in 0..calls {
                limit.turn(sharers).await;
                seconds.push((Instant::now() - begin).as_secs());
            }
            seconds
        };
        assert_eq!(starts(7, 4).await, [0, 0, 0, 1, 1, 1, 2], "a quarter of fifteen is three");
        tokio::time::advance(Duration::from_secs(8)).await;
        assert_eq!(starts(3, 30).await, [10, 12, 14], "half of a call a second each");
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(starts(15, 1).await, [20; 15], "the others have left");
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_second_gives_the_turns_back() {
        let limit = RateLimit::new();
        for _ in 0..CALLS_A_SECOND {
            limit.turn(1).await;
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        let before = Instant::now();
        limit.turn(1).await;
        assert_eq!(Instant::now(), before);
    }
}
