//! The report for programs: every image with how it ended, and sums that agree with them.

mod alike;
mod registry_entry;
mod schema;
#[cfg(test)]
mod tests;

use std::io::Write;

use serde::Serialize;
use sync::select::Counts;
use sync::{Report, RuleFailure};

use crate::done::Done;
use crate::output::PlannedRule;
use crate::output::failure::{Failure, explain};
use crate::output::json_document::{self, OneByOne};
use crate::output::selected::LeftOutTag;
pub(crate) use alike::{Alike, alike};
use registry_entry::{RegistryEntry, registry_entries};
pub(crate) use schema::schema;
pub(super) use schema::{error, image, number_or_null, totals_schema};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a, I> {
    schema: &'static str,
    version: &'static str,
    run: &'a str,
    command: &'static str,
    started_at: String,
    finished_at: String,
    exit_code: u8,
    /// Where it is one shard of several.
    shard: Option<ShardEntry>,
    totals: Totals,
    rules: Vec<Rule<'a>>,
    images: I,
    /// Tags that rules left out for what their names do not tell, and how many more there are.
    left_out: &'a [LeftOutTag],
    left_out_more: usize,
    /// Rules that gave no images because something failed.
    failed_rules: Vec<RuleEntry<'a>>,
    /// Rules that cannot be carried out.
    refused_rules: Vec<String>,
    registries: Vec<RegistryEntry<'a>>,
    failures: Vec<Alike>,
}

/// What a rule chose of the tags that its sources listed.
#[derive(Serialize)]
struct Rule<'a> {
    name: Option<&'a str>,
    /// As it was written.
    source: &'a str,
    selection: Counts,
}

#[derive(Serialize)]
struct ShardEntry {
    /// Counted from 1.
    number: usize,
    of: usize,
    /// The same for all shards that were split alike; null where a plan was split.
    split: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Totals {
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

/// Writes the document, with a line end.
pub(crate) fn write(done: &Done, exit_code: u8, writer: &mut dyn Write) -> std::io::Result<()> {
    let report = &done.report;
    let registries = registry_entries(&done.registries, &done.run.tally);
    let selected = &done.records.selected;
    let document = Document {
        schema: "image-syncer/report/1",
        version: env!("CARGO_PKG_VERSION"),
        run: done.run.id.as_str(),
        command: done.run.command,
        started_at: time(done.run.started),
        finished_at: time(jiff::Timestamp::now()),
        exit_code,
        shard: shard_entry(done),
        totals: totals(report, registries.iter().map(|registry| registry.requests).sum()),
        rules: done
            .rules
            .iter()
            .enumerate()
            .map(|(index, rule)| rule_told(rule, selected.counts(index)))
            .collect(),
        left_out: &selected.left_out,
        left_out_more: selected.not_named,
        images: OneByOne(|| Ok(done.records.read()?.map(|record| record.map(|(_, record)| record)))),
        failed_rules: report.failed_rules.iter().map(|failure| rule_entry(failure, done)).collect(),
        refused_rules: done.refused.iter().map(|refused| refused.error.to_string()).collect(),
        registries,
        failures: alike(&done.failures),
    };
    json_document::write(&document, writer)
}

fn shard_entry(done: &Done) -> Option<ShardEntry> {
    let split = done.report.shard.as_ref().map(|(_, split)| split.to_string());
    let shard = done.shard?;
    Some(ShardEntry { number: shard.index() + 1, of: shard.count(), split })
}

fn rule_told(rule: &PlannedRule, selection: Counts) -> Rule<'_> {
    Rule { name: rule.written.name.as_deref(), source: &rule.written.source, selection }
}

/// RFC 3339, to the millisecond.
pub(crate) fn time(time: jiff::Timestamp) -> String {
    format!("{time:.3}")
}

pub(super) fn totals(report: &Report, requests: u64) -> Totals {
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
        requests,
        referrers: amounts.referrers,
        referrers_left: report.referrers_left(),
    }
}

fn rule_entry<'a>(failure: &'a RuleFailure, done: &'a Done) -> RuleEntry<'a> {
    RuleEntry { rule: done.rule(failure.rule), source: &failure.source, error: explain(&failure.error) }
}
