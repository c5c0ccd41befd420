//! The end of a connection without an answer.

use std::fmt;

/// How the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HangUp {
    /// It is closed.
    Close,
    /// It is reset.
    Reset,
}

impl fmt::Display for HangUp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the registry hung up, as it was told to")
    }
}

impl std::error::Error for HangUp {}
