//! A reference in a repository.

use std::borrow::Cow;
use std::sync::Arc;

use oci::{TagOrDigest, as_place};

/// A reference in a repository, with the registry's host in a canonical form.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Registry and repository.
    pub(crate) repository: Arc<str>,
    pub(crate) reference: String,
}

impl Place {
    pub(crate) fn new(repository: &Arc<str>, reference: &TagOrDigest) -> Self {
        let repository = match as_place(repository) {
            Cow::Borrowed(_) => repository.clone(),
            Cow::Owned(place) => place.into(),
        };
        Self { repository, reference: reference.suffix() }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}{}", self.repository, self.reference)
    }
}
