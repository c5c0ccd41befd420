//! Regular expressions of rules: what they may take, and what is said of those that are none.

/// The most that an expression may take once compiled, in bytes: more than any reasonable one takes, and little for a config that
/// has hundreds.
pub(crate) const MOST_BYTES: usize = 1 << 20;

/// What is wrong with an expression. The parser draws it with a caret below, and says in its last line what is wrong.
pub fn regex_problem(error: &str) -> &str {
    let line = error.trim_end().rsplit('\n').next().unwrap_or_default();
    line.trim_start_matches("error: ")
}
