//! The exit status that one run would have had with the merged result.

use super::facts::Totals;
use crate::exit_code::{self, Counts};

/// `codes`: the exit statuses of the runs.
pub(super) fn status(totals: &Totals, are_all_by_login: bool, codes: &[u8]) -> u8 {
    let has = |code: u8| codes.contains(&code);
    let interrupted = codes.iter().copied().filter(|code| *code >= exit_code::INTERRUPTED).max();
    // Another run may have done what an interrupted one left.
    if let (Some(code), true) = (interrupted, totals.is_left()) {
        return code;
    }
    let counts = Counts {
        failures: totals.failed + totals.failed_rules,
        refused: totals.refused,
        not_done: totals.not_done,
        fine: totals.standing() + totals.skipped + totals.would_copy,
        are_all_by_login,
    };
    match exit_code::judge(&counts) {
        // What failed was mended, and rules are left that no run has listed.
        exit_code::DONE if totals.unlisted_rules > 0 => exit_code::SOME_FAILED,
        exit_code::DONE if totals.would_copy > 0 && has(exit_code::CHANGES) => exit_code::CHANGES,
        // A run that matched no image.
        exit_code::DONE if totals.images() == totals.skipped && has(exit_code::SOME_FAILED) => {
            exit_code::SOME_FAILED
        }
        code => code,
    }
}
