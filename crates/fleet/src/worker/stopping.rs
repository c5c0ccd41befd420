//! Ends work on a run that is over or was called off, and says why: once for all jobs.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use sync::{Event, RunId, Stamp};
use tokio_util::sync::CancellationToken;

use super::fetch::LOOK;
use super::shared::Shared;
use crate::counted::counted;
use crate::listing::Listing;
use crate::message::run::{caller, stop_key};

/// The state of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RunState {
    GoesOn,
    /// A coordinator has closed it.
    Over,
    /// NATS has lost it, in these words.
    Lost(String),
    /// This coordinator has called it off, if its name can be read.
    CalledOff(Option<String>),
}

/// Why work on a run ends.
enum End {
    /// This worker must end.
    Worker,
    Run(RunState),
}

impl Shared {
    /// The state of a run. While NATS does not answer, it goes on, so that jobs in work may end.
    pub(super) async fn run_state(&self, run: &str) -> RunState {
        let listing = Listing::of(run, &self.runs).await;
        let may_be_called_off = matches!(listing, Listing::Open | Listing::Closed);
        if may_be_called_off && let Ok(Some((by, _))) = self.runs.get_once(&stop_key(run)).await {
            return RunState::CalledOff(caller(&by));
        }
        match listing {
            Listing::Open | Listing::Unknown => RunState::GoesOn,
            Listing::Closed => RunState::Over,
            Listing::Lost(reason) => RunState::Lost(reason),
        }
    }

    /// Waits for the end of work on a run, and ends it.
    pub(super) async fn watch(self: Arc<Self>, run: String, stop: CancellationToken) {
        let end = loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break End::Worker,
                state = self.run_state(&run) => if state != RunState::GoesOn {
                    break End::Run(state);
                },
            }
            tokio::select! {
                () = stop.cancelled() => break End::Worker,
                () = tokio::time::sleep(LOOK) => {}
            }
        };
        self.tell_end(&run, &end);
        if matches!(end, End::Run(RunState::CalledOff(_))) {
            self.called_off().insert(run);
        }
        stop.cancel();
    }

    fn tell_end(&self, run: &str, end: &End) {
        let (in_work, drain) = (self.in_work.load(Ordering::Relaxed), self.worker.tools.options.drain);
        let event = match end {
            End::Worker => Event::Stopping { in_work, waiting: 0, drain },
            End::Run(state) => {
                let Some(text) = words(run, state, in_work, drain) else { return };
                Event::Note { place: "fleet".into(), text }
            }
        };
        let stamp = Stamp { run: RunId::new(run), at: SystemTime::now(), worker: None };
        self.worker.tools.observer.event(&stamp, &event);
    }
}

/// The message about a run's end, if people should know it.
fn words(run: &str, state: &RunState, in_work: usize, drain: Duration) -> Option<String> {
    let how = match state {
        RunState::GoesOn => return None,
        // Most runs end like this: no worker has anything left to do.
        RunState::Over if in_work == 0 => return None,
        RunState::Over => "is over".to_owned(),
        RunState::Lost(reason) => format!("is lost, NATS has nothing of it any more ({reason})"),
        RunState::CalledOff(Some(by)) => format!("was called off by {by}"),
        RunState::CalledOff(None) => "was called off".to_owned(),
    };
    let left = match in_work {
        0 => "no image is in work here".to_owned(),
        number => {
            let has = if number == 1 { "has" } else { "have" };
            format!("{} in work here {has} {} s to end", counted(number, "image"), drain.as_secs())
        }
    };
    Some(format!("run {run} {how}: {left}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_called_a_run_off_is_told_and_how_long_what_is_in_work_has() {
        let said = |state: &RunState, in_work| words("r", state, in_work, Duration::from_secs(25));
        let by = |name: &str| RunState::CalledOff(Some(name.to_owned()));
        for (state, in_work, text) in [
            (RunState::GoesOn, 3, None),
            (RunState::Over, 0, None),
            (RunState::Over, 1, Some("run r is over: 1 image in work here has 25 s to end")),
            (by("c-1"), 2, Some("run r was called off by c-1: 2 images in work here have 25 s to end")),
            (
                RunState::Lost("stream not found".to_owned()),
                0,
                Some(
                    "run r is lost, NATS has nothing of it any more (stream not found): no image is in work here",
                ),
            ),
            (RunState::CalledOff(None), 0, Some("run r was called off: no image is in work here")),
        ] {
            assert_eq!(said(&state, in_work).as_deref(), text, "{state:?}");
        }
    }
}
