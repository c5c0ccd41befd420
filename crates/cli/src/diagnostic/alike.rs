//! Failures for one reason, told once: a key that opens nothing fails every image.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::mem::discriminant;

use sync::{Cause, Error, Image, Outcome, Report, RuleFailure, Side};

use super::choose::{Advice, advice};
use super::why;

/// What failed for one reason.
#[derive(Clone, Debug)]
pub(crate) struct Alike<'a> {
    /// The first one's.
    pub(crate) error: &'a Error,
    /// What failed so, in the order in which it ended: all rules, or all images.
    pub(crate) failed: Vec<Failed<'a>>,
}

/// What can fail.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Failed<'a> {
    Rule(&'a RuleFailure),
    Image(&'a Image),
}

impl fmt::Display for Failed<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(failure) => write!(formatter, "{}: {}", failure.source, failure.error.operation),
            Self::Image(image) => image.fmt(formatter),
        }
    }
}

/// All failures, grouped by their reasons.
pub(crate) fn alike(report: &Report) -> Vec<Alike<'_>> {
    let rules = report.failed_rules.iter().map(|failure| (Failed::Rule(failure), &*failure.error));
    let images = report.images.iter().filter_map(|image| match &image.outcome {
        Outcome::Failed(error) => Some((Failed::Image(&image.image), &**error)),
        _ => None,
    });
    let mut groups: Vec<Alike<'_>> = Vec::new();
    let mut by_reason: HashMap<_, usize> = HashMap::new();
    for (failed, error) in rules.chain(images) {
        match by_reason.entry((discriminant(&failed), Reason::of(error))) {
            Entry::Occupied(group) => groups[*group.get()].failed.push(failed),
            Entry::Vacant(free) => {
                free.insert(groups.len());
                groups.push(Alike { error, failed: vec![failed] });
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
        Cause::Endpoint(error) => match error.inner() {
            Some(registry::Error::Refused(refusal)) => {
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
