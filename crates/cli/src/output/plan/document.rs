//! The plan as a document, for `apply` and other programs. Steps are written one by one, in constant memory.

use std::cell::{Cell, RefCell};
use std::io::Write;

use serde::Serialize;

use super::checksum::Checksum;
use super::head::{Head, Selection};
use super::recorder::{Plan, Weighed};
use super::step::Step;
use super::totals::Totals;
use crate::done::{Done, Ended};
use crate::output::json_document::{self, Late, OneByOne};
use crate::output::report_json::{Alike, alike, time};

/// The identifier of the document's schema.
pub(crate) const SCHEMA: &str = "image-syncer/plan/1";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a, S, C, E> {
    schema: &'static str,
    version: &'static str,
    created_at: String,
    config_digest: Option<&'a oci::Digest>,
    /// Whether the run was stopped before it had looked at everything.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    partial: bool,
    /// The number of shards that its steps are divided for.
    #[serde(skip_serializing_if = "Option::is_none")]
    shards: Option<usize>,
    rules: Vec<Rule<'a>>,
    steps: S,
    /// The checksum of `rules` and `steps`.
    checksum: C,
    /// Tags that only targets have.
    extra: E,
    /// Complete once the steps are written.
    totals: &'a Cell<Totals>,
    /// Failures of images or rules that have no steps.
    failures: Vec<Alike>,
    /// The errors of rules that cannot be carried out.
    refused_rules: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule<'a> {
    #[serde(flatten)]
    head: &'a Head,
    selection: Selection,
}

/// Writes the document and a newline.
pub(crate) fn write(plan: &Plan, done: &Done, writer: &mut dyn Write) -> std::io::Result<()> {
    let (totals, checksum) = (Cell::new(Totals::of(plan, done)), RefCell::new(Checksum::default()));
    let division = plan.division()?;
    let count = |mut weighed: Weighed| -> std::io::Result<Step> {
        let mut sums = totals.get();
        sums.add(&weighed);
        totals.set(sums);
        weighed.step.shard = division.as_ref().map(|division| division.owner(&weighed.step.image) + 1);
        checksum.borrow_mut().add(&serde_json::to_value(&weighed.step)?);
        Ok(weighed.step)
    };
    let rules = plan.heads.iter().zip(&plan.selections);
    let rules: Vec<_> = rules.map(|(head, selection)| Rule { head, selection: *selection }).collect();
    let summed_up = serde_json::to_value(&rules)?;
    let document = Document {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        created_at: time(done.run.started),
        config_digest: plan.config_digest.as_ref(),
        partial: done.ended == Ended::Stopped,
        shards: plan.shards,
        rules,
        steps: OneByOne(|| Ok(plan.steps()?.map(|weighed| weighed.and_then(count)))),
        checksum: Late(|| checksum.borrow().with(&summed_up)),
        extra: OneByOne(|| plan.extras()),
        totals: &totals,
        failures: alike(&plan.lacks),
        refused_rules: done.refused.iter().map(|refused| refused.error.to_string()).collect(),
    };
    json_document::write(&document, writer)
}
