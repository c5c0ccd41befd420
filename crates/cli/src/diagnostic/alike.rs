//! Failures for one reason, told once: a key that opens nothing fails every image.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use sync::{Cause, Error, Outcome, Report, Side};

use super::choose::{Advice, advice};
use super::{Diagnosis, diagnose, why};

/// What failed for one reason.
#[derive(Clone, Debug)]
pub(crate) struct Alike {
    /// The first one's error for people.
    pub(crate) diagnosis: Diagnosis,
    /// Rules or images.
    pub(crate) of: Failed,
    /// What failed so, in the order in which it ended.
    pub(crate) names: Vec<String>,
}

/// What can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Failed {
    Rule,
    Image,
}

/// All failures, grouped by their reasons.
pub(crate) fn alike(report: &Report) -> Vec<Alike> {
    let rules = report.failed_rules.iter().map(|failure| {
        (Failed::Rule, format!("{}: {}", failure.source, failure.error.operation), &failure.error)
    });
    let images = report.images.iter().filter_map(|image| match &image.outcome {
        Outcome::Failed(error) => Some((Failed::Image, image.image.to_string(), error)),
        _ => None,
    });
    let mut groups: Vec<Alike> = Vec::new();
    let mut by_reason: HashMap<(Failed, Reason), usize> = HashMap::new();
    for (of, name, error) in rules.chain(images) {
        match by_reason.entry((of, Reason::of(error))) {
            Entry::Occupied(group) => groups[*group.get()].names.push(name),
            Entry::Vacant(free) => {
                free.insert(groups.len());
                groups.push(Alike { diagnosis: diagnose(error), of, names: vec![name] });
            }
        }
    }
    groups
}

/// What makes two failures one: the side, its registry, what helps, and the words without names in them.
#[derive(PartialEq, Eq, Hash)]
struct Reason {
    side: Side,
    host: String,
    advice: String,
    words: String,
}

impl Reason {
    fn of(error: &Error) -> Self {
        let names = names(error);
        let advice = match advice(error) {
            Advice::Table { hint, .. } => format!("{hint:?}"),
            Advice::Harbor(text) => without(&names, &text),
        };
        let host = error.place.split('/').next().unwrap_or_default().to_owned();
        Self { side: error.side, host, advice, words: without(&names, &words(&error.cause)) }
    }
}

/// What was said, without the request that it was said to.
fn words(cause: &Cause) -> String {
    match cause {
        Cause::Registry(error) => match &**error {
            registry::Error::Refused(refusal) => {
                format!(
                    "{} {}",
                    refusal.status.canonical_reason().unwrap_or_default(),
                    refusal.words().unwrap_or_default()
                )
            }
            _ => why(cause),
        },
        Cause::NoAnswer(silence) => words(&silence.last.cause),
        other => other.to_string(),
    }
}

/// What the image is called: the parts of its repository's path, and its tag.
fn names(error: &Error) -> Vec<String> {
    let step = error.operation.to_string();
    let tag = step.rsplit(' ').next().unwrap_or_default();
    error.place.split('/').chain([tag]).map(str::to_owned).collect()
}

/// A text without names, paths, digests and numbers, which differ from image to image.
fn without(names: &[String], text: &str) -> String {
    let is_name = |word: &str| {
        let word = word.trim_matches(|character: char| !character.is_alphanumeric());
        names.iter().any(|name| name == word)
            || word.contains(['/', '@'])
            || word.bytes().any(|byte| byte.is_ascii_digit())
    };
    text.split_whitespace().filter(|word| !is_name(word)).collect::<Vec<_>>().join(" ")
}
