//! An error of another process.

/// An error that another process reported, as texts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct ToldError {
    /// Why something failed.
    pub why: String,
    /// What to do.
    pub next: String,
}
