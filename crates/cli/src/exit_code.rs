//! What the exit status says. The table in docs/verbs.md is this one.

use std::sync::Arc;

use oci::ErrorKind;
use sync::RuleFailure;

use crate::done::Done;
use crate::output::Verified;

/// All is well.
pub(crate) const DONE: u8 = 0;
/// Some images failed, others are fine; or targets differ.
pub(crate) const SOME_FAILED: u8 = 1;
/// The command line or a config file cannot be used; nothing was copied.
pub(crate) const USAGE: u8 = 2;
/// Every image failed.
pub(crate) const ALL_FAILED: u8 = 3;
/// Every image failed because a login was refused.
pub(crate) const ALL_REFUSED: u8 = 4;

/// A plan has something to do, and its status was asked for.
pub(crate) const CHANGES: u8 = 10;

/// From here on a signal ended the run: its number is added.
pub(crate) const INTERRUPTED: u8 = 128;

/// What decides.
pub(crate) struct Counts {
    /// Images, and rules that gave none.
    pub(crate) failures: u64,
    /// Rules that cannot be carried out.
    pub(crate) refused: u64,
    /// Images that nobody has brought: somebody else may have stopped a run of several machines.
    pub(crate) not_done: u64,
    pub(crate) fine: u64,
    /// Whether a login was refused for all that failed.
    pub(crate) are_all_by_login: bool,
}

/// Whether all that failed is that repositories are not there which are looked at for themselves: that is what was to be found out.
fn is_absence(done: &Done) -> bool {
    let is_absent = |failure: &Arc<RuleFailure>| failure.error.kind() == Some(ErrorKind::NotFound);
    done.verified.as_ref().is_some_and(Verified::is_alone)
        && done.report.failed() == 0
        && done.refused.is_empty()
        && done.report.failed_rules.iter().all(is_absent)
}

/// The status for what a run did.
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

/// The status for what came of images and rules.
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
