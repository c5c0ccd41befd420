//! A report for people, on a terminal: the end of a run, from its report.

use std::fmt::Write as _;

use super::amount_text;
use super::remainder::{examples, shown};
use super::report_json::{Facts, FailureGroup, RegistryEntry, Stopped};
use super::report_words::{
    amounts, as_sentence, counted, failed_lists, grouped, moment, outcomes, place, refused, sentence, took,
};
use super::size;
use super::worker_shares::{Share, WorkerShares};

/// The most reasons to print.
const MOST_REASONS: usize = 20;

/// The lines. The caller cleans foreign texts in them.
pub(crate) fn lines(facts: &Facts, shares: &WorkerShares) -> Vec<String> {
    let mut lines = head(facts);
    let failures = &facts.tail.failures;
    let told = shown(failures.len(), MOST_REASONS);
    for group in &failures[..told] {
        lines.push(String::new());
        lines.extend(failure(group));
    }
    if failures.len() > told {
        let more = (failures.len() - told) as u64;
        lines.push(format!("\n{} in the report", counted(more, "more reason is", "more reasons are")));
    }
    lines.extend(facts.tail.refused_rules.iter().map(|refused| format!("\nrefused {refused}")));
    lines.push(String::new());
    for (word, number) in outcomes(&facts.head.totals) {
        lines.push(row(word, &counted(number, "image", "images")));
    }
    let lists = facts.head.totals.failed_rules;
    if lists > 0 {
        lines.push(row(failed_lists(lists), &grouped(lists)));
    }
    if facts.head.totals.refused > 0 {
        lines.push(row("refused", &refused(facts)));
    }
    lines.extend(amounts(facts).iter().map(|(word, text)| row(word, text)));
    lines.push(String::new());
    lines.extend(facts.tail.registries.iter().flat_map(registry));
    if !shares.is_empty() {
        lines.push(String::new());
        lines.extend(shares.all().map(|(name, share)| worker(name, share)));
    }
    lines.iter().flat_map(|line| line.split('\n').map(str::to_owned)).collect()
}

fn head(facts: &Facts) -> Vec<String> {
    let head = &facts.head;
    let took = took(facts).map(|took| format!(", took {}", amount_text::took(took))).unwrap_or_default();
    let of = match facts.tail.parts.len() {
        0 | 1 => String::new(),
        parts => format!(" of {parts} runs"),
    };
    let mut lines = vec![
        as_sentence(&sentence(facts)),
        format!("`{}`{of}, {}, began {}{took}", head.command, head.run, moment(&head.started_at)),
        format!("exit status {}", head.exit_code),
    ];
    if let Some(Stopped { message, hint, .. }) = &head.stopped {
        lines.push(format!("\nstopped: {message}"));
        lines.extend((!hint.is_empty()).then(|| format!("  next:  {hint}")));
    }
    lines
}

fn failure(group: &FailureGroup) -> Vec<String> {
    let what = match group.count {
        1 => String::new(),
        count => format!(" {}", counted(count, "time", "times")),
    };
    let mut lines = vec![format!("failed{what}: {}", place(group))];
    if !group.message.is_empty() {
        lines.push(format!("  why:   {}", group.message));
    }
    lines.push(format!("  next:  {}", group.hint));
    lines.push(format!("  what:  {}", examples(&group.examples, group.count)));
    lines
}

fn registry(registry: &RegistryEntry) -> Vec<String> {
    let mut text = format!(
        "{} ({}): {}, {} read, {} sent",
        registry.host,
        registry.kind,
        counted(registry.requests, "request", "requests"),
        size(Some(registry.bytes_read)),
        size(Some(registry.bytes_sent)),
    );
    if let Some(waited) = amount_text::of_seconds(registry.waited_seconds) {
        let _ = write!(text, ", waited {waited}");
    }
    if let Some(left) = registry.pulls_left {
        let _ = write!(text, ", {} left", counted(left, "pull", "pulls"));
    }
    let warnings = registry.warnings.iter().map(|warning| format!("  {warning}"));
    std::iter::once(text).chain(warnings).collect()
}

fn worker(name: &str, share: &Share) -> String {
    let mut text = format!("worker {name}: {}", counted(share.images, "image", "images"));
    for (number, how) in [(share.failed, "failed"), (share.not_done, "not done")] {
        if number > 0 {
            let _ = write!(text, ", {} {how}", grouped(number));
        }
    }
    let _ = write!(text, ", {} moved", size(Some(share.bytes_moved)));
    if let Some(lost) = share.loss.words() {
        let _ = write!(text, "; it {lost}");
    }
    text
}

fn row(word: &str, text: &str) -> String {
    format!("  {word:<12} {text}")
}

#[cfg(test)]
mod tests {
    use crate::output::report_json::read;

    use super::*;

    /// The printed text of a report with these parts.
    fn shown(command: &str, totals: &str, refused: &[&str]) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        let refused = serde_json::to_string(refused).unwrap();
        let report = format!(
            r#"{{"schema": "image-syncer/report/1", "command": "{command}", "images": [], "totals": {totals}, "refusedRules": {refused}}}"#
        );
        std::fs::write(file.path(), report).unwrap();
        lines(&read(file.path(), &mut |_| Ok(())).unwrap(), &WorkerShares::default()).join("\n")
    }

    #[test]
    fn failed_lists_are_shown_with_their_number() {
        let text = shown("sync", r#"{"copied": 47, "failedRules": 2}"#, &[]);
        assert!(text.starts_with("2 lists failed.\n`sync`"), "{text}");
        assert!(
            text.contains("\n  failed       0 images\n  lists failed 2\n  moved        nothing\n"),
            "{text}"
        );
        assert!(!shown("sync", "{}", &[]).contains("list"));
    }

    #[test]
    fn what_an_older_release_refused_is_shown_with_its_number() {
        for (command, totals, refused, told) in [
            ("sync", "{}", &["a", "b"][..], "2 rules"),
            ("sync", "{}", &["a"], "1 rule"),
            ("sync", r#"{"refused": 2}"#, &["a", "a"], "2 rules"),
            ("apply", "{}", &["a"], "1 image of the plan"),
            ("apply", r#"{"refused": 12}"#, &["a", "b"], "12 images of the plan"),
        ] {
            let text = shown(command, totals, refused);
            assert!(text.starts_with(&format!("{told} cannot be carried out.\n`{command}`")), "{text}");
            assert!(text.contains(&format!("\n  refused      {told}\n")), "{text}");
            for words in refused {
                assert!(text.contains(&format!("\nrefused {words}\n")), "{text}");
            }
        }
        let text = shown("sync", "{}", &[]);
        assert!(!text.contains("refused") && text.contains("\n  moved        nothing\n"), "{text}");
    }
}
