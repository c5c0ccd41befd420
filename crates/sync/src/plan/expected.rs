//! What a plan expects of a target.

use std::fmt;

use oci::Digest;
use serde::{Deserialize, Serialize};

/// What a target has under a reference before a task is carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Expected {
    /// Nothing.
    Absent,
    /// This digest.
    Digest(Digest),
}

impl fmt::Display for Expected {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => formatter.write_str("nothing"),
            Self::Digest(digest) => digest.fmt(formatter),
        }
    }
}

impl Expected {
    /// Whether `there` is what was expected.
    pub(crate) fn is_met_by(&self, there: Option<&Digest>) -> bool {
        match self {
            Self::Absent => there.is_none(),
            Self::Digest(digest) => there == Some(digest),
        }
    }
}
