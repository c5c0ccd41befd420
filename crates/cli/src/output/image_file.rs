//! Files in the form of an `--images` file: the copied images, and the failed ones for a retry. Also lists of the images at targets.

use std::io::{Result, Write};

use oci::foreign_text::is_plain;

use super::foreign;
use super::record::{Ended, ImageRecord};
use super::records::Records;
use super::rule_text::PlannedRule;
use super::sorted::{Pair, Sorted, Sorter};
use crate::done::Done;

/// The format of these files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ImagesFormat {
    Yaml,
    Json,
}

/// Distinct pairs of source and target, sorted.
pub(crate) struct Images(Sorted);

/// Images that the run brought to their targets.
pub(crate) fn copied(records: &Records) -> Result<Images> {
    let mut images = Sorter::new(records.folder());
    collect(records, &mut images, |_, record| {
        (record.outcome == Ended::Copied).then_some((record.source, record.target))
    })?;
    images.finish().map(Images)
}

/// Images that failed or were not reached, and the rules that failed as a whole: with the repositories concerned, so that nothing else is
/// retried. A rule that was stopped midway is written as a whole.
pub(crate) fn failed(done: &Done) -> Result<Images> {
    let mut images = Sorter::new(done.records.folder());
    let unfinished = &done.report.unfinished_rules;
    collect(&done.records, &mut images, |rule, record| {
        let is_left = matches!(record.outcome, Ended::Failed | Ended::NotDone);
        (is_left && unfinished.binary_search(&rule).is_err()).then_some((record.source, record.target))
    })?;
    let stopped = unfinished.iter().filter_map(|rule| done.rules.get(*rule)).flat_map(PlannedRule::all_pairs);
    let unlisted = done.report.failed_rules.iter().flat_map(|failure| {
        done.rules.get(failure.rule).map(|rule| rule.pairs(&failure.source)).unwrap_or_default()
    });
    let refused = done.refused.iter().flat_map(|refused| {
        let rule = &refused.written;
        rule.targets.iter().map(|target| (rule.source.clone(), target.clone()))
    });
    for pair in stopped.chain(unlisted).chain(refused) {
        images.add(pair)?;
    }
    images.finish().map(Images)
}

/// Writes a sorted line for each image at a target: `registry/repository:tag@digest`, with its tag if it has one.
pub(crate) fn write_standing(records: &Records, writer: &mut dyn Write) -> Result<()> {
    write_lines(records, writer, |target, digest| {
        let (name, _) = target.split_once('@').unwrap_or((target, ""));
        foreign::result(&format!("{name}@{digest}"))
    })
}

/// Writes the distinct digests, one on each line.
pub(crate) fn write_digests(records: &Records, writer: &mut dyn Write) -> Result<()> {
    write_lines(records, writer, |_, digest| digest.to_owned())
}

fn write_lines(records: &Records, writer: &mut dyn Write, line: impl Fn(&str, &str) -> String) -> Result<()> {
    let mut lines = Sorter::new(records.folder());
    collect(records, &mut lines, |_, record| {
        let digest = record.digest.filter(|_| matches!(record.outcome, Ended::Copied | Ended::Unchanged))?;
        Some((line(&record.target, &digest), String::new()))
    })?;
    for pair in lines.finish()?.pairs() {
        writeln!(writer, "{}", pair?.0)?;
    }
    Ok(())
}

fn collect(
    records: &Records,
    into: &mut Sorter,
    wanted: impl Fn(usize, ImageRecord) -> Option<Pair>,
) -> Result<()> {
    for record in records.read()? {
        let (rule, record) = record?;
        wanted(rule, record).map_or(Ok(()), |pair| into.add(pair))?;
    }
    Ok(())
}

/// Writes one line of JSON, or YAML in the style of Go's library: sorted keys, list items without indent.
pub(crate) fn write(images: &Images, format: ImagesFormat, writer: &mut dyn Write) -> Result<()> {
    let mut pairs = images.0.pairs().peekable();
    // An empty map is `{}` in both formats.
    match format {
        ImagesFormat::Yaml if pairs.peek().is_some() => write_yaml(pairs, writer),
        ImagesFormat::Yaml | ImagesFormat::Json => write_json(pairs, writer),
    }
}

fn write_json(pairs: impl Iterator<Item = Result<Pair>>, writer: &mut dyn Write) -> Result<()> {
    let mut last: Option<String> = None;
    write!(writer, "{{")?;
    for pair in pairs {
        let (source, target) = pair?;
        if last.as_ref() == Some(&source) {
            write!(writer, ",{}", json_text(&target))?;
        } else {
            let end = if last.is_some() { "]," } else { "" };
            write!(writer, "{end}{}:[{}", json_text(&source), json_text(&target))?;
            last = Some(source);
        }
    }
    writeln!(writer, "{}", if last.is_some() { "]}" } else { "}" })
}

fn write_yaml(pairs: impl Iterator<Item = Result<Pair>>, writer: &mut dyn Write) -> Result<()> {
    let mut last: Option<String> = None;
    for pair in pairs {
        let (source, target) = pair?;
        if last.as_ref() != Some(&source) {
            writeln!(writer, "{}:", yaml_text(&source))?;
            last = Some(source);
        }
        writeln!(writer, "- {}", yaml_text(&target))?;
    }
    Ok(())
}

/// A JSON text without control characters.
fn json_text(text: &str) -> String {
    foreign::json(&serde_json::Value::from(text).to_string())
}

/// References are plain scalars; other texts of rules (patterns, blanks) are quoted.
fn yaml_text(text: &str) -> String {
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/' | b':' | b'@' | b',')
    };
    let starts_plain = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if starts_plain && text.bytes().all(plain) && !text.ends_with(':') {
        text.to_owned()
    } else if text.chars().all(is_plain) {
        format!("'{}'", text.replace('\'', "''"))
    } else {
        // A JSON text is valid YAML, and can escape every character.
        json_text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(pairs: &[(&str, &str)], format: ImagesFormat) -> String {
        let mut images = Sorter::new(None);
        for (source, target) in pairs {
            images.add(((*source).to_owned(), (*target).to_owned())).unwrap();
        }
        let mut text = Vec::new();
        write(&images.finish().map(Images).unwrap(), format, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn the_forms_of_the_go_tool() {
        let (json, yaml) = (ImagesFormat::Json, ImagesFormat::Yaml);
        assert_eq!((written(&[], json), written(&[], yaml)), ("{}\n".to_owned(), "{}\n".to_owned()));
        let pairs = [
            ("q.io/b:v1", "r.io/b:v1"),
            ("a.io/a@sha256:00", "r.io/a:x"),
            ("a.io/a@sha256:00", "r.io/a:x"),
            ("q.io/b:v1", "s.io/b:v1"),
        ];
        assert_eq!(
            written(&pairs, json),
            "{\"a.io/a@sha256:00\":[\"r.io/a:x\"],\"q.io/b:v1\":[\"r.io/b:v1\",\"s.io/b:v1\"]}\n"
        );
        assert_eq!(
            written(&pairs, yaml),
            "a.io/a@sha256:00:\n- r.io/a:x\nq.io/b:v1:\n- r.io/b:v1\n- s.io/b:v1\n"
        );
        assert_eq!(yaml_text("q.io/b:/^v'.*$/"), "'q.io/b:/^v''.*$/'");
        assert_eq!(yaml_text("q.io/b:/^v\n\u{202e}/"), r#""q.io/b:/^v\n\u202e/""#);
    }
}
