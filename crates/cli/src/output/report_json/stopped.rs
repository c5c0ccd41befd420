//! Why a run did not go on to its end, in its report.

use super::facts::{Part, Stopped};
use crate::done::StoppedBy;
use crate::exit_code;
use crate::interrupt::INTERRUPTED;

const GOES_ON: &str = "the same command goes on: what is at the targets is not sent again";

impl Stopped {
    /// The entry of a run; `None` for a run that went on to its end.
    pub(super) fn of(by: Option<&StoppedBy>, exit_code: u8) -> Option<Self> {
        let (kind, message, hint) = match by {
            Some(StoppedBy::AnotherCoordinator(name)) => {
                ("calledOff", format!("{name} called the run off"), GOES_ON.to_owned())
            }
            Some(StoppedBy::Failure { why, next }) => {
                ("brokenOff", why.clone(), next.clone().unwrap_or_default())
            }
            None if exit_code == INTERRUPTED => {
                ("interrupted", "Ctrl-C (SIGINT)".to_owned(), GOES_ON.to_owned())
            }
            None if exit_code >= exit_code::INTERRUPTED => {
                ("interrupted", "SIGTERM, or SIGHUP".to_owned(), GOES_ON.to_owned())
            }
            None => return None,
        };
        Some(Self { kind: kind.to_owned(), message, hint })
    }

    /// The entry of several runs: that of the last one, or of the last one that was stopped if something is still left of it.
    pub(super) fn of_parts(parts: &[Part], is_left: bool) -> Option<Self> {
        let last = parts.iter().max_by(|one, other| one.finished_at.cmp(&other.finished_at))?;
        let stopped = parts.iter().filter(|part| part.stopped.is_some());
        let last_stopped = stopped.max_by(|one, other| one.finished_at.cmp(&other.finished_at));
        last.stopped.clone().or_else(|| last_stopped.filter(|_| is_left)?.stopped.clone())
    }

    pub(crate) fn is_broken_off(&self) -> bool {
        self.kind == "brokenOff"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_a_run_was_stopped_is_told_and_forgotten_once_all_is_done() {
        let kind = |by: Option<&StoppedBy>, code| Stopped::of(by, code).map(|stopped| stopped.kind);
        let other = StoppedBy::AnotherCoordinator("c-2".to_owned());
        let lost = StoppedBy::Failure { why: "NATS has lost run r".to_owned(), next: None };
        for (by, code, told) in [
            (None, 0, None),
            (None, 3, None),
            (None, 130, Some("interrupted")),
            (None, 143, Some("interrupted")),
            (Some(&other), 130, Some("calledOff")),
            (Some(&lost), 1, Some("brokenOff")),
        ] {
            assert_eq!(kind(by, code).as_deref(), told, "{code}");
        }
        let part = |finished_at: &str, by: Option<&StoppedBy>| Part {
            finished_at: finished_at.to_owned(),
            stopped: Stopped::of(by, 0),
            ..Part::default()
        };
        let of_parts =
            |parts: &[Part], is_left| Stopped::of_parts(parts, is_left).map(|stopped| stopped.kind);
        let (first, second) = (part("1", Some(&lost)), part("2", None));
        assert_eq!(of_parts(&[first.clone(), second.clone()], false), None);
        assert_eq!(of_parts(&[second, first.clone()], true).as_deref(), Some("brokenOff"));
        assert_eq!(of_parts(&[first], false).as_deref(), Some("brokenOff"));
        assert_eq!(of_parts(&[], true), None);
    }
}
