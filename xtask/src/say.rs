//! Prints a line for the user of a chore.

#[expect(clippy::print_stderr, reason = "a chore talks to the person who runs it")]
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}
