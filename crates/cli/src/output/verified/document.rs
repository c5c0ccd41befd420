//! What was found, as a document that can be kept.

use std::io::{Error, Write};

use serde::Serialize;
use sync::{Against, Depth, Repair};

use super::Verified;
use crate::diagnostic::diagnose;
use crate::done::Done;
use crate::exit_code;
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
    /// What targets are compared with.
    against: &'static str,
    /// Whether blobs were read.
    deep: bool,
    repair: bool,
    /// The share of the images that was looked at, where not all were.
    sample: Option<String>,
    images: I,
    /// Rules that gave no images because something failed.
    failed_rules: Vec<RuleEntry<'a>>,
    /// Rules that cannot be carried out.
    refused_rules: Vec<String>,
    totals: Totals,
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
    /// All that are not whole.
    different: usize,
    /// Those of the whole ones that were not.
    repaired: usize,
    /// Left out by chance.
    not_in_sample: usize,
    /// Of which no platform is wanted.
    left_out: usize,
    /// Stopped before.
    not_done: usize,
    unlisted_rules: usize,
    blobs: u64,
    manifests: u64,
    bytes_read: u64,
    /// Sent to mend what was broken.
    bytes_moved: u64,
}

/// Writes the document, with a line end.
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
        outcome: outcome(done, exit_code),
        against: match how.against {
            Against::Source => "source",
            Against::Itself => "itself",
        },
        deep: how.depth == Depth::Content,
        repair: how.repair == Repair::Broken,
        sample: how.sample.map(|share| share.to_string()),
        images: OneByOne(|| verified.records()),
        failed_rules: failed_rules.collect(),
        refused_rules: done.refused.iter().map(|refused| refused.error.to_string()).collect(),
        totals: totals(done),
    };
    json_document::write(&document, writer)
}

/// Whole is only what was looked at to its end, and in which nothing was found.
fn outcome(done: &Done, code: u8) -> &'static str {
    let is_all = done.report.not_done() == 0 && done.report.unfinished_rules.is_empty();
    if code == exit_code::DONE && is_all { "whole" } else { "different" }
}

fn totals(done: &Done) -> Totals {
    let (report, totals) = (&done.report, &done.report.totals);
    Totals {
        whole: totals.whole,
        different: totals.different + totals.failed,
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
