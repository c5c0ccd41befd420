//! The exit statuses. docs/verbs.md has the same table.

use std::sync::Arc;

use oci::ErrorKind;
use sync::RuleFailure;

use crate::done::Done;
use crate::output::Verified;

/// Success.
pub(crate) const DONE: u8 = 0;
/// Some images failed; or targets differ.
pub(crate) const SOME_FAILED: u8 = 1;
/// The command line or a config file cannot be used; nothing was copied.
pub(crate) const USAGE: u8 = 2;
/// Every image failed.
pub(crate) const ALL_FAILED: u8 = 3;
/// Every image failed because a login was refused.
pub(crate) const ALL_REFUSED: u8 = 4;

/// The plan has changes, and the caller asked for this status.
pub(crate) const CHANGES: u8 = 10;

/// Statuses from here on mean a signal: its number is added.
pub(crate) const INTERRUPTED: u8 = 128;

/// The counts that determine the status.
pub(crate) struct Counts {
    /// Failed images and lists.
    pub(crate) failures: u64,
    /// Rules that cannot be carried out.
    pub(crate) refused: u64,
    /// Images that were not copied: a run on several machines may have been stopped elsewhere.
    pub(crate) not_done: u64,
    pub(crate) fine: u64,
    /// Whether all failures are about refused logins.
    pub(crate) are_all_by_login: bool,
}

/// Whether the only failures are missing repositories in a verification of named targets: their absence is a finding.
fn is_absence(done: &Done) -> bool {
    let is_absent = |failure: &Arc<RuleFailure>| failure.error.kind() == Some(ErrorKind::NotFound);
    done.verified.as_ref().is_some_and(Verified::is_alone)
        && done.report.failed() == 0
        && done.refused.is_empty()
        && done.report.failed_rules.iter().all(is_absent)
}

/// The status for a run.
pub(crate) fn of(done: &Done) -> u8 {
    let report = &done.report;
    if report.totals.different > 0 || report.is_broken_off {
        return SOME_FAILED;
    }
    let counts = Counts {
        failures: (report.failed() + report.failed_rules.len()) as u64,
        refused: done.refused() as u64,
        not_done: report.not_done() as u64,
        fine: (report.copied() + report.skipped() + report.would_copy() + report.totals.whole) as u64,
        are_all_by_login: done.failures.are_all_by_login(),
    };
    match judge(&counts) {
        ALL_FAILED | ALL_REFUSED if is_absence(done) => SOME_FAILED,
        code => code,
    }
}

/// The status for these counts.
pub(crate) fn judge(counts: &Counts) -> u8 {
    match (counts.failures + counts.refused, counts.fine) {
        _ if counts.not_done > 0 => SOME_FAILED,
        (0, _) => DONE,
        (_, 0) if counts.refused == 0 && counts.are_all_by_login => ALL_REFUSED,
        (_, 0) => ALL_FAILED,
        _ => SOME_FAILED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_has_brought_is_no_success_whoever_counts() {
        let counts =
            |not_done| Counts { failures: 0, refused: 0, not_done, fine: 6, are_all_by_login: false };
        assert_eq!((judge(&counts(0)), judge(&counts(20))), (DONE, SOME_FAILED));
    }
}
