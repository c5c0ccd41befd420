//! Which store an endpoint belongs to.

use std::fmt;
use std::sync::Arc;

/// A store as seen by one login. Endpoints with the same id can mount each other's blobs, and share limits and
/// failures. The engine uses it only as a name. The state stores it, so it must be the same in each run, and must not
/// contain a secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StoreId(Arc<str>);

impl StoreId {
    /// The id with this text.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
