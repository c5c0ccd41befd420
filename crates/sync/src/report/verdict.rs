//! The result of the verification of an image.

use std::sync::Arc;

use oci::Digest;
use serde::{Deserialize, Serialize};

use crate::Error;

/// The result of the verification of an image.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The state in one word, after a repair.
    pub standing: Standing,
    /// The digest of the target's reference, if known.
    pub digest: Option<Digest>,
    /// All problems.
    pub problems: Vec<Problem>,
    /// The result of the repair.
    pub mended: Mended,
}

/// The state of an image at its target, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// The target has all of it.
    Whole,
    /// The target does not have the reference.
    Missing,
    /// The target has the reference with another digest.
    Different,
    /// The same, but its rule keeps what the target has, whose content was not checked.
    Kept,
    /// The reference is right, but content below it is missing or wrong.
    Incomplete,
    /// Some of it cannot be read, and nothing else is known to be wrong.
    Unreadable,
}

/// The result of a repair.
#[derive(Clone, Debug)]
pub enum Mended {
    /// Nothing was repaired: there was no problem, or no repair was wanted.
    Nothing,
    /// It was broken, and is complete now.
    All,
    /// A repair was tried, and problems are left; with the error, if known.
    NotAll(Option<Arc<Error>>),
}

/// One problem of an image.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The digest of the content; for a reference, the one that it should have. `None` if that is unknown.
    pub digest: Option<Digest>,
    /// The kind of content.
    pub kind: ProblemKind,
    /// What is wrong with it.
    pub state: ProblemState,
    /// The error, if there is one.
    pub why: Option<Arc<Error>>,
    /// The digest that the reference has instead.
    pub instead: Option<Digest>,
}

/// The kind of content with a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProblemKind {
    /// The reference.
    Tag,
    /// A manifest.
    Manifest,
    /// A config or a layer.
    Blob,
    /// A referrer, such as a signature or an SBOM: itself, or its entry in the target's list.
    Referrer,
}

/// The kind of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProblemState {
    /// The target does not have it.
    Missing,
    /// It is different from what it should be.
    Wrong,
    /// The target does not return it.
    Unreadable,
}

impl Verdict {
    /// Whether the image has no problem (any more).
    pub fn is_whole(&self) -> bool {
        self.standing == Standing::Whole
    }

    /// Whether no action is needed.
    pub fn is_well(&self) -> bool {
        matches!(self.standing, Standing::Whole | Standing::Kept)
    }
}
