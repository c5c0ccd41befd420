//! How long work may go on after the run was asked to stop.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// Unset while no stop was requested.
#[derive(Default)]
pub(crate) struct Deadline(watch::Sender<Option<Instant>>);

/// The deadline is earlier than the end of the wait.
pub(crate) struct TooLate;

impl Deadline {
    /// Sets the time that is left from now on.
    pub(crate) fn set(&self, left: Duration) {
        self.0.send_replace(Some(Instant::now() + left));
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Waits; returns an error as soon as it is known that the deadline is earlier.
    pub(crate) async fn sleep(&self, wait: Duration) -> Result<(), TooLate> {
        if wait.is_zero() {
            return Ok(());
        }
        let end = Instant::now() + wait;
        let mut deadline = self.0.subscribe();
        tokio::select! {
            biased;
            _ = deadline.wait_for(|deadline| deadline.is_some_and(|deadline| deadline < end)) => Err(TooLate),
            () = sleep_until(end) => Ok(()),
        }
    }
}
