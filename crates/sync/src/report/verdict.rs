//! What was found of an image that was verified.

use std::sync::Arc;

use oci::Digest;
use serde::{Deserialize, Serialize};

use crate::Error;

/// How an image stands at its target.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// In a word, after what was repaired.
    pub standing: Standing,
    /// What the target has under its name, as far as that is known.
    pub digest: Option<Digest>,
    /// All that is wrong with it.
    pub problems: Vec<Problem>,
    /// What was done about it.
    pub mended: Mended,
}

/// How an image stands, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// All of it is there.
    Whole,
    /// The target does not have the name.
    Missing,
    /// The target has the name with another digest.
    Different,
    /// The same, and its rule keeps what the target has: whether that is whole was not looked at.
    Kept,
    /// The name is right, and something below it is missing or wrong.
    Incomplete,
    /// Some of it cannot be read, and nothing else is known to be wrong.
    Unreadable,
}

/// What was done about what is wrong with an image.
#[derive(Clone, Debug)]
pub enum Mended {
    /// Nothing: all was well, or nothing was to be done.
    Nothing,
    /// It was broken, and is whole now.
    All,
    /// It was tried, and something is left; why, where that is known.
    NotAll(Option<Arc<Error>>),
}

/// Something that is not as it should be.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Of what: of a name, what it should point at; `None` where nobody tells that.
    pub digest: Option<Digest>,
    /// What that is.
    pub kind: ProblemKind,
    /// What is wrong with it.
    pub state: ProblemState,
    /// Why, where there is more to say.
    pub why: Option<Arc<Error>>,
    /// What a name points at in its place.
    pub instead: Option<Digest>,
}

/// What has a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProblemKind {
    /// The name.
    Tag,
    /// A manifest.
    Manifest,
    /// A config or a layer.
    Blob,
    /// A signature, an SBOM or the like: it, or what leads to it.
    Referrer,
}

/// What a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProblemState {
    /// It is not there.
    Missing,
    /// It is something else than it should be.
    Wrong,
    /// The target does not give it.
    Unreadable,
}

impl Verdict {
    /// Whether nothing is wrong, or is any more.
    pub fn is_whole(&self) -> bool {
        self.standing == Standing::Whole
    }

    /// Whether nothing is to be done about it.
    pub fn is_well(&self) -> bool {
        matches!(self.standing, Standing::Whole | Standing::Kept)
    }
}
