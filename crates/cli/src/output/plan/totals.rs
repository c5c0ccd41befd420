//! The sums of a plan.

use serde::Serialize;
use sync::{Action, WantedReferrers};

use super::recorder::{Plan, Weighed};
use crate::done::Done;

/// How many steps of each kind, and what they bring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Totals {
    pub(super) create: usize,
    pub(super) update: usize,
    pub(super) retag: usize,
    pub(super) unchanged: usize,
    pub(super) conflict: usize,
    /// Those of the conflicts in which the rule keeps what the target has: nobody has to do anything.
    pub(super) kept: usize,
    pub(super) missing: usize,
    pub(super) referrers: usize,
    pub(super) bytes: u64,
    pub(super) bytes_mounted: u64,
    /// An estimate.
    pub(super) requests: usize,
    /// Images that could not be planned.
    pub(super) failed: usize,
    /// Rules that gave no images, or are refused.
    pub(super) failed_rules: usize,
}

impl Totals {
    /// What a plan lacks, and what a run asks registries for before it has any image. The steps come to it.
    pub(super) fn of(plan: &Plan, done: &Done) -> Self {
        let failed_rules = done.report.failed_rules.len() + done.refused.len();
        // Each registry is asked once how it wants to be asked.
        let requests = plan.lists + done.registries.len();
        Self { failed: done.report.failed(), failed_rules, requests, ..Self::default() }
    }

    pub(super) fn add(&mut self, weighed: &Weighed) {
        let Weighed { step, brought, manifests, looks, policy, is_listed } = weighed;
        self.kept += usize::from(weighed.is_kept());
        *match step.action {
            Action::Create => &mut self.create,
            Action::Update => &mut self.update,
            Action::Retag => &mut self.retag,
            Action::Referrers => &mut self.referrers,
            Action::Unchanged => &mut self.unchanged,
            Action::Conflict => &mut self.conflict,
            Action::Missing => &mut self.missing,
        } += 1;
        self.bytes = self.bytes.saturating_add(brought.bytes);
        self.bytes_mounted = self.bytes_mounted.saturating_add(brought.bytes_mounted);
        // A manifest is read and stored; a blob is read, and an upload opened and ended for it.
        let wanted = step.referrers_wanted.unwrap_or_else(|| WantedReferrers::of(policy));
        let of_referrers = (*manifests).max(1) * asked_for_referrers(wanted, *is_listed);
        self.requests += looks + of_referrers + 2 * manifests + 3 * brought.sent + brought.mounted;
    }
}

/// How often the source is asked what refers to a manifest: for its own list, for the one that clients keep under a tag, and for the three
/// tags of cosign. Where its tags were listed, it is known which of these it has.
fn asked_for_referrers(wanted: WantedReferrers, is_listed: bool) -> usize {
    match wanted {
        WantedReferrers::None | WantedReferrers::Tagged => 0,
        WantedReferrers::All if !is_listed => 1 + 1 + 3,
        WantedReferrers::Untagged | WantedReferrers::All => 1,
    }
}
