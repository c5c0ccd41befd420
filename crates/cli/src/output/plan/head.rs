//! What a plan says of a rule: what it selects, where that goes, and how it is copied.

use std::ops::AddAssign as _;
use std::sync::Arc;

use oci::Digest;
use serde::Serialize;
use sync::Policy;
use sync::select::Counts;

/// A rule, as a plan shows it.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Head {
    /// Only rules of `sync` have one.
    pub(crate) name: Option<String>,
    /// As it was written.
    pub(crate) source: String,
    pub(crate) targets: Vec<String>,
    /// Which tags are selected, in words.
    pub(crate) tags: String,
    pub(crate) policy: Arc<Policy>,
    /// How many images it names; none where listings tell which there are.
    #[serde(skip)]
    pub(crate) named: usize,
}

/// Stands for all rules of a plan: two configs with the same one plan the same. It knows no login.
pub(crate) fn digest_of(heads: &[Head]) -> Digest {
    Digest::sha256(&serde_json::to_vec(heads).expect("texts, numbers and lists are always JSON"))
}

/// How many tags each stage of a rule's selection left, summed over its repositories.
#[derive(Clone, Copy, Default, Serialize)]
#[serde(transparent)]
pub(super) struct Selection(Counts);

impl Selection {
    /// What is known of it before anything is listed.
    pub(super) fn of(head: &Head) -> Self {
        let mut selection = Self::default();
        selection.took(head.named, head.named);
        selection
    }

    /// What a rule chose from the whole list of a repository.
    pub(super) fn chose(&mut self, counts: Counts) {
        self.0.add_assign(counts);
    }

    /// A rule without stages took some of the listed tags.
    pub(super) fn took(&mut self, listed: usize, selected: usize) {
        let (included, versions) = (selected, selected);
        self.0.add_assign(Counts { listed, included, versions, selected, ..Counts::default() });
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.0
    }
}
