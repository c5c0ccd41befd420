//! When a run that was stopped is over: as soon as nobody works on it, and at a set time whoever still does.

use std::time::Duration;

use tokio::time::Instant;

/// A worker that has taken a job says so within this time.
const QUIET: Duration = Duration::from_secs(2);

/// A run that is to end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    since: Instant,
    latest: Instant,
}

impl Ending {
    /// From now on, and in `most` at the latest.
    pub(super) fn within(most: Duration) -> Self {
        let since = Instant::now();
        Self { since, latest: since + most }
    }

    /// Whether nobody is waited for any longer. `is_quiet`: no job is in work.
    pub(super) fn is_over(self, is_quiet: bool) -> bool {
        let now = Instant::now();
        now > self.latest || (is_quiet && now.duration_since(self.since) > QUIET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nobody_is_waited_for_where_nobody_works() {
        let ending = Ending::within(Duration::from_secs(60));
        assert!(!ending.is_over(true), "who took a job just now has not said so yet");
        tokio::time::advance(QUIET + Duration::from_millis(1)).await;
        assert!(ending.is_over(true) && !ending.is_over(false));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(ending.is_over(false));
    }
}
