//! The totals of a plan.

use serde::Serialize;
use sync::{Action, WantedReferrers};

use super::recorder::{Plan, Weighed};
use crate::done::Done;

/// The number of steps of each kind, and the bytes they bring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Totals {
    pub(super) create: usize,
    pub(super) update: usize,
    pub(super) retag: usize,
    pub(super) unchanged: usize,
    pub(super) conflict: usize,
    /// Conflicts in which the rule keeps the target's image: the user need not act.
    pub(super) kept: usize,
    pub(super) missing: usize,
    pub(super) referrers: usize,
    pub(super) bytes: u64,
    pub(super) bytes_mounted: u64,
    /// An estimate.
    pub(super) requests: usize,
    /// Images that could not be planned: they have no step.
    pub(super) failed: usize,
    /// Lists that failed, and rules that are refused.
    pub(super) failed_rules: usize,
}

impl Totals {
    /// The failures of a plan, and the requests that a run makes before the first image. `add` adds the steps.
    pub(super) fn of(plan: &Plan, done: &Done) -> Self {
        let failed_rules = done.report.failed_rules.len() + done.refused.len();
        // Each registry is asked once for its login challenge.
        let requests = plan.lists + done.registries.len();
        Self { failed: plan.lacks.images(), failed_rules, requests, ..Self::default() }
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
        // For a manifest, one read and one write; for a blob, one read, and the beginning and end of an upload.
        let wanted = step.referrers_wanted.unwrap_or_else(|| WantedReferrers::of(policy));
        let of_referrers = (*manifests).max(1) * asked_for_referrers(wanted, *is_listed);
        self.requests += looks + of_referrers + 2 * manifests + 3 * brought.sent + brought.mounted;
    }
}

/// The number of requests for the referrers of a manifest: the API, the referrers tag, and cosign's three tags. If the source's tags were
/// listed, the tags need no request.
fn asked_for_referrers(wanted: WantedReferrers, is_listed: bool) -> usize {
    match wanted {
        WantedReferrers::None | WantedReferrers::Tagged => 0,
        WantedReferrers::All if !is_listed => 1 + 1 + 3,
        WantedReferrers::Untagged | WantedReferrers::All => 1,
    }
}
