//! `--report`: every image with how it ended, for programs.

use registry::{HostLimit, Registry, RequestKind};
use serde::Serialize;
use sync::{ImageReport, Outcome, RuleFailure, SkipReason};

use crate::command::execute::Done;
use crate::{diagnostic, output};

#[derive(Serialize)]
struct Document<'a> {
    copied: usize,
    skipped: usize,
    failed: usize,
    not_done: usize,
    would_copy: usize,
    failed_rules: Vec<RuleEntry<'a>>,
    refused_rules: Vec<String>,
    moved_bytes: u64,
    saved_bytes: u64,
    referrers: u64,
    referrers_left: u64,
    images: Vec<Entry>,
    registries: Vec<RegistryEntry<'a>>,
}

#[derive(Serialize)]
struct RegistryEntry<'a> {
    host: &'a str,
    /// What it was taken for.
    kind: &'static str,
    warnings: Vec<String>,
    /// Pulls that are left, where it tells.
    pulls_left: Option<u64>,
    pull_limit: Option<u64>,
    limits: Vec<LimitEntry>,
}

/// How many requests at once a host got in the end, where they were fewer than it was ready to take.
#[derive(Serialize)]
struct LimitEntry {
    host: String,
    /// `look`, `read`, `upload` or `commit`.
    requests: &'static str,
    at_once: usize,
    too_much: u64,
}

#[derive(Serialize)]
struct RuleEntry<'a> {
    source: &'a str,
    error: Failure,
}

#[derive(Serialize)]
struct Entry {
    source: String,
    target: String,
    /// `copied`, `unchanged`, `same content`, `no platform`, `would copy`, `failed` or `not done`.
    outcome: &'static str,
    digest: Option<String>,
    /// The digest at the source, where platforms were left out.
    cut_from: Option<String>,
    bytes: u64,
    seconds: f64,
    error: Option<Failure>,
}

#[derive(Serialize)]
struct Failure {
    side: String,
    place: String,
    operation: String,
    why: String,
    next: String,
}

/// The document, with a line end.
pub(crate) fn render(done: &Done) -> String {
    let report = &done.report;
    let document = Document {
        copied: report.copied(),
        skipped: report.skipped(),
        failed: report.failed(),
        not_done: report.not_done(),
        would_copy: report.would_copy(),
        failed_rules: report.failed_rules.iter().map(|failure| rule_entry(failure)).collect(),
        refused_rules: done.refused.iter().map(|refused| refused.error.to_string()).collect(),
        moved_bytes: report.moved_bytes,
        saved_bytes: report.saved_bytes,
        referrers: report.referrers,
        referrers_left: report.referrers_left,
        images: report.images.iter().map(entry).collect(),
        registries: done.registries.iter().map(registry_entry).collect(),
    };
    output::json(&document) + "\n"
}

fn registry_entry(registry: &Registry) -> RegistryEntry<'_> {
    let quota = registry.quota();
    RegistryEntry {
        host: registry.host().as_str(),
        kind: registry.profile().name,
        warnings: registry.warnings(),
        pulls_left: quota.map(|quota| quota.remaining),
        pull_limit: quota.and_then(|quota| quota.limit),
        limits: registry.limits().into_iter().filter(|limit| limit.too_much > 0).map(limit_entry).collect(),
    }
}

fn limit_entry(limit: HostLimit) -> LimitEntry {
    let requests = match limit.kind {
        RequestKind::Look => "look",
        RequestKind::Read => "read",
        RequestKind::Upload => "upload",
        RequestKind::Commit => "commit",
    };
    LimitEntry { host: limit.host, requests, at_once: limit.at_once, too_much: limit.too_much }
}

fn rule_entry(failure: &RuleFailure) -> RuleEntry<'_> {
    RuleEntry { source: &failure.source, error: explain(&failure.error) }
}

fn entry(ended: &ImageReport) -> Entry {
    let (outcome, digest, cut_from, error) = match &ended.outcome {
        Outcome::Copied { digest, cut_from } => ("copied", Some(digest), cut_from.as_ref(), None),
        Outcome::Skipped(SkipReason::Unchanged(digest)) => ("unchanged", Some(digest), None, None),
        Outcome::Skipped(SkipReason::SameContent) => ("same content", None, None, None),
        Outcome::Skipped(SkipReason::NoPlatform) => ("no platform", None, None, None),
        Outcome::WouldCopy => ("would copy", None, None, None),
        Outcome::Failed(error) => ("failed", None, None, Some(explain(error))),
        Outcome::NotDone => ("not done", None, None, None),
    };
    Entry {
        source: ended.image.source_name(),
        target: ended.image.target_name(),
        outcome,
        digest: digest.map(ToString::to_string),
        cut_from: cut_from.map(ToString::to_string),
        bytes: ended.moved_bytes,
        seconds: ended.took.as_secs_f64(),
        error,
    }
}

fn explain(error: &sync::Error) -> Failure {
    let diagnosis = diagnostic::diagnose(error);
    Failure {
        side: error.side.to_string(),
        place: error.place.clone(),
        operation: error.operation.to_string(),
        why: diagnosis.why,
        next: diagnosis.next,
    }
}
