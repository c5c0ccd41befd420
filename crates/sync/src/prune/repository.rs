//! A target repository, and the decision about it.

use std::collections::HashMap;
use std::sync::Arc;

use oci::Tag;

use super::candidate::Candidate;
use super::contents::Contents;
use crate::endpoint::{Source, Target};

/// What to delete in one repository.
pub(super) struct Repository {
    pub(super) target: Arc<dyn Target>,
    pub(super) contents: Contents,
    /// In the order of their deletion.
    pub(super) candidates: Vec<Candidate>,
    /// For each tag, what it would be at the sources that did not have it.
    pub(super) missed: HashMap<Tag, Vec<Missed>>,
}

/// A tag that a source did not have.
pub(super) struct Missed {
    pub(super) source: Arc<dyn Source>,
    pub(super) tag: Tag,
}
