//! The policies of a rule.

use std::sync::Arc;

use sync::Policy;
use sync::select::TagSelection;

#[derive(Clone)]
pub(super) struct Terms {
    pub(super) policy: Arc<Policy>,
    /// The tags it selects if its source names none.
    pub(super) tags: Arc<TagSelection>,
}

impl From<Policy> for Terms {
    fn from(policy: Policy) -> Self {
        Self { policy: Arc::new(policy), tags: Arc::default() }
    }
}
