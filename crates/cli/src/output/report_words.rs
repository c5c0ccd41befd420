//! The texts of a report for people: on a terminal, in Markdown, on a page.

use std::time::Duration;

use super::amount_text;
use super::asked_noun;
pub(super) use super::number::{counted, grouped};
use super::report_json::{Facts, FailureGroup, Stopped, Totals, odd_shards};
use super::size;

/// The result in a sentence. For merged reports, it also says whether shards are missing.
pub(super) fn sentence(facts: &Facts) -> String {
    let odd = odd_shards(&facts.tail.parts);
    [ending(facts)].into_iter().chain(odd).collect::<Vec<_>>().join("; ")
}

fn ending(facts: &Facts) -> String {
    let totals = &facts.head.totals;
    let mut parts = Vec::new();
    if totals.failed > 0 {
        parts.push(match (totals.failed, totals.images()) {
            (1, 1) => "the only image failed".to_owned(),
            (failed, all) if failed == all => format!("all {} failed", counted(all, "image", "images")),
            (failed, all) => format!("{} of {} failed", grouped(failed), counted(all, "image", "images")),
        });
    }
    if totals.failed_rules > 0 {
        parts.push(format!("{} failed", counted(totals.failed_rules, "list", "lists")));
    }
    if totals.refused > 0 {
        parts.push(format!("{} cannot be carried out", refused(facts)));
    }
    if let Some(sentence) = facts.head.stopped.as_ref().and_then(Stopped::sentence) {
        parts.push(sentence.to_owned());
    } else if totals.not_done > 0 || facts.head.stopped.is_some() {
        parts.push("the run was stopped before its end".to_owned());
    } else if totals.unlisted_rules > 0 {
        parts.push(format!("{} not listed to the end", counted(totals.unlisted_rules, "rule", "rules")));
    }
    if totals.would_copy > 0 {
        parts.push(format!("{} would be copied", counted(totals.would_copy, "image", "images")));
    }
    match (parts.is_empty(), totals.images(), totals.copied) {
        (false, ..) => parts.join(", "),
        (true, 0, _) => "there was no image to copy".to_owned(),
        (true, all, 0) => format!("nothing to do for {}", counted(all, "image", "images")),
        (true, _, copied) => format!("{} copied, nothing failed", counted(copied, "image", "images")),
    }
}

/// The number of refusals: rules of a config, or images of a plan.
pub(super) fn refused(facts: &Facts) -> String {
    let [one, many] = asked_noun::of_command(&facts.head.command);
    counted(facts.head.totals.refused, one, many)
}

/// The label for a number of failed lists: of tags or of repositories, of a whole rule or of one of its repositories.
pub(super) fn failed_lists(number: u64) -> &'static str {
    if number == 1 { "list failed" } else { "lists failed" }
}

/// Capitalized, with a full stop.
pub(super) fn as_sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", characters.as_str())
}

/// The results of images: a word and a number for each that is worth a line.
pub(super) fn outcomes(totals: &Totals) -> Vec<(&'static str, u64)> {
    let all = [
        ("copied", totals.copied),
        ("would copy", totals.would_copy),
        ("unchanged", totals.unchanged),
        ("skipped", totals.skipped),
        ("failed", totals.failed),
        ("not done", totals.not_done),
    ];
    let always = ["copied", "unchanged", "failed"];
    all.into_iter().filter(|(word, number)| *number > 0 || always.contains(word)).collect()
}

/// The bytes moved, the speed, and the bytes that need not move.
pub(super) fn amounts(facts: &Facts) -> Vec<(&'static str, String)> {
    let totals = &facts.head.totals;
    let moved = match totals.bytes_moved {
        0 => "nothing".to_owned(),
        bytes => size(Some(bytes)),
    };
    let mut rows = vec![("moved", moved)];
    if totals.bytes_mounted > 0 {
        rows.push(("mounted", format!("{} that a target had elsewhere", size(Some(totals.bytes_mounted)))));
    }
    if totals.bytes_present > 0 {
        // Some of these bytes may have been sent for other images of the same run.
        rows.push(("present", format!("{} when an image needed it", size(Some(totals.bytes_present)))));
    }
    if let Some(took) = took(facts) {
        rows.push(("took", amount_text::took(took)));
    }
    if let Some(speed) = speed(facts) {
        rows.push(("speed", format!("{}/s", size(Some(speed)))));
    }
    rows.push(("requests", grouped(totals.requests)));
    rows
}

/// From the first beginning to the last end, if both are known.
pub(super) fn took(facts: &Facts) -> Option<Duration> {
    let at = |text: &str| text.parse::<jiff::Timestamp>().ok();
    Duration::try_from(at(&facts.head.finished_at)? - at(&facts.head.started_at)?).ok()
}

/// Bytes per second on average.
fn speed(facts: &Facts) -> Option<u64> {
    let (moved, took) = (facts.head.totals.bytes_moved, took(facts)?);
    let milliseconds = u64::try_from(took.as_millis()).ok().filter(|took| *took > 0)?;
    (moved > 0).then(|| moved.saturating_mul(1000) / milliseconds)
}

/// A time in readable form; an invalid time is unchanged.
pub(super) fn moment(text: &str) -> String {
    let parsed = text.parse::<jiff::Timestamp>();
    parsed.map_or_else(|_| text.to_owned(), |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// The side and registry of a failure.
pub(super) fn place(group: &FailureGroup) -> String {
    match (group.side.as_str(), group.host.as_str()) {
        ("", host) => host.to_owned(),
        (side, "") => side.to_owned(),
        (side, host) => format!("{side} {host}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_read_them() {
        assert_eq!(moment("2026-11-29T20:16:24.123Z"), "2026-11-29 20:16:24 UTC");
        assert_eq!(moment("yesterday"), "yesterday");
        assert_eq!(as_sentence("nothing to do"), "Nothing to do.");
    }

    #[test]
    fn a_sentence_says_what_matters_first() {
        let said = |totals: Totals| {
            sentence(&Facts {
                head: super::super::report_json::Head { totals, ..Default::default() },
                ..Facts::default()
            })
        };
        assert_eq!(said(Totals { copied: 1, ..Totals::default() }), "1 image copied, nothing failed");
        assert_eq!(said(Totals { unchanged: 1200, ..Totals::default() }), "nothing to do for 1,200 images");
        assert_eq!(
            said(Totals { copied: 5, failed: 2, not_done: 1, ..Totals::default() }),
            "2 of 8 images failed, the run was stopped before its end"
        );
        assert_eq!(said(Totals::default()), "there was no image to copy");
        assert_eq!(said(Totals { copied: 47, failed_rules: 1, ..Totals::default() }), "1 list failed");
        assert_eq!(
            said(Totals { copied: 5, failed: 1, failed_rules: 2, ..Totals::default() }),
            "1 of 6 images failed, 2 lists failed"
        );
        assert_eq!(
            said(Totals { copied: 5, refused: 1, ..Totals::default() }),
            "1 rule cannot be carried out"
        );
    }
}
