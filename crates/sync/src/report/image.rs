//! One image on its way to one target: what events and reports speak about.

use std::fmt;
use std::sync::Arc;

use oci::TagOrDigest;

/// A source and a target, as people read them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Image {
    /// Registry and repository that it is copied from.
    pub source: Arc<str>,
    /// Which image there.
    pub source_reference: TagOrDigest,
    /// Registry and repository that it is copied to.
    pub target: Arc<str>,
    /// Its name there.
    pub target_reference: TagOrDigest,
}

impl Image {
    /// `registry/repository:tag` at the source.
    pub fn source_name(&self) -> String {
        format!("{}{}", self.source, self.source_reference.suffix())
    }

    /// `registry/repository:tag` at the target.
    pub fn target_name(&self) -> String {
        format!("{}{}", self.target, self.target_reference.suffix())
    }
}

impl fmt::Display for Image {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} -> {}", self.source_name(), self.target_name())
    }
}
