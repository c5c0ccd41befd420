//! An entry of the list of open runs, of this release or of another one.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::release::Release;
use super::run::RunEntry;

/// An entry of the list of open runs. A coordinator that does not understand an entry leaves it as it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub(crate) enum Listed {
    Ours(RunEntry),
    Other(OtherRun),
}

/// A run of a release whose messages this one does not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OtherRun {
    pub(crate) run: String,
    pub(crate) release: Release,
    /// The entry, as it was written.
    entry: Value,
}

/// The fields that entries of all releases have.
#[derive(Deserialize)]
struct Head {
    run: String,
    #[serde(default)]
    release: Release,
}

impl Listed {
    /// The run's name.
    pub(crate) fn run(&self) -> &str {
        match self {
            Self::Ours(entry) => &entry.run,
            Self::Other(other) => &other.run,
        }
    }
}

impl TryFrom<Value> for Listed {
    type Error = serde_json::Error;

    fn try_from(entry: Value) -> Result<Self, Self::Error> {
        let Head { run, release } = Head::deserialize(&entry)?;
        if release.is_understood() {
            return serde_json::from_value(entry).map(Self::Ours);
        }
        Ok(Self::Other(OtherRun { run, release, entry }))
    }
}

impl Serialize for Listed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Ours(entry) => entry.serialize(serializer),
            Self::Other(other) => other.entry.serialize(serializer),
        }
    }
}
