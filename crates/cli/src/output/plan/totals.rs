//! The sums of a plan.

use serde::Serialize;
use sync::{Action, ReferrerPolicy};

use super::recorder::Weighed;

/// How many steps of each kind, and what they bring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Totals {
    pub(super) create: usize,
    pub(super) update: usize,
    pub(super) retag: usize,
    pub(super) unchanged: usize,
    pub(super) conflict: usize,
    pub(super) missing: usize,
    pub(super) referrers: usize,
    pub(super) bytes: u64,
    pub(super) bytes_mounted: u64,
    /// An estimate.
    pub(super) requests: usize,
}

impl Totals {
    pub(super) fn add(&mut self, weighed: &Weighed) {
        let Weighed { step, brought, manifests, looks, referrers } = weighed;
        *match step.action {
            Action::Create => &mut self.create,
            Action::Update => &mut self.update,
            Action::Retag => &mut self.retag,
            Action::Referrers => &mut self.referrers,
            Action::Unchanged => &mut self.unchanged,
            Action::Conflict => &mut self.conflict,
            Action::Missing => &mut self.missing,
        } += 1;
        self.bytes += brought.bytes;
        self.bytes_mounted += brought.bytes_mounted;
        // Looking at both sides; a manifest is read and stored; a blob is read, and an upload opened and ended for it.
        let looking = if step.action == Action::Create { 1 } else { 2 };
        // What refers to each manifest is asked for at the source, by its list and by a tag where that is empty.
        let of_referrers = match referrers {
            ReferrerPolicy::Leave => 0,
            ReferrerPolicy::Copy | ReferrerPolicy::ByType(_) => 2 * (*manifests).max(1),
        };
        self.requests += looking + looks + of_referrers + 2 * manifests + 3 * brought.sent + brought.mounted;
    }
}
