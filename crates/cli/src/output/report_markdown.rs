//! A report as Markdown, for the job page of GitHub and others: totals, causes, and failures.

use std::fmt::Write as _;
use std::io::{Error, Write};

use oci::foreign_text::clean_to;

use super::record::{Ended, ImageRecord};
use super::records::Records;
use super::remainder::and_more;
use super::report_json::{Facts, FailureGroup, Stopped};
use super::report_words::{
    amounts, as_sentence, counted, failed_lists, grouped, outcomes, place, refused, sentence,
};
use super::size;
use super::worker_shares::WorkerShares;
use crate::exit_code;

/// GitHub rejects a step's whole summary above 1 MiB.
const MOST: usize = 900 << 10;
/// Room for the line below a truncated list.
const END: usize = 200;
/// The most bytes of one text.
const LONGEST: usize = 4096;

/// Writes the report. `before` is the number of bytes that the file already has.
pub(crate) fn write(
    facts: &Facts,
    records: &Records,
    before: u64,
    writer: &mut dyn Write,
) -> Result<(), Error> {
    let room = MOST.saturating_sub(usize::try_from(before).unwrap_or(usize::MAX));
    let mut text = head(facts);
    let mut left = 0;
    let shares = workers(&records.shares);
    if text.len() + shares.len() + END <= room {
        text.push_str(&shares);
    }
    for group in &facts.tail.failures {
        add(&mut text, &mut left, room, &failure(group));
    }
    if left > 0 {
        let _ = write!(
            text,
            "\n{} left out here: the report has them.\n",
            counted(left, "more cause is", "more causes are")
        );
    }
    text.push_str(&list(facts, records, room.saturating_sub(text.len()))?);
    if text.len() > room {
        // There is no room even for the totals.
        text = format!("\n**image-syncer**: {}\n", escape(&as_sentence(&sentence(facts))));
    }
    writer.write_all(text.as_bytes())
}

/// Adds a block if it fits, or else counts it.
fn add(text: &mut String, left: &mut u64, room: usize, block: &str) {
    if *left == 0 && text.len() + block.len() + END <= room {
        text.push_str(block);
    } else {
        *left += 1;
    }
}

fn head(facts: &Facts) -> String {
    let mark = match facts.head.exit_code {
        exit_code::DONE => "✅",
        exit_code::CHANGES => "📋",
        _ => "❌",
    };
    let mut text = format!(
        "\n### {mark} image-syncer {}: {}\n\n",
        escape(&facts.head.command),
        escape(&sentence(facts))
    );
    let (mut words, mut line, mut numbers) = (String::from("|"), String::from("|"), String::from("|"));
    let counts = outcomes(&facts.head.totals).into_iter().map(|(word, number)| (word, grouped(number)));
    let lists = facts.head.totals.failed_rules;
    let lists = (lists > 0).then(|| (failed_lists(lists), grouped(lists)));
    let refused = Some(("refused", refused(facts))).filter(|_| facts.head.totals.refused > 0);
    for (word, number) in counts.chain(lists).chain(refused).chain(amounts(facts)) {
        let _ = write!(words, " {word} |");
        line.push_str(" ---: |");
        let _ = write!(numbers, " {} |", escape(&number));
    }
    let _ = write!(text, "{words}\n{line}\n{numbers}\n");
    if let Some(Stopped { message, hint, .. }) = &facts.head.stopped {
        let _ = write!(text, "\n**Stopped:** {}\n", escape(message));
        if !hint.is_empty() {
            let _ = write!(text, "\n**Next:** {}\n", escape(hint));
        }
    }
    for refused in &facts.tail.refused_rules {
        let _ = write!(text, "\nRefused: {}\n", escape(refused));
    }
    text
}

/// Each worker's share, folded; empty if a single process copied.
fn workers(shares: &WorkerShares) -> String {
    if shares.is_empty() {
        return String::new();
    }
    let number = shares.all().count() as u64;
    let mut text = format!(
        "\n<details><summary>{}</summary>\n\n| worker | images | failed | not done | moved | lost |\n| --- | ---: | ---: | ---: | ---: | --- |\n",
        counted(number, "worker", "workers")
    );
    for (name, share) in shares.all() {
        let [images, failed, not_done] = [share.images, share.failed, share.not_done].map(grouped);
        let moved = size(Some(share.bytes_moved));
        let lost = escape(&share.loss.words().unwrap_or_default());
        let _ = writeln!(text, "| {} | {images} | {failed} | {not_done} | {moved} | {lost} |", escape(name));
    }
    text.push_str("\n</details>\n");
    text
}

