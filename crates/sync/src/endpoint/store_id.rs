//! Which store an endpoint belongs to.

use std::fmt;
use std::sync::Arc;

/// A store as one login sees it. Endpoints with the same id share blobs by mounts, limits, and whatever is wrong with the
/// store. To the engine it is a name and nothing else; it is kept in the state, so it must be the same in each run, and must
/// not hold a secret.
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
