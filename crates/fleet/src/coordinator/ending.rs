//! When a stopped run is over: as soon as no job is in work, and in any case at a set time.

use std::time::Duration;

use tokio::time::Instant;

/// A worker that has taken a job writes so into the book within this time.
pub(super) const QUIET: Duration = Duration::from_secs(2);

/// How long the book of a run that another coordinator has ended is read at most, if it is long. Results that come later are not waited
/// for.
const STILL_READ: Duration = Duration::from_secs(60);

/// The end of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    since: Instant,
    latest: Instant,
    by: By,
}

/// Which coordinator ends the run.
#[derive(Clone, Copy, Debug)]
enum By {
    This,
    Another,
}

/// What the coordinator waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// Entries of the book: a worker may have taken a job, and not have written so yet.
    ForSigns,
    /// Results of jobs in work.
    ForWork,
    /// Nothing: the run is over.
    Over,
}

impl Ending {
    /// An end that begins now, and is over after `most` at the latest.
    pub(super) fn within(most: Duration) -> Self {
        let since = Instant::now();
        Self { since, latest: since + most, by: By::This }
    }

    /// The end of a run that another coordinator has ended.
    pub(super) fn elsewhere() -> Self {
        Self { by: By::Another, ..Self::within(STILL_READ) }
    }

    /// What the coordinator waits for now. `is_quiet`: no live worker has a job in work. `is_read`: the book was read to its end.
    pub(super) fn wait(self, is_quiet: bool, is_read: bool) -> Wait {
        let now = Instant::now();
        let since = now.duration_since(self.since);
        match self.by {
            _ if now > self.latest => Wait::Over,
            _ if since <= QUIET => Wait::ForSigns,
            By::Another if !is_read => Wait::ForSigns,
            By::This if !is_quiet => Wait::ForWork,
            By::This | By::Another => Wait::Over,
        }
    }

    /// How much of the longest wait is left.
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
        assert_eq!(ending.wait(true, true), Wait::ForSigns, "who took a job just now has not said so yet");
        tokio::time::advance(QUIET + A_MOMENT).await;
        assert_eq!((ending.wait(true, false), ending.wait(false, true)), (Wait::Over, Wait::ForWork));
        assert!(ending.left() > Duration::from_secs(50));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!((ending.wait(false, true), ending.left()), (Wait::Over, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_that_was_ended_elsewhere_is_read_until_all_have_said_what_they_took() {
        let ending = Ending::elsewhere();
        tokio::time::advance(QUIET).await;
        assert_eq!(ending.wait(false, true), Wait::ForSigns);
        tokio::time::advance(A_MOMENT).await;
        assert_eq!(ending.wait(false, true), Wait::Over, "nobody waits for jobs in work");
        assert_eq!(ending.wait(false, false), Wait::ForSigns, "its results are not all read");
        tokio::time::advance(STILL_READ).await;
        assert_eq!(ending.wait(false, false), Wait::Over);
    }
}
