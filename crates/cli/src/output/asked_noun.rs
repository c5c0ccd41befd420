//! The noun for the items of a command: its rules, or the names on its command line.

use super::Verified;
use crate::done::Done;

/// For a config, and for `copy`.
const RULES: [&str; 2] = ["rule", "rules"];
/// For targets on the command line, which are not rules.
const NAMES: [&str; 2] = ["name", "names"];
const STEPS: [&str; 2] = ["image of the plan", "images of the plan"];

/// Singular and plural, for a run.
pub(super) fn of(done: &Done) -> [&'static str; 2] {
    let is_alone = done.verified.as_ref().is_some_and(Verified::is_alone);
    if is_alone { NAMES } else { of_command(done.run.command) }
}

/// Singular and plural, for a report, which is never of a verification.
pub(super) fn of_command(command: &str) -> [&'static str; 2] {
    if command == "apply" { STEPS } else { RULES }
}
