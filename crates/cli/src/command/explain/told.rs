//! The text of `explain` for an image.

use std::time::Duration;

use super::known::Known;
use super::rows::{failure, row};
use super::stage::Stage;
use crate::config::LoginOrigin;
use crate::output::amount_text::{self, took};
use crate::output::report_json::Facts;
use crate::output::{Ended, ImageRecord, counted, replaced};

/// All lines about these entries; the caller cleans them of control characters.
pub(super) fn lines(entries: &[ImageRecord], run: &Facts, known: Option<&Known>) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in entries {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(format!("{} -> {}", entry.source, entry.target));
        lines.extend(outcome(entry));
        // `copy` has its rule on the command line.
        lines.extend(rule(entry, known.filter(|_| run.head.command != "copy")));
        lines.extend(amounts(entry));
        lines.extend(sides(entry, run, known));
        lines.extend(entry.error.iter().flat_map(failure));
    }
    let (command, started) = (&run.head.command, &run.head.started_at);
    lines.push(format!("in the run of `{command}` that began at {started}"));
    lines
}

/// Rules that were refused before any request, if their error names this image.
pub(super) fn refused(image: &str, run: &Facts) -> Vec<String> {
    let is_it = |word: &str| {
        let word = word.trim_matches(|character: char| matches!(character, '`' | ',' | ':' | '(' | ')'));
        word.strip_suffix(image).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
    };
    let names_it = |words: &&String| words.split_whitespace().any(is_it);
    run.tail.refused_rules.iter().filter(names_it).map(|words| row("refused", words)).collect()
}

/// The decision and its outcome.
fn outcome(entry: &ImageRecord) -> Vec<String> {
    let tries = match entry.attempts {
        0 | 1 => String::new(),
        tries => format!(", {tries} tries"),
    };
    let seconds = Duration::try_from_secs_f64(entry.seconds).unwrap_or_default();
    let took = format!(" ({}{tries})", took(seconds));
    let has_other = entry.source_digest.is_some() && entry.source_digest != entry.digest;
    let words = match entry.outcome {
        Ended::Copied => match &entry.replaced_digest {
            Some(before) => format!("copied: {}", replaced::words(before)),
            None => "copied: the target did not have this image under this name".to_owned(),
        },
        Ended::Unchanged if has_other => {
            "unchanged: the target has the same content under another digest".to_owned()
        }
        Ended::Unchanged => "unchanged: the target had this digest under this name".to_owned(),
        Ended::Skipped => "skipped".to_owned(),
        Ended::Failed => "failed".to_owned(),
        Ended::NotDone => {
            "not done: the run ended before it was this image's turn, or while it was at it".to_owned()
        }
        Ended::WouldCopy => "would be copied: the run only looked".to_owned(),
    };
    let mut lines = vec![row("outcome", &format!("{words}{took}"))];
    lines.extend(entry.note.iter().map(|note| row("because", note)));
    lines.extend(entry.worker.iter().map(|worker| row("worker", worker)));
    lines
}

fn rule(entry: &ImageRecord, known: Option<&Known>) -> Vec<String> {
    let Some(label) = &entry.rule else { return Vec::new() };
    let mut lines = vec![row("rule", label)];
    if let Some(known) = known {
        lines.push(row(
            "selected",
            &match known.stage(label, &entry.source) {
                Some(Stage::Selected(by) | Stage::Open(by)) => by,
                Some(Stage::LeftOut(why)) => format!("not any more, as the config is now ({why})"),
                None => "the config has no such rule about this repository any more".to_owned(),
            },
        ));
    }
    lines
}

fn amounts(entry: &ImageRecord) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(entry.digest.iter().map(|digest| row("digest", digest)));
    if entry.source_digest != entry.digest {
        lines.extend(entry.source_digest.iter().map(|digest| row("", &format!("{digest} at the source"))));
    }
    let counts = [
        (entry.bytes_moved, "moved"),
        (entry.bytes_mounted, "mounted"),
        (entry.bytes_present, "there already"),
    ];
    let counts = counts.iter().filter(|(bytes, _)| *bytes > 0);
    let counts: Vec<_> =
        counts.map(|(bytes, what)| format!("{} {what}", amount_text::bytes(*bytes))).collect();
    if !counts.is_empty() {
        lines.push(row("bytes", &counts.join(", ")));
    }
    if entry.referrers > 0 {
        lines.push(row("referrers", &format!("{} went along", entry.referrers)));
    }
    lines
}

/// The login of each side, and the requests to its registry in the whole run.
fn sides(entry: &ImageRecord, run: &Facts, known: Option<&Known>) -> Vec<String> {
    let mut lines = Vec::new();
    for (side, name) in [("source", &entry.source), ("target", &entry.target)] {
        let host = name.split('/').next().unwrap_or_default();
        let login = known.map(|known| match known.login(name) {
            Some(LoginOrigin { key, place }) => format!("login: `{key}` ({place})"),
            None => "no login".to_owned(),
        });
        let asked: u64 = run
            .tail
            .registries
            .iter()
            .filter(|registry| registry.host == host)
            .map(|registry| registry.requests)
            .sum();
        let asked =
            (asked > 0).then(|| format!("{} in the whole run", counted(asked, "request", "requests")));
        let told: Vec<_> = login.into_iter().chain(asked).collect();
        if !told.is_empty() {
            lines.push(row(side, &format!("{host}: {}", told.join(", "))));
        }
    }
    lines
}
