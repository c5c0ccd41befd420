//! The texts of the page.

use oci::foreign_text::clean_to;
use serde::Serialize;

use super::chart::{Chart, chart};
use super::rows::Rows;
use super::workers::{Worker, workers};
use crate::output::amount_text;
use crate::output::remainder::and_more;
use crate::output::report_json::{Facts, FailureGroup, Head, RegistryEntry, Totals};
use crate::output::report_words::{
    amounts, as_sentence, counted, failed_lists, grouped, moment, place, sentence, took,
};
use crate::output::size;
use crate::output::worker_shares::WorkerShares;

/// The number of causes that are unfolded at first.
const OPEN: usize = 3;
/// The most bytes of one text.
const LONGEST: usize = 4096;

#[derive(Serialize)]
pub(super) struct Page {
    title: String,
    sentence: String,
    /// `good`, `bad` or `open`: the colour of the overall result.
    state: &'static str,
    command: String,
    run: String,
    /// The number of merged runs, if there are several.
    runs: Option<String>,
    began: String,
    took: Option<String>,
    version: String,
    exit_code: u8,
    /// Why the run was stopped, and what to do.
    stopped: Option<String>,
    stopped_hint: Vec<Piece>,
    outcomes: Vec<Outcome>,
    amounts: Vec<(&'static str, String)>,
    causes: Vec<Cause>,
    refused: Vec<String>,
    /// The number of failed lists, and its label; `None` if there are none.
    failed_lists: Option<(String, &'static str)>,
    /// The number of refusals; `None` if there are none.
    refused_count: Option<String>,
    chart: Option<Chart>,
    registries: Vec<Registry>,
    workers: Vec<Worker>,
    images: u64,
    /// The note if not all images have a row.
    cut: Option<String>,
}

/// The number of images with one result.
#[derive(Serialize)]
struct Outcome {
    key: &'static str,
    word: &'static str,
    number: String,
    /// The beginning and width of its part of the bar, in thousandths.
    x: u64,
    width: u64,
}

#[derive(Serialize)]
struct Cause {
    /// The table's filter; `None` if the table has none of its images.
    key: Option<String>,
    count: String,
    place: String,
    kind: String,
    message: String,
    hint: Vec<Piece>,
    examples: Vec<String>,
    more: Option<String>,
    is_open: bool,
}

/// A piece of a hint.
#[derive(Serialize)]
struct Piece {
    text: String,
    /// Whether it is code, which stands between backticks.
    is_code: bool,
}

#[derive(Serialize)]
struct Registry {
    host: String,
    kind: String,
    work: String,
    waited: String,
    /// In hundredths of the largest value.
    work_share: u64,
    waited_share: u64,
    requests: String,
    read: String,
    sent: String,
    notes: Vec<String>,
}

pub(super) fn page(facts: &Facts, rows: &Rows, shares: &WorkerShares) -> Page {
    let Facts { head, tail } = facts;
    let sentence = as_sentence(&sentence(facts));
    let (shown, all) = rows.counts();
    Page {
        title: clean(&format!("{} · {sentence}", head.command)),
        sentence,
        state: state(head),
        command: clean(&head.command),
        run: clean(&head.run),
        runs: (tail.parts.len() > 1).then(|| counted(tail.parts.len() as u64, "run", "runs")),
        began: clean(&moment(&head.started_at)),
        took: took(facts).map(amount_text::took),
        version: clean(&head.version),
        exit_code: head.exit_code,
        stopped: head.stopped.as_ref().map(|stopped| clean(&stopped.message)),
        stopped_hint: head.stopped.as_ref().map(|stopped| pieces(&clean(&stopped.hint))).unwrap_or_default(),
        outcomes: outcomes(&head.totals),
        amounts: amounts(facts),
        causes: tail.failures.iter().enumerate().map(|(index, group)| cause(index, group, rows)).collect(),
        refused: tail.refused_rules.iter().map(|refused| clean(refused)).collect(),
        failed_lists: Some(head.totals.failed_rules)
            .filter(|count| *count > 0)
            .map(|count| (grouped(count), failed_lists(count))),
        refused_count: Some(head.totals.refused).filter(|count| *count > 0).map(grouped),
        chart: chart(&tail.timeline),
        registries: registries(&tail.registries, rows),
        workers: workers(shares),
        images: all,
        cut: (shown < all).then(|| {
            format!(
                "The table has {} of {}, those that failed first. The JSON report has all.",
                grouped(shown),
                counted(all, "image", "images")
            )
        }),
    }
}

fn clean(text: &str) -> String {
    clean_to(text, LONGEST).into_owned()
}

fn state(head: &Head) -> &'static str {
    match head.exit_code {
        0 => "good",
        10 => "open",
        _ => "bad",
    }
}

fn outcomes(totals: &Totals) -> Vec<Outcome> {
    let numbers = [
        ("failed", "failed", totals.failed),
        ("notDone", "not done", totals.not_done),
        ("skipped", "skipped", totals.skipped),
        ("wouldCopy", "would copy", totals.would_copy),
        ("copied", "copied", totals.copied),
        ("unchanged", "unchanged", totals.unchanged),
    ];
    let (all, mut before) = (totals.images().max(1), 0);
    let outcome = |(key, word, number): (&'static str, &'static str, u64)| {
        let x = before * 1000 / all;
        before += number;
        Outcome { key, word, number: grouped(number), x, width: before * 1000 / all - x }
    };
    let always = ["failed", "copied", "unchanged"];
    let shown = numbers.into_iter().filter(|(key, _, number)| *number > 0 || always.contains(key));
    shown.map(outcome).collect()
}

fn cause(index: usize, group: &FailureGroup, rows: &Rows) -> Cause {
    Cause {
        key: group.cause.clone().filter(|cause| rows.with_cause(cause) > 0).map(|cause| clean(&cause)),
        count: grouped(group.count),
        place: clean(&place(group)),
        kind: clean(&group.kind),
        message: clean(&group.message),
        hint: pieces(&clean(&group.hint)),
        examples: group.examples.iter().map(|example| clean(example)).collect(),
        more: and_more(group.count.saturating_sub(group.examples.len() as u64)),
        is_open: index < OPEN,
    }
}

fn pieces(hint: &str) -> Vec<Piece> {
    let is_paired = hint.matches('`').count().is_multiple_of(2);
    let pieces = hint.split('`').enumerate();
    if !is_paired {
        return vec![Piece { text: hint.to_owned(), is_code: false }];
    }
    pieces.map(|(index, text)| Piece { text: text.to_owned(), is_code: index % 2 == 1 }).collect()
}

fn registries(entries: &[RegistryEntry], rows: &Rows) -> Vec<Registry> {
    let work = |entry: &RegistryEntry| rows.seconds_at(&entry.host);
    let most = |of: &dyn Fn(&RegistryEntry) -> f64| entries.iter().map(of).fold(0.0, f64::max);
    let (most_work, most_waited) = (most(&work), most(&|entry| entry.waited_seconds));
    let mut sorted: Vec<_> = entries.iter().collect();
    sorted.sort_by(|one, other| work(other).total_cmp(&work(one)));
    let row = |entry: &RegistryEntry| Registry {
        host: clean(&entry.host),
        kind: clean(&entry.kind),
        work: time(work(entry)),
        waited: time(entry.waited_seconds),
        work_share: share(work(entry), most_work),
        waited_share: share(entry.waited_seconds, most_waited.max(most_work)),
        requests: grouped(entry.requests),
        read: size(Some(entry.bytes_read)),
        sent: size(Some(entry.bytes_sent)),
        notes: notes(entry),
    };
    sorted.into_iter().map(row).collect()
}

fn time(seconds: f64) -> String {
    std::time::Duration::try_from_secs_f64(seconds).map_or_else(|_| "unknown".to_owned(), amount_text::took)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 100")]
fn share(part: f64, whole: f64) -> u64 {
    if whole > 0.0 { (part / whole * 100.0).clamp(0.0, 100.0).round() as u64 } else { 0 }
}

fn notes(entry: &RegistryEntry) -> Vec<String> {
    let mut notes: Vec<_> = entry.warnings.iter().map(|warning| clean(warning)).collect();
    if let Some(left) = entry.pulls_left {
        let of = entry.pull_limit.map(|limit| format!(" of {}", grouped(limit))).unwrap_or_default();
        let noun = if entry.pull_limit.unwrap_or(left) == 1 { "pull" } else { "pulls" };
        notes.push(format!("{}{of} {noun} left", grouped(left)));
    }
    notes.extend(entry.limits.iter().map(|limit| {
        let refused = counted(limit.too_much, "refusal", "refusals");
        clean(&format!(
            "{} at once of the kind `{}` after {refused}, {}",
            counted(limit.at_once as u64, "request", "requests"),
            limit.requests,
            limit.host
        ))
    }));
    notes
}
