//! What might be deleted, and why it is or is not.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use oci::{Digest, TagOrDigest};

use crate::select::Age;

/// Something at a target that might be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Registry and repository.
    pub repository: Arc<str>,
    /// Its name there.
    pub name: TagOrDigest,
    /// What it points at.
    pub digest: Digest,
    /// Why it goes, or stays.
    pub standing: Standing,
    /// What stays and needs it, for people. Its name may go nevertheless, where a registry takes names away alone.
    pub held_by: Vec<String>,
    /// Whether its registry is known to do so.
    pub untagging: Untagging,
}

/// Whether a registry takes a tag away without its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untagging {
    /// It does for sure.
    Certain,
    /// Only a deletion can show it.
    Unknown,
}

/// What becomes of something, as far as that is known before anything is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes.
    Goes,
    /// It goes if its registry takes a tag away without its image, and stays otherwise.
    GoesAlone,
    /// It stays.
    Stays,
}

/// Why something goes, or stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It goes: the source does not have it.
    Due,
    /// It goes with the image that it refers to.
    Follows {
        /// Which one.
        subject: Digest,
    },
    /// It stays: the source does not have it, and not for long enough.
    Waits {
        /// Since when runs have seen that; `None` where nothing is remembered.
        since: Option<SystemTime>,
        /// How long it has to be gone.
        grace: Duration,
    },
    /// It stays: the source still has it, though the rule does not select it any more.
    AtSource,
    /// It stays: a rule that deletes nothing would name it, too.
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

    /// What becomes of it.
    pub fn fate(&self) -> Fate {
        match (self.is_due(), &self.held_by[..], self.untagging) {
            (false, ..) => Fate::Stays,
            (true, [_, ..], Untagging::Unknown) => Fate::GoesAlone,
            (true, ..) => Fate::Goes,
        }
    }

    /// Whether it is to go.
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
