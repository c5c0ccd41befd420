//! The coordinator: plans, writes the book, hands out jobs, and reads their results. If it dies, a new coordinator with the same rules
//! reads the book from its beginning and goes on.

mod attendance;
mod board;
mod book_entry;
mod calling_off;
mod ending;
mod flow;
mod hand_out;
mod loss;
mod open_runs;
mod opening;
mod plan;
mod progress;
mod reading;
mod teller;
mod watching;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sync::{Event, Observer, Report, RunId};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::beat::Live;
use crate::connection::Connection;
use crate::error::Error;
use crate::kept::Kept;
use crate::message::ended::Explain;
use crate::spending::Spending;
pub use board::{AtWork, Board, Standing};
use hand_out::HandOut;
use loss::losses;
pub use loss::{Loss, Losses};
use opening::{Opened, Opening};
pub use plan::Plan;
use progress::Progress;
use teller::Teller;
use watching::Watching;

/// Plans a run and watches it.
pub struct Coordinator {
    /// The connection to the NATS that keeps the jobs.
    pub connection: Connection,
    /// The run's name, if this coordinator begins one.
    pub id: RunId,
    /// Receives the events of all images.
    pub observer: Arc<dyn Observer>,
    /// How long images in work have to end when the run is stopped.
    pub drain: Duration,
    /// Puts errors into words.
    pub explain: Explain,
    /// Shows the run's progress.
    pub board: Board,
}

/// The result of a run.
#[derive(Debug)]
pub struct Brought {
    /// The report on its images, under the run's name.
    pub report: Report,
    /// Its workers' requests to registries.
    pub spent: Spending,
    /// When the run began, if another coordinator began it.
    pub joined: Option<SystemTime>,
    /// How many of the moved bytes the targets keep.
    pub kept: Kept,
    /// What was lost with workers.
    pub losses: Losses,
    /// The other coordinator that called the run off, if one did.
    pub called_off_by: Option<String>,
    /// Why this coordinator did not watch the run to its end. The report has what was known by then.
    pub broken_off: Option<Error>,
    /// Whether the run was opened, if there was something to do.
    pub has_begun: bool,
}

impl Coordinator {
    /// Plans a run or joins an open one, and waits for its end. The connection must be prepared. If `cancel` is cancelled, the run is
    /// called off.
    ///
    /// # Errors
    /// NATS fails before the run is open, or the run to join does not exist.
    pub async fn run(self, plan: Plan, cancel: CancellationToken) -> Result<Brought, Error> {
        let (began, ack_wait) = (Instant::now(), plan.ack_wait);
        let Self { connection, id, observer, drain, explain, board } = self;
        let teller = Teller { id, observer };
        let runs = connection.runs().await?;
        let opening =
            Opening { connection: &connection, runs: &runs, teller: &teller, explain: &explain, ack_wait };
        let (entry, planned) = match opening.open(plan, &cancel).await? {
            Opened::Begun(entry, report) => (entry, Some(report)),
            Opened::Joined(entry) => (entry, None),
            Opened::Nothing(report) => return Ok(Brought::nothing(report)),
            Opened::Failed(report, error) => {
                let report = Report { is_broken_off: true, ..report };
                return Ok(Brought { broken_off: Some(error), has_begun: false, ..Brought::nothing(report) });
            }
        };
        let is_joined = planned.is_none();
        let joined = entry.began(SystemTime::now()).filter(|_| is_joined);
        let teller = if is_joined { teller.of_run(&entry.run) } else { teller };
        if let Some(began) = joined {
            teller.tell(&Event::RunJoined { began }, None);
        }
        let ack_wait = if is_joined { connection.join_queue(&entry.run, ack_wait).await? } else { ack_wait };
        let (live, listening) = Live::listen(&connection).await;
        let hand_out = HandOut::new(&connection, &entry.run, ack_wait);
        let watching = Watching {
            connection: &connection,
            runs: &runs,
            teller: &teller,
            entry,
            is_joined,
            ack_wait,
            drain,
            cancel: &cancel,
            live,
            board: &board,
            progress: Progress::new(planned.unwrap_or_else(|| Report::empty(teller.id.clone())), hand_out),
        };
        let Progress { book, kept, flow, silent, attendance, called_off_by, mut report, broken_off, .. } =
            watching.watch().await;
        listening.abort();
        report.is_broken_off = broken_off.is_some();
        let since = joined.and_then(|began| began.elapsed().ok());
        report.took = since.unwrap_or(began.elapsed()).max(began.elapsed());
        let losses = losses(&silent, &book, &attendance, &flow);
        let (spent, has_begun) = (book.spent(), true);
        Ok(Brought { report, spent, joined, kept, losses, called_off_by, broken_off, has_begun })
    }
}

impl Brought {
    /// The result of a run that had no job.
    fn nothing(report: Report) -> Self {
        let (spent, joined, kept, losses, called_off_by, broken_off) = Default::default();
        Self { report, spent, joined, kept, losses, called_off_by, broken_off, has_begun: true }
    }
}
