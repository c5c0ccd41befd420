//! How far a run is that is watched.

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

/// How far it is.
pub(super) struct Progress {
    pub(super) book: Book,
    pub(super) report: Report,
    /// Up to here the book was read.
    pub(super) seen: u64,
    /// Whether the book was read to what was its end at that moment.
    pub(super) is_caught_up: bool,
    /// Whether all its jobs were read.
    pub(super) is_all_planned: bool,
    pub(super) hand_out: HandOut,
    /// When a job that has not ended got its first result, by the clock that stands still while NATS is away.
    pub(super) first_results: HashMap<u32, Instant>,
    pub(super) attendance: Attendance,
    pub(super) flow: Flow,
    /// Of what workers sent.
    pub(super) kept: Kept,
    pub(super) told: Instant,
    pub(super) checked: Instant,
    /// Once it is stopped.
    pub(super) ending: Option<(Ending, Wait)>,
    /// Another coordinator that has stopped it.
    pub(super) called_off_by: Option<String>,
    /// Why nobody watches it to its end.
    pub(super) broken_off: Option<Error>,
}

impl Progress {
    pub(super) fn new(report: Report, hand_out: HandOut) -> Self {
        let (book, seen, is_caught_up, is_all_planned) = Default::default();
        let (first_results, attendance, flow, kept) = Default::default();
        let (told, checked, ending, broken_off) = (Instant::now(), Instant::now(), None, None);
        let called_off_by = None;
        Self {
            book,
            report,
            seen,
            is_caught_up,
            is_all_planned,
            hand_out,
            first_results,
            attendance,
            flow,
            kept,
            told,
            checked,
            ending,
            called_off_by,
            broken_off,
        }
    }

    /// The jobs that somebody may still end, by who does: whoever is silent is not waited for.
    pub(super) fn awaited(&self) -> BTreeMap<&str, Vec<&Job>> {
        self.book.at_work_of(|by| !self.attendance.misses(by))
    }

    /// From now on, the run ends so.
    pub(super) fn end(&mut self, ending: Ending) {
        self.ending = Some((ending, Wait::ForSigns));
    }
}
