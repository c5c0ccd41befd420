//! The end of a run: the Go tool's sentence for scripts, and for people each reason of failures in three parts, and a table.

use std::fmt::Write as _;
use std::time::Duration;

use oci::foreign_text::Cleaned;
use registry::Quota;
use sync::{Error, Report};

use super::Paint;
use super::amount_text::{bytes, span, took};
use super::asked_noun;
use super::number::counted;
use super::remainder::{and_more, shown};
use super::rule_names::RuleNames;
use super::tally::LeftBehind;
use super::verified::Verified;
use crate::diagnostic::{Alike, Diagnosis, Failed, Reasons, diagnose};
use crate::done::Done;

/// The sentence that scripts look for on stdout. An interrupted run must not look like one without failures.
pub(crate) fn old_sentence(done: &Done) -> String {
    let report = &done.report;
    let (failed, not_done) = (report.failed(), report.not_done());
    let rules = report.failed_rules.len() + done.refused();
    let counts = format!("{failed} sync tasks failed, {rules} tasks generate failed");
    if report.is_left() {
        format!("Stopped, {counts}, {not_done} sync tasks not done")
    } else {
        format!("Finished, {counts}")
    }
}

/// Each reason of failures with its advice, and the table of results.
pub(crate) fn table(done: &Done, paint: Paint) -> String {
    let report = &done.report;
    let mut text = String::new();
    write_failures(&mut text, done, paint);
    text.push('\n');
    // Zero failed images mean nothing if lists or rules failed before there was an image.
    let all_came = report.failed_rules.len() + done.refused() == 0;
    let always = if all_came { &["copied", "unchanged", "failed"][..] } else { &["copied", "unchanged"] };
    let is_always = |row: &&Row| row.what == IMAGES && always.contains(&row.label);
    for row in rows(done).iter().filter(|row| row.number > 0 || is_always(row)) {
        row.write(&mut text, paint);
    }
    amounts(&mut text, done);
    referrers(&mut text, report);
    left_behind(&mut text, done.run.tally.left_behind());
    for registry in &done.registries {
        if let Some(quota) = registry.quota() {
            let _ = writeln!(text, "  {:<10} {} at {}", "pulls left", left_of(quota), registry.host());
        }
    }
    goes_on(&mut text, done);
    text
}

