//! When a run that was stopped is over: as soon as nobody works on it, and at a set time whoever still does.

use std::time::Duration;

use tokio::time::Instant;

/// A worker that has taken a job says so within this time.
pub(super) const QUIET: Duration = Duration::from_secs(2);

/// How long a run that somebody else has ended is still read: whoever took a job before that has said so by then, and nobody waits for
/// what comes of it.
const STILL_READ: Duration = QUIET;

/// A run that is to end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    since: Instant,
    latest: Instant,
}

/// Who is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// Somebody may have taken a job, and has not said so yet.
    ForSigns,
    /// Jobs in work.
    ForWork,
    /// Nobody any longer.
    Over,
}

impl Ending {
    /// From now on, and in `most` at the latest.
    pub(super) fn within(most: Duration) -> Self {
        let since = Instant::now();
        Self { since, latest: since + most }
    }

    /// Of a run that somebody else has ended.
    pub(super) fn elsewhere() -> Self {
        Self::within(STILL_READ)
    }

    /// Who is waited for. `is_quiet`: no job is in work at anybody who gives signs of life.
    pub(super) fn wait(self, is_quiet: bool) -> Wait {
        let now = Instant::now();
        let since = now.duration_since(self.since);
        match is_quiet {
            _ if now > self.latest => Wait::Over,
            _ if since <= QUIET => Wait::ForSigns,
            true => Wait::Over,
            false => Wait::ForWork,
        }
    }

    /// How long somebody is waited for at most.
    pub(super) fn left(self) -> Duration {
        self.latest.saturating_duration_since(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A_MOMENT: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn nobody_is_waited_for_where_nobody_works() {
        let ending = Ending::within(Duration::from_secs(60));
        assert_eq!(ending.wait(true), Wait::ForSigns, "who took a job just now has not said so yet");
        tokio::time::advance(QUIET + A_MOMENT).await;
        assert_eq!((ending.wait(true), ending.wait(false)), (Wait::Over, Wait::ForWork));
        assert!(ending.left() > Duration::from_secs(50));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!((ending.wait(false), ending.left()), (Wait::Over, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_was_ended_elsewhere_is_read_until_all_have_said_what_they_took() {
        let ending = Ending::elsewhere();
        tokio::time::advance(QUIET).await;
        assert_eq!(ending.wait(false), Wait::ForSigns);
        tokio::time::advance(A_MOMENT).await;
        assert_eq!(ending.wait(false), Wait::Over, "nobody waits for jobs in work");
    }
}
