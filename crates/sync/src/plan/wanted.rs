//! How one image is copied: its rule's policy, and which referrers are left to copy if all tags are copied anyway.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::rule::Rule;
use crate::{Naming, OnConflict, Policy, ReferrerPolicy, Selection};

/// Which referrers of an image are copied with it.
///
/// Ordered: later variants include earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WantedReferrers {
    /// None.
    None,
    /// Those with a tag, because all tags are copied anyway.
    Tagged,
    /// Those without a tag, because all tags are copied anyway.
    Untagged,
    /// All of them.
    All,
}

impl WantedReferrers {
    /// For an image whose other tags may not all be copied.
    pub fn of(policy: &Policy) -> Self {
        match &policy.referrers {
            ReferrerPolicy::Leave => Self::None,
            ReferrerPolicy::Copy | ReferrerPolicy::ByType(_) => Self::All,
        }
    }

    /// Whether an image's own referrers are looked up for it.
    pub(crate) fn are_looked_up(self) -> bool {
        self >= Self::Untagged
    }
}

/// How an image is copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Which referrers are left to copy.
    pub referrers: WantedReferrers,
    /// Everything else.
    pub policy: Arc<Policy>,
}

impl Wanted {
    /// What a rule wants for its images.
    pub(crate) fn of(rule: &Rule) -> Self {
        let is_all = match &rule.selection {
            Selection::All => true,
            Selection::Chosen(selection) => !selection.narrows(),
            Selection::Matching(_) | Selection::These(_) | Selection::Pinned { .. } => false,
        };
        let all_tags_come = is_all && rule.targets.iter().all(|target| matches!(target.naming, Naming::Same));
        let alone = Self::of_one_image(rule.policy.clone());
        let referrers = match alone.referrers {
            WantedReferrers::None if all_tags_come => WantedReferrers::Tagged,
            WantedReferrers::All if all_tags_come => WantedReferrers::Untagged,
            referrers => referrers,
        };
        Self { referrers, ..alone }
    }

    /// What a policy wants for an image whose other tags may not all be copied.
    pub(crate) fn of_one_image(policy: Arc<Policy>) -> Self {
        Self { referrers: WantedReferrers::of(&policy), policy }
    }

    /// The same, but another image that the target has under the reference stays.
    pub(crate) fn keeping_what_is_there(self) -> Self {
        if self.policy.on_conflict != OnConflict::Overwrite {
            return self;
        }
        let policy = Policy { on_conflict: OnConflict::Keep, ..(*self.policy).clone() };
        Self { policy: Arc::new(policy), ..self }
    }

    /// The combined wants of this rule and a later one for the same copy.
    pub(crate) fn merged(&self, later: &Self) -> Self {
        let policy = if self.policy == later.policy {
            self.policy.clone()
        } else {
            Arc::new(self.policy.merged(&later.policy))
        };
        Self { referrers: self.referrers.max(later.referrers), policy }
    }
}