/// All possible rows, in order.
fn rows(done: &Done) -> [Row; 11] {
    let report = &done.report;
    let count =
        |label, number, colour, what: [&'static str; 2]| Row { label, number, colour, what, more: "" };
    let images = IMAGES;
    [
        count("copied", report.copied(), Paint::green, images),
        count(
            "replaced",
            report.totals.replaced,
            Paint::yellow,
            [
                "image of these: its tag pointed to another one",
                "images of these: their tags pointed to others",
            ],
        ),
        count("would copy", report.would_copy(), Paint::green, images),
        count("unchanged", report.skipped() - report.kept() - report.left_out(), Paint::bold, images),
        count(
            "kept",
            report.kept(),
            Paint::yellow,
            ["image: the target has another one", "images: the target has others"],
        ),
        count(
            "left out",
            report.left_out(),
            Paint::yellow,
            ["image without a wanted platform", "images without a wanted platform"],
        ),
        count("failed", report.failed(), Paint::red, images),
        count("not done", report.not_done(), Paint::yellow, images),
        count(
            "not listed",
            report.unfinished_rules.len(),
            Paint::yellow,
            ["rule was not listed to its end", "rules were not listed to their ends"],
        ),
        failed_lists(report),
        Row { more: ": see above", ..count("refused", done.refused(), Paint::red, asked_noun::of(done)) },
    ]
}

/// A list may be that of a whole rule, or of one of its repositories while the others bring images.
fn failed_lists(report: &Report) -> Row {
    Row {
        label: "failed",
        number: report.failed_rules.len(),
        colour: Paint::red,
        what: ["list", "lists"],
        more: ": see above",
    }
}

/// The bytes moved, and the bytes that needed no transfer.
fn amounts(text: &mut String, done: &Done) {
    let (amounts, time, all) = (done.report.amounts(), done.report.took, done.bytes_moved());
    let moved = match all {
        0 => "nothing".to_owned(),
        number => bytes(number),
    };
    // If the first request got no usable answer, there is no count.
    let requests = match done.requests() {
        0 => String::new(),
        number => format!(" with {}", counted(number, "request", "requests")),
    };
    let speed = per_second(all, time).map(|speed| format!(", {}/s", bytes(speed)));
    let speed = speed.unwrap_or_default();
    let of_no_image = match done.records.bytes_without_result() {
        0 => String::new(),
        number => format!(", {} of it as workers told whose results did not come", bytes(number)),
    };
    let _ = writeln!(text, "  {:<10} {moved} in {}{requests}{speed}{of_no_image}", "moved", took(time));
    let spared = [
        ("mounted", amounts.mounted_bytes, "from other repositories of the target"),
        ("present", amounts.present_bytes, "at the target when an image needed it"),
    ];
    for (label, number, what) in spared.into_iter().filter(|(_, number, _)| *number > 0) {
        let _ = writeln!(text, "  {label:<10} {} {what}", bytes(number));
    }
}

/// `None` below a second: the speed would be meaningless.
fn per_second(bytes: u64, took: Duration) -> Option<u64> {
    let millis = u64::try_from(took.as_millis()).ok().filter(|millis| *millis >= 1000 && bytes > 0)?;
    Some(bytes.saturating_mul(1000) / millis)
}

/// After an interrupted run: how the next one continues.
fn goes_on(text: &mut String, done: &Done) {
    if !done.report.is_left() {
        return;
    }
    let kept = not_sent_again(done.bytes_moved(), done.kept, done.left_open);
    let _ = writeln!(text, "  {:<10} {}{kept}", "next", done.goes_on);
}

/// How many of the moved bytes the next run need not send again. An upload session that a worker left open can only be resumed by that
/// worker.
fn not_sent_again(moved: u64, kept: u64, left_open: u64) -> String {
    let kept = kept.min(moved);
    match (moved, left_open.min(moved - kept)) {
        (_, 0) if kept == 0 => ": what stands at the targets is not sent again".to_owned(),
        (_, _) if kept == moved => format!(": nothing of the {} is sent again", bytes(moved)),
        (_, 0) => format!(": at least {} of the {} are not sent again", bytes(kept), bytes(moved)),
        (_, left) => format!(
            ": at least {} of the {} are not sent again, and {} more where the worker that sent them goes on",
            bytes(kept),
            bytes(moved),
            bytes(left)
        ),
    }
}

/// Parts of images that were not copied.
fn left_behind(text: &mut String, left: LeftBehind) {
    let rows = [
        (
            left.children.platforms,
            ["manifest for a platform", "manifests for platforms"],
            " that the rules leave out",
        ),
        (left.children.attestations, ["attestation", "attestations"], " that the target refuses"),
        (left.layers, ["layer", "layers"], " that may not be kept in registries and were found nowhere"),
    ];
    for (number, what, why) in rows.into_iter().filter(|(number, _, _)| *number > 0) {
        let _ = writeln!(text, "  {:<10} {number:>7} {}{why}", "left", what[usize::from(number != 1)]);
    }
}

/// Failed reads in three parts, and the table of findings.
pub(crate) fn verified_table(done: &Done, paint: Paint) -> String {
    let (report, totals, looked_at) = (&done.report, &done.report.totals, done.report.looked_at);
    let count =
        |label, number, colour, what: [&'static str; 2]| Row { label, number, colour, what, more: "" };
    let images = IMAGES;
    let rows = [
        count("whole", totals.whole, Paint::green, images),
        count("repaired", totals.repaired, Paint::green, ["image of these", "images of these"]),
        count("different", totals.different, Paint::red, images),
        count("unreadable", totals.failed, Paint::red, images),
        count(
            "kept",
            totals.kept,
            Paint::yellow,
            ["image: the target has another one", "images: the target has others"],
        ),
        count("no sample", totals.not_in_sample, Paint::yellow, images),
        count("left out", totals.left_out, Paint::yellow, images),
        count("not done", totals.not_done, Paint::yellow, images),
        count("not listed", report.unfinished_rules.len(), Paint::yellow, asked_noun::of(done)),
        failed_lists(report),
        Row { more: ": see above", ..count("refused", done.refused(), Paint::red, asked_noun::of(done)) },
    ];
    let mut text = String::new();
    write_failures(&mut text, done, paint);
    text.push('\n');
    for row in rows.iter().filter(|row| row.number > 0 || ["whole", "different"].contains(&row.label)) {
        row.write(&mut text, paint);
    }
    let (read, time) = (bytes(looked_at.bytes_read), took(report.took));
    let manifests = if looked_at.manifests == 1 { "manifest" } else { "manifests" };
    let blobs = counted(looked_at.blobs, "blob", "blobs");
    let _ = writeln!(
        text,
        "  {:<10} {:>7} {manifests} and {blobs}, {read} of them read in {time}",
        "looked at", looked_at.manifests
    );
    let moved = report.amounts().moved_bytes;
    if moved > 0 {
        let _ = writeln!(text, "  {:<10} {} to repair", "moved", bytes(moved));
    }
    if totals.different > 0
        && let Some(next) = done.verified.as_ref().and_then(Verified::how_to_repair)
    {
        let _ = writeln!(text, "  {:<10} {next}", "next");
    }
    text
}

/// The referrers that were copied, and those that were not, by reason.
fn referrers(text: &mut String, report: &Report) {
    let amounts = report.amounts();
    let rows = [
        ("along", amounts.referrers, ""),
        (
            "left",
            report.unwanted_referrers,
            ": --referrers takes them along where a rule says nothing of them",
        ),
        (
            "left",
            amounts.referrers_left,
            " of whole images: they do not fit what is left without some platforms",
        ),
    ];
    for (label, number, more) in rows.into_iter().filter(|(_, number, _)| *number > 0) {
        let what = match number {
            1 => "signature, SBOM or other referrer",
            _ => "signatures, SBOMs and other referrers",
        };
        let _ = writeln!(text, "  {label:<10} {number:>7} {what}{more}");
    }
}

/// `76 of 100 in 6 h`, without unknown parts.
fn left_of(quota: Quota) -> String {
    let mut text = quota.remaining.to_string();
    if let Some(limit) = quota.limit {
        let _ = write!(text, " of {limit}");
    }
    if let Some(window) = quota.window {
        let _ = write!(text, " in {}", span(window));
    }
    text
}

/// The noun of most rows.
const IMAGES: [&str; 2] = ["image", "images"];

/// One line of the table.
struct Row {
    label: &'static str,
    number: usize,
    colour: fn(Paint, &str) -> String,
    /// The noun, singular and plural.
    what: [&'static str; 2],
    /// The text after it.
    more: &'static str,
}

impl Row {
    fn write(&self, text: &mut String, paint: Paint) {
        let label = format!("{:<10}", self.label);
        let label = if self.number > 0 { (self.colour)(paint, &label) } else { label };
        let what = self.what[usize::from(self.number != 1)];
        let _ = writeln!(text, "  {label} {:>7} {what}{}", self.number, self.more);
    }
}

/// Every reason of failures in three parts.
pub(crate) fn failures(done: &Done, paint: Paint) -> String {
    let mut text = String::new();
    write_failures(&mut text, done, paint);
    text
}

/// Side, step and cause. For a rule, its name has side and step.
fn why(failed: &Failed, error: &Error, diagnosis: &Diagnosis) -> String {
    match failed {
        Failed::Rule(_) => diagnosis.why.clone(),
        Failed::Image(_) => {
            let host = Cleaned(error.place.split('/').next().unwrap_or_default());
            format!("{} {host}: {}: {}", error.side, error.operation, diagnosis.why)
        }
    }
}

/// Each reason once. The table follows them, so that it stays on the screen.
fn write_failures(text: &mut String, done: &Done, paint: Paint) {
    let (groups, rules) = (done.failures.alike(), RuleNames::of(&done.rules));
    let name = |failed: &Failed| match failed {
        Failed::Rule(failure) => {
            format!("{}: {}", rules.at(failure.rule, &failure.source), failure.error.operation)
        }
        Failed::Image(image) => image.to_string(),
    };
    let told = shown(groups.len(), MOST_REASONS);
    for Alike { error, reasons, count, examples } in &groups[..told] {
        let mut others = examples.all();
        let Some(first) = others.next() else { continue };
        let diagnosis = diagnose(error);
        let more = count - 1;
        let _ = writeln!(text, "\n{} {}", paint.red("failed"), name(first));
        let _ = writeln!(text, "  why:   {}", why(first, error, &diagnosis));
        let _ = writeln!(text, "  next:  {}", diagnosis.next);
        if more > 0 {
            let named: Vec<_> = others.take(shown(more, NAMED)).map(name).collect();
            let rest = and_more((more - named.len()) as u64);
            let rest = rest.map(|rest| format!(" {rest}: --report lists all")).unwrap_or_default();
            let what = match (first, more) {
                (Failed::Image(_), 1) => "image",
                (Failed::Image(_), _) => "images",
                (Failed::Rule(_), 1) => "list",
                (Failed::Rule(_), _) => "lists",
            };
            let why = match reasons {
                Reasons::One => "the same reason",
                Reasons::Many => "this and other reasons",
            };
            let named = named.join(", ");
            let _ = writeln!(text, "  also:  {more} more {what} for {why}: {named}{rest}");
        }
    }
    if groups.len() > told {
        let more = groups.len() - told;
        let more = counted(more as u64, "more reason is", "more reasons are");
        let _ = writeln!(text, "\n{more} in the log and the report (--log, --report)");
    }
}

/// The number of further failures to name for each reason.
const NAMED: usize = 2;
/// The most reasons to print.
const MOST_REASONS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_sent_again_is_some_of_what_moved() {
        const MIB: u64 = 1 << 20;
        for ([moved, kept, left_open], said) in [
            ([0, 0, 0], ": what stands at the targets is not sent again"),
            ([5, 0, 0], ": what stands at the targets is not sent again"),
            ([5, 5, 0], ": nothing of the 5.00 MiB is sent again"),
            ([5, 9, 9], ": nothing of the 5.00 MiB is sent again"),
            ([5, 2, 0], ": at least 2.00 MiB of the 5.00 MiB are not sent again"),
            (
                [5, 2, 9],
                ": at least 2.00 MiB of the 5.00 MiB are not sent again, and 3.00 MiB more where the worker that sent them goes on",
            ),
        ] {
            assert_eq!(not_sent_again(moved * MIB, kept * MIB, left_open * MIB), said, "{moved} {kept}");
        }
    }
}
