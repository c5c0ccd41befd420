//! What that is called which a command was asked for: its rules, or what was named instead.

use super::Verified;
use crate::done::Done;

/// Those of a config, and what `copy` is told.
const RULES: [&str; 2] = ["rule", "rules"];
/// Targets on the command line: nobody has written a rule.
const NAMES: [&str; 2] = ["name", "names"];
const STEPS: [&str; 2] = ["image of the plan", "images of the plan"];

/// One, and many of them, of a run.
pub(super) fn of(done: &Done) -> [&'static str; 2] {
    let is_alone = done.verified.as_ref().is_some_and(Verified::is_alone);
    if is_alone { NAMES } else { of_command(done.run.command) }
}

/// The same of a report. None of a verification is one.
pub(super) fn of_command(command: &str) -> [&'static str; 2] {
    if command == "apply" { STEPS } else { RULES }
}