fn failure(group: &FailureGroup) -> String {
    let examples = group.examples.iter().map(|example| format!("* {}\n", code(example)));
    let more = and_more(group.count.saturating_sub(group.examples.len() as u64));
    let more = more.map(|more| format!("* {more}\n")).unwrap_or_default();
    format!(
        "\n#### {} failed: {}\n\n{}\n\n**Next:** {}\n\n{}{more}",
        grouped(group.count),
        escape(&place(group)),
        escape(&group.message),
        escape(&group.hint),
        examples.collect::<String>(),
    )
}

/// The images that failed or were not done, as many as fit, folded.
fn list(facts: &Facts, records: &Records, room: usize) -> Result<String, Error> {
    let totals = &facts.head.totals;
    let all = totals.failed + totals.not_done;
    if all == 0 {
        return Ok(String::new());
    }
    let head =
        format!("\n<details><summary>{} not at the target</summary>\n\n", counted(all, "image", "images"));
    let (mut rows, mut left) = (String::new(), 0);
    for record in records.read()? {
        let (_, record) = record?;
        if matches!(record.outcome, Ended::Failed | Ended::NotDone) {
            add(&mut rows, &mut left, room.saturating_sub(head.len()), &row(&record));
        }
    }
    if let Some(more) = and_more(left) {
        let _ = writeln!(rows, "* {more}: the report has all");
    }
    Ok(if rows.len() + head.len() + 20 > room {
        String::new()
    } else {
        format!("{head}{rows}\n</details>\n")
    })
}

fn row(record: &ImageRecord) -> String {
    let why = match (&record.error, record.outcome) {
        (Some(error), _) => escape(&error.message),
        (None, Ended::NotDone) => "not done".to_owned(),
        (None, _) => "failed".to_owned(),
    };
    let by = record.worker.as_deref().map(|worker| format!(" (worker {})", escape(worker)));
    let by = by.unwrap_or_default();
    format!("* {} from {}{by}: {why}\n", code(&record.target), code(&record.source))
}

