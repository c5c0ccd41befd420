//! Files in the form of an `--images` file: what was copied, and what failed and can be run again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use oci::foreign_text::is_plain;
use oci::{Digest, TagOrDigest};
use sync::{Image, ImageReport, Outcome, Report, SkipReason};

use super::foreign;

use crate::command::execute::Done;

/// Sources with their targets.
pub(crate) type Images = BTreeMap<String, Vec<String>>;

/// Images that stand at their targets now and did not before.
pub(crate) fn copied(report: &Report) -> Images {
    collect(report, |ended| matches!(ended.outcome, Outcome::Copied { .. }))
}

/// Each image that stands at a target, sorted: `registry/repository:tag@digest`, where it has a tag there.
pub(crate) fn standing(report: &Report) -> Vec<String> {
    let sorted: BTreeSet<_> = at_targets(report)
        .map(|(image, digest)| match image.target_reference {
            TagOrDigest::Tag(_) => format!("{}@{digest}", image.target_name()),
            TagOrDigest::Digest(_) => format!("{}@{digest}", image.target),
        })
        .collect();
    sorted.into_iter().collect()
}

/// Their digests, each once, a line for each.
pub(crate) fn digests(report: &Report) -> String {
    let sorted: BTreeSet<_> = at_targets(report).map(|(_, digest)| digest.to_string()).collect();
    sorted.into_iter().map(|digest| digest + "\n").collect()
}

fn at_targets(report: &Report) -> impl Iterator<Item = (&Image, &Digest)> {
    report.images.iter().filter_map(|ended| match &ended.outcome {
        Outcome::Copied { digest, .. }
        | Outcome::Skipped(
            SkipReason::Unchanged(digest) | SkipReason::SameContent { at_target: digest, .. },
        ) => Some((&*ended.image, digest)),
        _ => None,
    })
}

/// Images that failed or were not reached, and what rules that could not be turned into images are about: with the
/// repositories that were meant, so that nothing else is tried again. A rule that was stopped on the way is named whole.
pub(crate) fn failed(done: &Done) -> Images {
    let unfinished = &done.report.unfinished_rules;
    let mut images = collect(&done.report, |ended| {
        matches!(ended.outcome, Outcome::Failed(_) | Outcome::NotDone)
            && unfinished.binary_search(&ended.rule).is_err()
    });
    for rule in unfinished.iter().filter_map(|rule| done.rules.get(*rule)) {
        for (source, target) in rule.all_pairs() {
            add(&mut images, source, target);
        }
    }
    for failure in &done.report.failed_rules {
        let pairs = done.rules.get(failure.rule).map(|rule| rule.pairs(&failure.source)).unwrap_or_default();
        for (source, target) in pairs {
            add(&mut images, source, target);
        }
    }
    for rule in done.refused.iter().map(|refused| &refused.written) {
        for target in &rule.targets {
            add(&mut images, rule.source.clone(), target.clone());
        }
    }
    images
}

fn collect(report: &Report, wanted: impl Fn(&ImageReport) -> bool) -> Images {
    let mut images = Images::new();
    for ended in report.images.iter().filter(|ended| wanted(ended)) {
        add(&mut images, ended.image.source_name(), ended.image.target_name());
    }
    images
}

fn add(images: &mut Images, source: String, target: String) {
    let targets = images.entry(source).or_default();
    if !targets.contains(&target) {
        targets.push(target);
    }
}

/// One line of JSON, or YAML as Go's library writes it: sorted keys, list items without indent.
pub(crate) fn render(images: &Images, json: bool) -> String {
    if json || images.is_empty() {
        // An empty map is `{}` in both.
        let text = serde_json::to_string(images).expect("texts and lists are always JSON");
        return foreign::json(&text) + "\n";
    }
    let mut text = String::new();
    for (source, targets) in images {
        let _ = writeln!(text, "{}:", yaml_text(source));
        for target in targets {
            let _ = writeln!(text, "- {}", yaml_text(target));
        }
    }
    text
}

/// References are plain scalars; what a rule may hold besides (patterns, blanks) is put in quotes.
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
        // A JSON text is one in YAML, too, and has escapes for everything.
        foreign::json(&serde_json::Value::from(text).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_the_go_tool() {
        let mut images = Images::new();
        assert_eq!((render(&images, true), render(&images, false)), ("{}\n".to_owned(), "{}\n".to_owned()));
        add(&mut images, "q.io/b:v1".to_owned(), "r.io/b:v1".to_owned());
        add(&mut images, "a.io/a@sha256:00".to_owned(), "r.io/a:x".to_owned());
        add(&mut images, "a.io/a@sha256:00".to_owned(), "r.io/a:x".to_owned());
        assert_eq!(
            render(&images, true),
            "{\"a.io/a@sha256:00\":[\"r.io/a:x\"],\"q.io/b:v1\":[\"r.io/b:v1\"]}\n"
        );
        assert_eq!(render(&images, false), "a.io/a@sha256:00:\n- r.io/a:x\nq.io/b:v1:\n- r.io/b:v1\n");
        assert_eq!(yaml_text("q.io/b:/^v'.*$/"), "'q.io/b:/^v''.*$/'");
        assert_eq!(yaml_text("q.io/b:/^v\n\u{202e}/"), r#""q.io/b:/^v\n\u202e/""#);
    }
}
