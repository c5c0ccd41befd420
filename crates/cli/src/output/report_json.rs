//! The report for programs: every image with how it ended, and sums that agree with them.

mod failure;
mod registry_entry;
#[cfg(test)]
mod tests;

use serde::Serialize;
use sync::{ImageReport, Outcome, Report, RuleFailure, SkipReason};

use crate::command::execute::Done;
use crate::output;
use failure::{Alike, Failure, alike, explain};
use registry_entry::{RegistryEntry, registry_entries};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    schema: &'static str,
    version: &'static str,
    run: &'a str,
    command: &'static str,
    started_at: String,
    finished_at: String,
    exit_code: u8,
    totals: Totals,
    images: Vec<Entry<'a>>,
    /// Rules that gave no images because something failed.
    failed_rules: Vec<RuleEntry<'a>>,
    /// Rules that cannot be carried out.
    refused_rules: Vec<String>,
    registries: Vec<RegistryEntry<'a>>,
    failures: Vec<Alike>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Totals {
    copied: usize,
    unchanged: usize,
    skipped: usize,
    failed: usize,
    not_done: usize,
    /// Of a dry run.
    would_copy: usize,
    unlisted_rules: usize,
    bytes_moved: u64,
    bytes_mounted: u64,
    bytes_present: u64,
    /// Of all registries, with their token servers and storage services.
    requests: u64,
    referrers: u64,
    /// Of images, and what listings tell of rules that want none.
    referrers_left: u64,
}

#[derive(Serialize)]
struct RuleEntry<'a> {
    rule: Option<&'a str>,
    source: &'a str,
    error: Failure,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    /// The source's text of the rule that asked for it.
    rule: Option<&'a str>,
    source: String,
    target: String,
    /// `copied`, `unchanged`, `skipped`, `failed` or `notDone`; `wouldCopy` in a dry run.
    outcome: &'static str,
    /// Why it was skipped, or what is odd about it.
    note: Option<&'static str>,
    digest: Option<String>,
    /// Where it is known: it differs where platforms were left out, and where the target has the same in other bytes.
    source_digest: Option<String>,
    bytes_moved: u64,
    bytes_mounted: u64,
    bytes_present: u64,
    referrers: u64,
    /// Of the whole image, where platforms are left out.
    referrers_left: u64,
    seconds: f64,
    attempts: u64,
    worker: Option<String>,
    error: Option<Failure>,
}

/// The document, with a line end.
pub(crate) fn render(done: &Done, exit_code: u8) -> String {
    let report = &done.report;
    let registries = registry_entries(&done.registries, &done.run.tally);
    let document = Document {
        schema: "image-syncer/report/1",
        version: env!("CARGO_PKG_VERSION"),
        run: &done.run.id,
        command: done.run.command,
        started_at: time(done.run.started),
        finished_at: time(jiff::Timestamp::now()),
        exit_code,
        totals: totals(report, &registries),
        images: report.images.iter().map(|ended| entry(ended, done)).collect(),
        failed_rules: report.failed_rules.iter().map(|failure| rule_entry(failure, done)).collect(),
        refused_rules: done.refused.iter().map(|refused| refused.error.to_string()).collect(),
        registries,
        failures: alike(report),
    };
    format!("{}\n", output::json(&document))
}

/// RFC 3339, to the millisecond.
fn time(time: jiff::Timestamp) -> String {
    format!("{time:.3}")
}

fn totals(report: &Report, registries: &[RegistryEntry<'_>]) -> Totals {
    let amounts = report.amounts();
    Totals {
        copied: report.copied(),
        unchanged: report.skipped() - report.left_out(),
        skipped: report.left_out(),
        failed: report.failed(),
        not_done: report.not_done(),
        would_copy: report.would_copy(),
        unlisted_rules: report.unfinished_rules.len(),
        bytes_moved: amounts.moved_bytes,
        bytes_mounted: amounts.mounted_bytes,
        bytes_present: amounts.present_bytes,
        requests: registries.iter().map(|registry| registry.requests).sum(),
        referrers: amounts.referrers,
        referrers_left: report.referrers_left(),
    }
}

fn rule_entry<'a>(failure: &'a RuleFailure, done: &'a Done) -> RuleEntry<'a> {
    RuleEntry { rule: done.rule(failure.rule), source: &failure.source, error: explain(&failure.error) }
}

fn entry<'a>(ended: &ImageReport, done: &'a Done) -> Entry<'a> {
    let (outcome, note) = match &ended.outcome {
        Outcome::Copied { .. } => ("copied", None),
        Outcome::Skipped(SkipReason::Unchanged(_)) => ("unchanged", None),
        Outcome::Skipped(SkipReason::SameContent { .. }) => {
            ("unchanged", Some("same content, another digest"))
        }
        Outcome::Skipped(SkipReason::NoPlatform) => ("skipped", Some("no wanted platform")),
        Outcome::WouldCopy => ("wouldCopy", None),
        Outcome::Failed(_) => ("failed", None),
        Outcome::NotDone => ("notDone", None),
    };
    let (digest, source_digest) = match &ended.outcome {
        Outcome::Copied { digest, cut_from } => (Some(digest), Some(cut_from.as_ref().unwrap_or(digest))),
        Outcome::Skipped(SkipReason::Unchanged(digest)) => (Some(digest), None),
        Outcome::Skipped(SkipReason::SameContent { at_target, at_source }) => {
            (Some(at_target), Some(at_source))
        }
        _ => (None, None),
    };
    let error = match &ended.outcome {
        Outcome::Failed(error) => Some(explain(error)),
        _ => None,
    };
    let was_begun = !matches!(ended.outcome, Outcome::NotDone) || !ended.took.is_zero();
    Entry {
        rule: done.rule(ended.rule),
        source: ended.image.source_name(),
        target: ended.image.target_name(),
        outcome,
        note,
        digest: digest.map(ToString::to_string),
        source_digest: source_digest.map(ToString::to_string),
        bytes_moved: ended.amounts.moved_bytes,
        bytes_mounted: ended.amounts.mounted_bytes,
        bytes_present: ended.amounts.present_bytes,
        referrers: ended.amounts.referrers,
        referrers_left: ended.amounts.referrers_left,
        seconds: ended.took.as_secs_f64(),
        attempts: u64::from(was_begun) + done.run.tally.tried_again(&ended.image),
        worker: None,
        error,
    }
}
