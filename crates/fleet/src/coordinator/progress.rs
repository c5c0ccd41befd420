//! The progress of a run that a coordinator watches.

use std::collections::{BTreeMap, HashMap};

use sync::Report;
use tokio::time::Instant;

use super::attendance::Attendance;
use super::ending::{Ending, Wait};
use super::flow::Flow;
use super::hand_out::HandOut;
use crate::book::Book;
use crate::error::Error;
use crate::kept::Kept;
use crate::message::job::Job;

/// A run's progress.
pub(super) struct Progress {
    pub(super) book: Book,
    pub(super) report: Report,
    /// The revision up to which the book was read.
    pub(super) seen: u64,
    /// Whether the book was read to its end, as far as NATS has told.
    pub(super) is_caught_up: bool,
    /// Whether all its jobs were read.
    pub(super) is_all_planned: bool,
    pub(super) hand_out: HandOut,
    /// When the book got its last entry about an open job that has a result, by the clock that stands still while NATS is away.
    pub(super) last_entries: HashMap<u32, Instant>,
    pub(super) attendance: Attendance,
    pub(super) flow: Flow,
    /// How often each worker was noticed to be silent, or to have been started again, without a farewell.
    pub(super) silent: BTreeMap<String, u64>,
    /// How many of the bytes that workers sent the targets keep.
    pub(super) kept: Kept,
    pub(super) told: Instant,
    pub(super) checked: Instant,
    /// The run's end, once it is stopped.
    pub(super) ending: Option<(Ending, Wait)>,
    /// The other coordinator that has called the run off.
    pub(super) called_off_by: Option<String>,
    /// Why this coordinator does not watch the run to its end.
    pub(super) broken_off: Option<Error>,
}

impl Progress {
    pub(super) fn new(report: Report, hand_out: HandOut) -> Self {
        let (book, seen, is_caught_up, is_all_planned) = Default::default();
        let (last_entries, attendance, flow, silent, kept) = Default::default();
        let (told, checked, ending, broken_off) = (Instant::now(), Instant::now(), None, None);
        let called_off_by = None;
        Self {
            book,
            report,
            seen,
            is_caught_up,
            is_all_planned,
            hand_out,
            last_entries,
            attendance,
            flow,
            silent,
            kept,
            told,
            checked,
            ending,
            called_off_by,
            broken_off,
        }
    }

    /// The jobs in work at workers that are still there, by worker.
    pub(super) fn awaited(&self) -> BTreeMap<&str, Vec<&Job>> {
        self.book.at_work_of(|by| !self.attendance.misses(by))
    }

    /// How many images are in these jobs.
    pub(super) fn images_awaited(&self) -> usize {
        self.book.images_in_work(|by| !self.attendance.misses(by))
    }

    /// Begins the run's end.
    pub(super) fn end(&mut self, ending: Ending) {
        self.ending = Some((ending, Wait::ForSigns));
    }
}
