//! A target repository, and what is decided of it.

use std::collections::HashMap;
use std::sync::Arc;

use oci::Tag;

use super::candidate::Candidate;
use super::contents::Contents;
use crate::endpoint::{Source, Target};

/// What goes of one repository.
pub(super) struct Repository {
    pub(super) target: Arc<dyn Target>,
    pub(super) contents: Contents,
    /// In the order in which they go.
    pub(super) candidates: Vec<Candidate>,
    /// What tags would be at sources that did not have them.
    pub(super) missed: HashMap<Tag, Vec<Missed>>,
}

/// A tag that a source did not have.
pub(super) struct Missed {
    pub(super) source: Arc<dyn Source>,
    pub(super) tag: Tag,
}
