//! Groups failures by their reason: a wrong key fails every image, but is reported once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oci::ErrorKind;
use sync::{Cause, Error, Event, Image, Observer, Outcome, RuleFailure, Side, Stamp};

use super::choose::{Advice, advice};
use super::examples::{Examples, Offered, Place};
use super::why::why;

/// The number of reasons that are distinguished; later ones are grouped by registry and kind.
const MOST_REASONS: usize = 500;

/// Failures with the same reason.
#[derive(Clone, Debug)]
pub(crate) struct Alike {
    /// The error of the first example.
    pub(crate) error: Arc<Error>,
    pub(crate) reasons: Reasons,
    pub(crate) count: usize,
    /// All lists, or all images.
    pub(crate) examples: Examples<Failed>,
}

/// Whether a group has one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reasons {
    One,
    /// Several: the limit of reasons was reached before.
    Many,
}

/// A failed rule, or one of its lists, or an image.
#[derive(Clone, Debug)]
pub(crate) enum Failed {
    Rule(Arc<RuleFailure>),
    Image(Arc<Image>),
}

impl Failed {
    fn place(&self) -> Place {
        match self {
            Self::Rule(failure) => Place::of_list(&failure.source, &failure.error.operation.to_string()),
            Self::Image(image) => Place::of_image(&image.target_name(), &image.source_name()),
        }
    }
}

/// The failures of a run, grouped by reason. Its memory does not grow with the number of failures.
#[derive(Default)]
pub(crate) struct Failures(Mutex<Groups>);

#[derive(Default)]
struct Groups {
    rules: Group,
    images: Group,
    /// Failures that are not about a login.
    not_by_login: usize,
}

#[derive(Default)]
struct Group {
    alike: Vec<Alike>,
    by_reason: HashMap<Reason, usize>,
}

impl Failures {
    /// All groups, the most frequent first.
    pub(crate) fn alike(&self) -> Vec<Alike> {
        let groups = self.lock();
        let mut all: Vec<_> = groups.rules.alike.iter().chain(&groups.images.alike).cloned().collect();
        all.sort_by_cached_key(|group| group.examples.order(group.count as u64));
        all
    }

    /// The number of images that failed.
    pub(crate) fn images(&self) -> usize {
        self.lock().images.alike.iter().map(|group| group.count).sum()
    }

    /// Whether all failures are about refused logins.
    pub(crate) fn are_all_by_login(&self) -> bool {
        self.lock().not_by_login == 0
    }

    fn lock(&self) -> MutexGuard<'_, Groups> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Failures {
    fn event(&self, _: &Stamp, event: &Event) {
        let (failed, error) = match event {
            Event::RuleFailed(failure) => (Failed::Rule(failure.clone()), &failure.error),
            Event::ImageFinished(ended) => match &ended.outcome {
                Outcome::Failed(error) => (Failed::Image(ended.image.clone()), error),
                _ => return,
            },
            _ => return,
        };
        let mut groups = self.lock();
        if !matches!(error.kind(), Some(ErrorKind::Unauthorized | ErrorKind::Denied)) {
            groups.not_by_login += 1;
        }
        match failed {
            Failed::Rule(_) => groups.rules.add(failed, error),
            Failed::Image(_) => groups.images.add(failed, error),
        }
    }
}

impl Group {
    fn add(&mut self, failed: Failed, error: &Arc<Error>) {
        let mut reason = Reason::of(error);
        let mut reasons = Reasons::One;
        if self.by_reason.len() >= MOST_REASONS && !self.by_reason.contains_key(&reason) {
            reasons = Reasons::Many;
            reason = reason.by_kind(error.kind());
        }
        let next = self.alike.len();
        let index = *self.by_reason.entry(reason).or_insert(next);
        if index == next {
            self.alike.push(Alike { error: error.clone(), reasons, count: 0, examples: Examples::default() });
        }
        let alike = &mut self.alike[index];
        alike.count += 1;
        if alike.examples.offer(failed.place(), failed) == Offered::First {
            alike.error = error.clone();
        }
    }
}

/// The reason of a failure: side, registry, advice, and the words without names.
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

    /// A coarser reason, for when the limit is reached.
    fn by_kind(self, kind: Option<ErrorKind>) -> Self {
        Self { advice: String::new(), words: format!("{kind:?}"), ..self }
    }
}

/// An identifier of the reason, which is the same in all runs.
pub(crate) fn cause(error: &Error) -> String {
    let Reason { side, host, advice, words } = Reason::of(error);
    let mut name = oci::Digest::sha256(format!("{side}\n{host}\n{advice}\n{words}").as_bytes()).hex();
    name.truncate(12);
    name
}

/// The cause's words without the request URL.
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
        Cause::Undivided(error) => words(&error.cause),
        other => other.to_string(),
    }
}

/// The parts of the image's name: the components of its repository, and its tag.
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
