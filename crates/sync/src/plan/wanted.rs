//! What is wanted of one image: its rule's policy, and which referrers are left to bring where all tags come along anyway.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::rule::Rule;
use crate::{Naming, OnConflict, Policy, ReferrerPolicy, Selection};

/// Which referrers of an image go along.
///
/// The later ones are the wider ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WantedReferrers {
    /// None.
    None,
    /// Those that stand under a tag, because all tags come along anyway.
    Tagged,
    /// Those that do not stand under a tag, because all tags come along anyway.
    Untagged,
    /// All of them.
    All,
}

impl WantedReferrers {
    /// Of an image of which nobody says that all tags beside it come along.
    pub fn of(policy: &Policy) -> Self {
        match &policy.referrers {
            ReferrerPolicy::Leave => Self::None,
            ReferrerPolicy::Copy | ReferrerPolicy::ByType(_) => Self::All,
        }
    }
}

/// How an image is copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Which referrers are left to bring.
    pub referrers: WantedReferrers,
    /// All else.
    pub policy: Arc<Policy>,
}

impl Wanted {
    /// What a rule wants of its images.
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

    /// What such a policy wants of an image of which nobody says that all tags beside it come along.
    pub(crate) fn of_one_image(policy: Arc<Policy>) -> Self {
        Self { referrers: WantedReferrers::of(&policy), policy }
    }

    /// The same, but what the target has under the name stays, if it is another image.
    pub(crate) fn keeping_what_is_there(self) -> Self {
        if self.policy.on_conflict != OnConflict::Overwrite {
            return self;
        }
        let policy = Policy { on_conflict: OnConflict::Keep, ..(*self.policy).clone() };
        Self { policy: Arc::new(policy), ..self }
    }

    /// All that this rule or a later one wants of the same copy.
    pub(crate) fn merged(&self, later: &Self) -> Self {
        let policy = if self.policy == later.policy {
            self.policy.clone()
        } else {
            Arc::new(self.policy.merged(&later.policy))
        };
        Self { referrers: self.referrers.max(later.referrers), policy }
    }
}
