//! Content that may be deleted, and why it is or is not.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use oci::{Digest, TagOrDigest};

use crate::select::Age;

/// A tag or manifest at a target that may be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Registry and repository.
    pub repository: Arc<str>,
    /// Its tag or digest.
    pub name: TagOrDigest,
    /// Its digest.
    pub digest: Digest,
    /// Why it is deleted or stays.
    pub standing: Standing,
    /// What stays and needs it, as shown to users. Its tag may be deleted nevertheless, if the registry can delete a
    /// tag alone.
    pub held_by: Vec<String>,
    /// Whether its registry is known to do so.
    pub untagging: Untagging,
}

/// Whether a registry deletes a tag without its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untagging {
    /// It does for sure.
    Certain,
    /// Unknown until the first deletion.
    Unknown,
}

/// The expected result, before anything is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is deleted.
    Goes,
    /// It is deleted if the registry deletes a tag without its image, and stays otherwise.
    GoesAlone,
    /// It stays.
    Stays,
}

/// Why it is deleted or stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Deleted: the source does not have it.
    Due,
    /// Deleted with its subject.
    Follows {
        /// The subject.
        subject: Digest,
    },
    /// Stays: the source does not have it, but not for long enough.
    Waits {
        /// Since when runs have seen that; `None` without a state.
        since: Option<SystemTime>,
        /// How long it has to be missing.
        grace: Duration,
    },
    /// Stays: the source still has it, although the rule no longer selects it.
    AtSource,
    /// Stays: a rule that does not delete would write it, too.
    OfAnother,
}

impl Candidate {
    /// `HOST/REPOSITORY:TAG`, or with `@DIGEST`.
    pub fn target(&self) -> String {
        match &self.name {
            TagOrDigest::Tag(tag) => format!("{}:{tag}", self.repository),
            TagOrDigest::Digest(digest) => format!("{}@{digest}", self.repository),
        }
    }

    /// The expected result.
    pub fn fate(&self) -> Fate {
        match (self.is_due(), &self.held_by[..], self.untagging) {
            (false, ..) => Fate::Stays,
            (true, [_, ..], Untagging::Unknown) => Fate::GoesAlone,
            (true, ..) => Fate::Goes,
        }
    }

    /// Whether it is to be deleted.
    pub fn is_due(&self) -> bool {
        matches!(self.standing, Standing::Due | Standing::Follows { .. })
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Due => formatter.write_str("the source does not have it"),
            Self::Follows { subject } => write!(formatter, "it refers to {subject}, which goes or is gone"),
            Self::Waits { since: Some(_), grace } => {
                write!(
                    formatter,
                    "the source does not have it, but `grace` waits until it has been gone for {}",
                    Age(*grace)
                )
            }
            Self::Waits { since: None, grace } => write!(
                formatter,
                "the source does not have it, but `grace` waits until it has been gone for {}, which only runs with a state can tell (`grace: 0s` deletes at once)",
                Age(*grace)
            ),
            Self::OfAnother => formatter
                .write_str("the source does not have it, but a rule that deletes nothing would name it, too"),
            Self::AtSource => {
                formatter.write_str("the source still has it, though the rule does not select it any more")
            }
        }
    }
}
