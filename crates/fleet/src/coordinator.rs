//! The coordinator: plans, writes the book, hands out jobs, and reads what became of them. It may die: whoever is started again with
//! the same rules reads the book from its beginning and goes on.

mod attendance;
mod board;
mod book_entry;
mod calling_off;
mod ending;
mod flow;
mod hand_out;
mod open_runs;
mod opening;
mod plan;
mod progress;
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
use opening::{Opened, Opening};
pub use plan::Plan;
use progress::Progress;
use teller::Teller;
use watching::Watching;

/// Who plans and watches.
pub struct Coordinator {
    /// Where jobs go.
    pub connection: Connection,
    /// What its run is called, if it begins one.
    pub id: RunId,
    /// Is told of all images.
    pub observer: Arc<dyn Observer>,
    /// How long images in work have to end when the run is stopped.
    pub drain: Duration,
    /// Puts errors into words.
    pub explain: Explain,
    /// Shows how far the run is.
    pub board: Board,
}

/// What became of a run.
#[derive(Debug)]
pub struct Brought {
    /// Of its images, under the run's name.
    pub report: Report,
    /// What its workers asked registries for.
    pub spent: Spending,
    /// When the run began, where somebody else began it.
    pub joined: Option<SystemTime>,
    /// What targets have of the bytes that moved.
    pub kept: Kept,
    /// Bytes that workers of a run that was not brought to its end told of, while no result did.
    pub without_result: u64,
    /// The other coordinator that has called it off, where one has.
    pub called_off_by: Option<String>,
    /// Why nobody watched it to its end: the report has what was known by then.
    pub broken_off: Option<Error>,
}

impl Coordinator {
    /// Plans, or joins a run that is open, on a connection that is prepared, and waits for its end. When it is cancelled, so is the run.
    ///
    /// # Errors
    /// NATS cannot be asked before the run is open, or the run that is to be joined is not there.
    pub async fn run(self, plan: Plan, cancel: CancellationToken) -> Result<Brought, Error> {
        let (began, ack_wait) = (Instant::now(), plan.ack_wait);
        let Self { connection, id, observer, drain, explain, board } = self;
        let teller = Teller { id, observer };
        let runs = connection.runs().await?;
        let opening = Opening { connection: &connection, runs: &runs, teller: &teller, explain: &explain };
        let (entry, is_joined) = match opening.open(plan, &cancel).await? {
            Opened::Begun(entry) => (entry, false),
            Opened::Joined(entry) => (entry, true),
            Opened::Nothing(report) => return Ok(Brought::nothing(report)),
        };
        let joined = entry.began(SystemTime::now()).filter(|_| is_joined);
        let teller = if is_joined { teller.of_run(&entry.run) } else { teller };
        if let Some(began) = joined {
            teller.tell(&Event::RunJoined { began }, None);
        }
        if is_joined {
            // Where NATS has lost it.
            connection.open_queue(&entry.run, ack_wait).await?;
        }
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
            progress: Progress::new(Report::empty(teller.id.clone()), hand_out),
        };
        let Progress { book, kept, flow, called_off_by, mut report, broken_off, .. } = watching.watch().await;
        listening.abort();
        report.is_broken_off = broken_off.is_some();
        let since = joined.and_then(|began| began.elapsed().ok());
        report.took = since.unwrap_or(began.elapsed()).max(began.elapsed());
        let is_whole = report.not_done() == 0 && !report.is_broken_off;
        let without_result = if is_whole { 0 } else { flow.without_result() };
        Ok(Brought { report, spent: book.spent(), joined, kept, without_result, called_off_by, broken_off })
    }
}

impl Brought {
    /// Of a run that had nothing to hand out.
    fn nothing(report: Report) -> Self {
        let (spent, joined, kept, without_result, called_off_by, broken_off) = Default::default();
        Self { report, spent, joined, kept, without_result, called_off_by, broken_off }
    }
}
