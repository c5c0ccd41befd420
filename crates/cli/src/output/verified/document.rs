//! The findings as a document.

use std::io::{Error, Write};

use serde::Serialize;
use sync::select::Counts;
use sync::{Against, Depth, Repair};

use super::Verified;
use crate::diagnostic::diagnose;
use crate::done::{Done, Ended};
use crate::output::json_document::{self, OneByOne};
use crate::output::report_json::time;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a, I> {
    schema: &'static str,
    version: &'static str,
    run: &'a str,
    started_at: String,
    finished_at: String,
    exit_code: u8,
    outcome: &'static str,
    /// What targets were compared with.
    against: &'static str,
    /// Whether blobs were read.
    deep: bool,
    repair: bool,
    /// The share of images that was verified, if not all.
    sample: Option<String>,
    /// The number of verified images, by rule.
    rules: Vec<RuleCounts<'a>>,
    images: I,
    /// Lists that failed: of a whole rule, or of one of its repositories while the others yielded images.
    failed_rules: Vec<RuleEntry<'a>>,
    /// Rules that cannot be carried out.
    refused_rules: Vec<String>,
    totals: Totals,
}

#[derive(Serialize)]
struct RuleCounts<'a> {
    name: Option<&'a str>,
    source: &'a str,
    /// Zeros if its registry was not asked for a list.
    selection: Counts,
    /// The number of its verified images, over all targets.
    images: usize,
}

#[derive(Serialize)]
struct RuleEntry<'a> {
    rule: Option<&'a str>,
    source: &'a str,
    why: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Totals {
    whole: usize,
    /// All images that are not complete.
    different: usize,
    /// Targets with another image that the rule keeps.
    kept: usize,
    /// Complete images that were repaired in this run.
    repaired: usize,
    /// Not verified because of the random sample.
    not_in_sample: usize,
    /// Images without a wanted platform.
    left_out: usize,
    /// Not verified because the run was stopped.
    not_done: usize,
    unlisted_rules: usize,
    blobs: u64,
    manifests: u64,
    bytes_read: u64,
    /// Bytes sent for repairs.
    bytes_moved: u64,
}

/// Writes the document and a newline.
pub(crate) fn write(
    verified: &Verified,
    done: &Done,
    exit_code: u8,
    writer: &mut dyn Write,
) -> Result<(), Error> {
    let (report, how) = (&done.report, verified.how);
    let failed_rules = report.failed_rules.iter().map(|failure| RuleEntry {
        rule: done.rule(failure.rule),
        source: &failure.source,
        why: diagnose(&failure.error).why,
    });
    let document = Document {
        schema: "image-syncer/verify/1",
        version: env!("CARGO_PKG_VERSION"),
        run: done.run.id.as_str(),
        started_at: time(done.run.started),
        finished_at: time(jiff::Timestamp::now()),
        exit_code,
        outcome: outcome(done),
        against: match how.against {
            Against::Source => "source",
            Against::Itself => "itself",
        },
        deep: how.depth == Depth::Content,
        repair: how.repair == Repair::Broken,
        sample: how.sample.map(|share| share.to_string()),
        rules: rules(verified, done),
        images: OneByOne(|| verified.records()),
        failed_rules: failed_rules.collect(),
        refused_rules: done.refused.iter().map(|refused| refused.error.to_string()).collect(),
        totals: totals(done),
    };
    json_document::write(&document, writer)
}

/// `whole` requires that the verification finished and found nothing.
fn outcome(done: &Done) -> &'static str {
    let (report, totals) = (&done.report, &done.report.totals);
    let is_well = totals.different + totals.failed + report.failed_rules.len() + done.refused.len() == 0;
    match done.ended {
        _ if !is_well => "different",
        Ended::Stopped => "interrupted",
        Ended::ByItself if totals.whole + totals.kept == 0 => "empty",
        Ended::ByItself => "whole",
    }
}

fn rules<'a>(verified: &Verified, done: &'a Done) -> Vec<RuleCounts<'a>> {
    let rules = done.rules.iter().zip(&verified.looked_at).enumerate();
    let counts = rules.map(|(index, (rule, images))| RuleCounts {
        name: rule.written.in_documents().name.as_deref(),
        source: &rule.written.in_documents().source,
        selection: verified.selected.counts(index),
        images: *images,
    });
    counts.collect()
}

fn totals(done: &Done) -> Totals {
    let (report, totals) = (&done.report, &done.report.totals);
    Totals {
        whole: totals.whole,
        different: totals.different + totals.failed,
        kept: totals.kept,
        repaired: totals.repaired,
        not_in_sample: totals.not_in_sample,
        left_out: totals.left_out,
        not_done: totals.not_done,
        unlisted_rules: report.unfinished_rules.len(),
        blobs: report.looked_at.blobs,
        manifests: report.looked_at.manifests,
        bytes_read: report.looked_at.bytes_read,
        bytes_moved: report.amounts().moved_bytes,
    }
}
