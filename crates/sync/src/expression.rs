//! Regular expressions of rules: their size limit, and the error messages for invalid ones.

/// The most memory for a compiled expression, in bytes: more than any reasonable one needs, and little for a config
/// that has hundreds.
pub(crate) const MOST_BYTES: usize = 1 << 20;

/// The problem of an invalid expression. The parser marks it with a caret, and describes it in its last line.
pub fn regex_problem(error: &str) -> &str {
    let line = error.trim_end().rsplit('\n').next().unwrap_or_default();
    line.trim_start_matches("error: ")
}