/// Foreign text with all Markdown and HTML escaped.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    let text = clean_to(text, LONGEST);
    for (index, character) in text.char_indices() {
        // Escapes more than CommonMark needs, so that HTML is not recognized either.
        let entity = match character {
            '<' => "&lt;",
            '>' => "&gt;",
            '&' => "&amp;",
            _ => "",
        };
        if !entity.is_empty() {
            escaped.push_str(entity);
            continue;
        }
        // CommonMark: a backslash before ASCII punctuation makes it literal.
        let is_plain = match character {
            ',' | '/' | '\'' => true,
            '-' => !text[..index].trim().is_empty(),
            '.' => !begins_something(&text[..index]),
            other => !other.is_ascii_punctuation(),
        };
        if !is_plain {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// Whether a dot after this text begins a numbered list or a link: for GitHub, `www.` alone does. See
/// <https://github.github.com/gfm/#autolinks-extension->.
fn begins_something(before: &str) -> bool {
    before.trim().bytes().all(|byte| byte.is_ascii_digit()) || before.to_ascii_lowercase().ends_with("www")
}

/// Foreign text in a fence longer than any fence inside it.
fn code(text: &str) -> String {
    let text = clean_to(text, LONGEST);
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if longest > 0 { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::records::Gathered;
    use crate::output::report_json::Head;

    const EVIL: &str = "</details><script>alert(1)</script> [x](http://evil) `` **b** | @all #1\n# h";

    fn written(images: usize, before: u64) -> String {
        let (mut facts, mut records) = (Facts::default(), Gathered::new(None));
        let image = |number: usize| -> ImageRecord {
            let error = serde_json::json!({"kind": "denied", "message": EVIL, "hint": EVIL});
            serde_json::from_value(serde_json::json!({
                "source": format!("q.io/a:{EVIL}{number}"), "target": "r.io/a:v1", "outcome": "failed", "error": error,
            }))
            .unwrap()
        };
        for number in 0..images {
            facts.head.totals.failed += 1;
            records.add(&image(number)).unwrap();
        }
        let group = FailureGroup {
            count: images as u64,
            message: EVIL.into(),
            hint: EVIL.into(),
            host: EVIL.into(),
            examples: vec![EVIL.into()],
            ..FailureGroup::default()
        };
        facts.tail.failures = vec![group];
        let mut text = Vec::new();
        write(&facts, &records.finish(), before, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn foreign_text_is_neither_html_nor_markdown() {
        let text = written(2, 0);
        let codes = [code(EVIL), code(&format!("q.io/a:{EVIL}0")), code(&format!("q.io/a:{EVIL}1"))];
        let outside_code = codes.iter().fold(text.clone(), |text, code| text.replace(code, ""));
        for evil in ["<script", "[x](", "**b", " @all", " | @", "\n# h", "</details>&"] {
            assert!(!outside_code.contains(evil), "{evil}: {text}");
        }
        assert!(text.contains("&lt;script&gt;alert\\(1\\)"), "{text}");
        assert!(text.ends_with("\n</details>\n"));
    }

    #[test]
    fn foreign_text_begins_neither_a_list_nor_a_link() {
        for (text, escaped) in [
            ("www.evil.example", "www\\.evil.example"),
            ("see WWW.evil.example", "see WWW\\.evil.example"),
            ("https://evil.example", "https\\://evil.example"),
            ("- x", "\\- x"),
            ("1. x", "1\\. x"),
            ("v1.2-rc, a/b", "v1.2-rc, a/b"),
        ] {
            assert_eq!(escape(text), escaped);
        }
    }

    #[test]
    fn who_brought_how_much_is_told_where_workers_did() {
        let mut records = Gathered::new(None);
        for (worker, outcome) in [("w1", "copied"), ("w|2", "failed"), ("w1", "notDone")] {
            let image = serde_json::json!({"source": "q.io/a:v1", "target": "r.io/a:v1", "outcome": outcome,
                "bytesMoved": 1024, "worker": worker, "error": {"kind": "denied", "message": "no"}});
            records.add(&serde_json::from_value(image).unwrap()).unwrap();
        }
        let mut facts = Facts::default();
        (facts.head.totals.copied, facts.head.totals.failed, facts.head.totals.not_done) = (1, 1, 1);
        let mut text = Vec::new();
        write(&facts, &records.finish(), 0, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(
            text.contains("<summary>2 workers</summary>") && text.contains("| w1 | 2 | 0 | 1 | 2.00 KiB |"),
            "{text}"
        );
        assert!(text.contains("| w\\|2 | 1 | 1 | 0 |") && text.contains(" (worker w\\|2): no"), "{text}");
        assert!(!written(1, 0).contains("worker"));
    }

    #[test]
    fn failed_lists_are_counted_beside_the_images() {
        let mut facts = Facts::default();
        (facts.head.totals.copied, facts.head.totals.failed_rules) = (47, 2);
        let text = head(&facts);
        assert!(text.contains(": 2 lists failed\n"), "{text}");
        assert!(text.contains("| copied | unchanged | failed | lists failed | moved |"), "{text}");
        assert!(text.contains("| 47 | 0 | 0 | 2 | nothing |"), "{text}");
        assert!(!head(&Facts::default()).contains("lists failed"));
    }

    #[test]
    fn what_a_plan_found_to_do_is_no_failure() {
        let of = |exit_code| head(&Facts { head: Head { exit_code, ..Head::default() }, ..Facts::default() });
        assert!(of(10).contains("📋") && of(0).contains("✅") && of(1).contains("❌"));
    }

    #[test]
    fn what_is_too_long_is_cut_with_a_count_and_what_is_there_counts() {
        let text = written(20_000, 0);
        assert!(text.len() <= MOST && text.len() > MOST - 2000, "{}", text.len());
        let rows = text.lines().filter(|line| line.starts_with("* `r.io/a:v1`")).count();
        assert!(
            text.contains(&format!("* and {} more: the report has all", grouped(20_000 - rows as u64))),
            "{}",
            &text[text.len() - 200..]
        );
        for before in [800 << 10, 899 << 10, 900 << 10, 5 << 20] {
            let text = written(20_000, before);
            let room = MOST.saturating_sub(usize::try_from(before).unwrap());
            assert!(text.len() <= room.max(100), "{before}: {}", text.len());
            assert!(text.contains("20,000 images failed"), "{before}");
        }
    }
}
