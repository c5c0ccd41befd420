//! The rule's part of a plan: its selection, its targets, and its policies.

use std::ops::AddAssign as _;
use std::sync::Arc;

use oci::Digest;
use serde::Serialize;
use sync::Policy;
use sync::select::Counts;

/// A rule, for a plan.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Head {
    /// Only rules of `sync` have a name.
    pub(crate) name: Option<String>,
    /// The source's text.
    pub(crate) source: String,
    pub(crate) targets: Vec<String>,
    /// The label of the config's rule of which a retry takes up a part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) part_of: Option<Arc<str>>,
    /// The tag selection, in words.
    pub(crate) tags: String,
    pub(crate) policy: Arc<Policy>,
    /// The number of images that the rule names; 0 if they come from listings.
    #[serde(skip)]
    pub(crate) named: usize,
}

/// A digest of all rules of a plan: configs with the same digest make the same plan. Logins are not part of it.
pub(crate) fn digest_of(heads: &[Head]) -> Digest {
    Digest::sha256(&serde_json::to_vec(heads).expect("texts, numbers and lists are always JSON"))
}

/// The number of tags that each stage of a rule's selection kept, summed over its repositories.
#[derive(Clone, Copy, Default, Serialize)]
#[serde(transparent)]
pub(super) struct Selection(Counts);

impl Selection {
    /// The counts that are known before anything is listed.
    pub(super) fn of(head: &Head) -> Self {
        let mut selection = Self::default();
        selection.took(head.named, head.named);
        selection
    }

    /// Adds the counts of one repository's whole list.
    pub(super) fn chose(&mut self, counts: Counts) {
        self.0.add_assign(counts);
    }

    /// Adds the counts of a rule without stages: it selected some of the listed tags.
    pub(super) fn took(&mut self, listed: usize, selected: usize) {
        let (included, versions) = (selected, selected);
        self.0.add_assign(Counts { listed, included, versions, selected, ..Counts::default() });
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.0
    }
}
