//! A name somewhere.

use std::sync::Arc;

use oci::TagOrDigest;

/// A name somewhere, as people read it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Registry and repository.
    pub(crate) repository: Arc<str>,
    pub(crate) reference: String,
}

impl Place {
    pub(crate) fn new(repository: &Arc<str>, reference: &TagOrDigest) -> Self {
        Self { repository: repository.clone(), reference: reference.suffix() }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}{}", self.repository, self.reference)
    }
}
