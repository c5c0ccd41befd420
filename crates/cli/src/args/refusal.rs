//! A command line that is read no further.

/// Why it is not, and what to write instead.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) problem: String,
    /// Where the problem does not say it.
    pub(crate) next: Option<String>,
}
