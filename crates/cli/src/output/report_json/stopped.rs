//! Why a run did not go on to its end, in its report.

use super::facts::{Part, Stopped};
use crate::done::{StopKind, StoppedBy};
use crate::interrupt::{INTERRUPTED, is_status};

impl Stopped {
    /// The entry of a run; `None` for a run that went on to its end, also if a signal came when nothing was left to do.
    pub(super) fn of(by: Option<&StoppedBy>, exit_code: u8, is_left: bool, goes_on: &str) -> Option<Self> {
        let (word, message, next) = match by {
            Some(StoppedBy { kind, why, next }) => (word(*kind), why.as_str(), next.clone()),
            None if exit_code == INTERRUPTED => ("interrupted", "Ctrl-C (SIGINT)", None),
            None if is_status(exit_code) => ("interrupted", "SIGTERM, or SIGHUP", None),
            None => return None,
        };
        let is_failure = by.is_some_and(|by| by.kind != StopKind::CalledOff);
        if !is_left && !is_failure {
            return None;
        }
        let hint = next.unwrap_or_else(|| format!("{goes_on}: what is at the targets is not sent again"));
        Some(Self { kind: word.to_owned(), message: message.to_owned(), hint })
    }

    /// The entry of several runs: that of the last one that was stopped, if something is still left.
    pub(super) fn of_parts(parts: &[Part], is_left: bool) -> Option<Self> {
        let stopped = parts.iter().filter(|part| part.stopped.is_some() && is_left);
        stopped.max_by(|one, other| one.finished_at.cmp(&other.finished_at))?.stopped.clone()
    }

    /// The end in words, if it was neither a signal nor another coordinator's.
    pub(crate) fn sentence(&self) -> Option<&'static str> {
        match self.kind.as_str() {
            "brokenOff" => Some("the run was broken off"),
            "notBegun" => Some("the run did not begin"),
            _ => None,
        }
    }
}

/// The word for it in reports.
fn word(kind: StopKind) -> &'static str {
    match kind {
        StopKind::CalledOff => "calledOff",
        StopKind::NotCalledOff => "interrupted",
        StopKind::BrokenOff => "brokenOff",
        StopKind::NotBegun => "notBegun",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_a_run_was_stopped_is_told_where_something_is_left() {
        let by = |kind| StoppedBy { kind, why: "why".to_owned(), next: None };
        for (kind, code, is_left, told) in [
            (None, 0, false, None),
            (None, 3, true, None),
            (None, 130, true, Some("interrupted")),
            (None, 143, true, Some("interrupted")),
            (None, 130, false, None),
            (Some(StopKind::CalledOff), 130, true, Some("calledOff")),
            (Some(StopKind::CalledOff), 130, false, None),
            (Some(StopKind::NotCalledOff), 130, true, Some("interrupted")),
            (Some(StopKind::BrokenOff), 1, false, Some("brokenOff")),
            (Some(StopKind::NotBegun), 1, true, Some("notBegun")),
        ] {
            let stopped = Stopped::of(kind.map(by).as_ref(), code, is_left, "the same command goes on");
            let hint = "the same command goes on: what is at the targets is not sent again";
            assert!(stopped.iter().all(|stopped| stopped.hint == hint), "{stopped:?}");
            assert_eq!(stopped.map(|stopped| stopped.kind).as_deref(), told, "{kind:?} {code}");
        }
    }

    #[test]
    fn several_runs_were_stopped_as_the_last_that_was_if_something_is_left() {
        let part = |finished_at: &str, message: &str| Part {
            finished_at: finished_at.to_owned(),
            stopped: (!message.is_empty())
                .then(|| Stopped { message: message.to_owned(), ..Stopped::default() }),
            ..Part::default()
        };
        let parts = [part("2", "second"), part("3", ""), part("1", "first")];
        let told = |is_left| Stopped::of_parts(&parts, is_left).map(|stopped| stopped.message);
        assert_eq!((told(true).as_deref(), told(false)), (Some("second"), None));
    }
}
