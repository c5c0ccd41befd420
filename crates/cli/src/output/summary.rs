//! The end of a run: the old sentence for scripts, and for people a table with every failure.

use std::fmt::Write as _;
use std::time::Duration;

use indicatif::HumanBytes;
use sync::{Outcome, Report};

use super::Paint;
use crate::diagnostic;

/// The sentence that scripts look for on stdout.
pub(crate) fn old_sentence(report: &Report) -> String {
    let failed = report.failed() + report.not_done();
    format!("Finished, {failed} sync tasks failed, {} tasks generate failed", report.failed_rules.len())
}

/// What was done, and every failure in three parts.
pub(crate) fn table(report: &Report, took: Duration, paint: Paint) -> String {
    let mut text = String::from("\n");
    let mut row = |label: &str, number: usize, colour: fn(Paint, &str) -> String, note: &str| {
        let label = if number > 0 { colour(paint, &format!("{label:<10}")) } else { format!("{label:<10}") };
        let _ = writeln!(text, "  {label} {number:>7} {}{}", plural(number), note);
    };
    row("copied", report.copied(), Paint::green, "");
    if report.would_copy() > 0 {
        row("would copy", report.would_copy(), Paint::green, "");
    }
    row("unchanged", report.skipped(), Paint::bold, "");
    row("failed", report.failed(), Paint::red, "");
    if report.not_done() > 0 {
        row("not done", report.not_done(), Paint::yellow, "");
    }
    if !report.failed_rules.is_empty() {
        let number = report.failed_rules.len();
        let label = paint.red(&format!("{:<10}", "no images"));
        let _ = writeln!(
            text,
            "  {label} {number:>7} {} could not be listed",
            if number == 1 { "rule" } else { "rules" }
        );
    }
    let _ =
        writeln!(text, "  {:<10} {} in {:.1} s", "moved", HumanBytes(report.moved_bytes), took.as_secs_f64());
    if report.saved_bytes > 0 {
        let _ = writeln!(
            text,
            "  {:<10} {} that the target had or mounted itself",
            "saved",
            HumanBytes(report.saved_bytes)
        );
    }
    failures(&mut text, report, paint);
    text
}

fn plural(number: usize) -> &'static str {
    if number == 1 { "image" } else { "images" }
}

fn failures(text: &mut String, report: &Report, paint: Paint) {
    for failure in &report.failed_rules {
        let what = format!("{}: {}", failure.source, failure.error.operation);
        push_failure(text, &what, &failure.error, paint);
    }
    for image in &report.images {
        if let Outcome::Failed(error) = &image.outcome {
            push_failure(text, &image.image.to_string(), error, paint);
        }
    }
}

fn push_failure(text: &mut String, what: &str, error: &sync::Error, paint: Paint) {
    let diagnosis = diagnostic::diagnose(error);
    let _ = writeln!(text, "\n{} {what}", paint.red("failed"));
    let _ = writeln!(text, "  where: {}", diagnosis.place);
    let _ = writeln!(text, "  why:   {}", diagnosis.why);
    let _ = writeln!(text, "  next:  {}", diagnosis.next);
}
