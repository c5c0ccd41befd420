//! The end of a run: the old sentence for scripts, and for people a table with every failure.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write as _;

use indicatif::{HumanBytes, HumanDuration};
use registry::Quota;
use sync::{Outcome, Report};

use super::Paint;
use crate::command::execute::Done;
use crate::diagnostic::{self, Diagnosis};

/// The sentence that scripts look for on stdout. A run that was stopped has not finished, and must not be taken for one
/// in which nothing failed.
pub(crate) fn old_sentence(done: &Done) -> String {
    let report = &done.report;
    let (failed, not_done) = (report.failed(), report.not_done());
    let rules = report.failed_rules.len() + done.refused.len();
    let counts = format!("{failed} sync tasks failed, {rules} tasks generate failed");
    if not_done + report.unfinished_rules == 0 {
        format!("Finished, {counts}")
    } else {
        format!("Stopped, {counts}, {not_done} sync tasks not done")
    }
}

/// What was done, and every failure in three parts.
pub(crate) fn table(done: &Done, paint: Paint) -> String {
    let report = &done.report;
    let count = |label, number, colour, what: [&'static str; 2]| Row { label, number, colour, what };
    let images = ["image", "images"];
    let rows = [
        count("copied", report.copied(), Paint::green, images),
        count("would copy", report.would_copy(), Paint::green, images),
        count("unchanged", report.skipped() - report.left_out(), Paint::bold, images),
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
            report.unfinished_rules,
            Paint::yellow,
            ["rule: the run was stopped before", "rules: the run was stopped before"],
        ),
        count(
            "no images",
            report.failed_rules.len(),
            Paint::red,
            ["rule could not be listed", "rules could not be listed"],
        ),
        count("refused", done.refused.len(), Paint::red, ["rule: see above", "rules: see above"]),
    ];
    let mut text = String::from("\n");
    for row in
        rows.iter().filter(|row| row.number > 0 || ["copied", "unchanged", "failed"].contains(&row.label))
    {
        row.write(&mut text, paint);
    }
    let (moved, seconds) = (HumanBytes(report.moved_bytes), report.took.as_secs_f64());
    let _ = writeln!(text, "  {:<10} {moved} in {seconds:.1} s", "moved");
    if report.saved_bytes > 0 {
        let saved = HumanBytes(report.saved_bytes);
        let _ = writeln!(text, "  {:<10} {saved} that the target had or mounted itself", "saved");
    }
    if report.referrers > 0 {
        let _ =
            writeln!(text, "  {:<10} {:>7} signatures, SBOMs and other referrers", "along", report.referrers);
    }
    if report.referrers_left > 0 {
        let left = report.referrers_left;
        let _ = writeln!(
            text,
            "  {:<10} {left:>7} signatures, SBOMs and other referrers: --referrers takes them along",
            "left"
        );
    }
    for registry in &done.registries {
        if let Some(quota) = registry.quota() {
            let _ = writeln!(text, "  {:<10} {} at {}", "pulls left", left_of(quota), registry.host());
        }
    }
    failures(&mut text, report, paint);
    text
}

/// `76 of 100 in 6 h`, as far as it is told.
fn left_of(quota: Quota) -> String {
    let mut text = quota.remaining.to_string();
    if let Some(limit) = quota.limit {
        let _ = write!(text, " of {limit}");
    }
    if let Some(window) = quota.window {
        let _ = write!(text, " in {}", HumanDuration(window));
    }
    text
}

/// One line of the table.
struct Row {
    label: &'static str,
    number: usize,
    colour: fn(Paint, &str) -> String,
    /// What is counted, one and many.
    what: [&'static str; 2],
}

impl Row {
    fn write(&self, text: &mut String, paint: Paint) {
        let label = format!("{:<10}", self.label);
        let label = if self.number > 0 { (self.colour)(paint, &label) } else { label };
        let what = self.what[usize::from(self.number != 1)];
        let _ = writeln!(text, "  {label} {:>7} {what}", self.number);
    }
}

fn failures(text: &mut String, report: &Report, paint: Paint) {
    for failure in &report.failed_rules {
        let what = format!("{}: {}", failure.source, failure.error.operation);
        push_failure(text, &what, &failure.error, paint);
    }
    for Alike { what, diagnosis, others } in alike(report) {
        push_diagnosis(text, &what, &diagnosis, paint);
        if others.is_empty() {
            continue;
        }
        let rest = others.len().saturating_sub(NAMED);
        let mut names = others.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        if rest > 0 {
            let _ = write!(names, " and {rest} more, which --output-failed-images and --report list");
        }
        let images = if others.len() == 1 { "image" } else { "images" };
        let _ = writeln!(text, "  also:  {} more {images} for the same reason: {names}", others.len());
    }
}

/// How many images with the same failure are named beside the first.
const NAMED: usize = 5;

/// Images that failed for one reason, such as a key that opens nothing: the first, and the names of the others.
struct Alike {
    what: String,
    diagnosis: Diagnosis,
    others: Vec<String>,
}

fn alike(report: &Report) -> Vec<Alike> {
    let mut groups: Vec<Alike> = Vec::new();
    let mut by_reason: HashMap<(String, String), usize> = HashMap::new();
    for image in &report.images {
        let Outcome::Failed(error) = &image.outcome else { continue };
        let (what, diagnosis) = (image.image.to_string(), diagnostic::diagnose(error));
        match by_reason.entry((diagnosis.why.clone(), diagnosis.next.clone())) {
            Entry::Occupied(group) => groups[*group.get()].others.push(what),
            Entry::Vacant(free) => {
                free.insert(groups.len());
                groups.push(Alike { what, diagnosis, others: Vec::new() });
            }
        }
    }
    groups
}

fn push_failure(text: &mut String, what: &str, error: &sync::Error, paint: Paint) {
    push_diagnosis(text, what, &diagnostic::diagnose(error), paint);
}

fn push_diagnosis(text: &mut String, what: &str, diagnosis: &Diagnosis, paint: Paint) {
    let _ = writeln!(text, "\n{} {what}", paint.red("failed"));
    let _ = writeln!(text, "  where: {}", diagnosis.place);
    let _ = writeln!(text, "  why:   {}", diagnosis.why);
    let _ = writeln!(text, "  next:  {}", diagnosis.next);
}
