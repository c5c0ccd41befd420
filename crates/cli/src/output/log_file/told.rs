//! The log's line for each event of a run, in the Go tool's words if it had any.

use oci::foreign_text::clean;
use sync::{BlobOutcome, Error, Event, Image, Outcome, RuleFailure, SkipReason};

use super::super::amount_text::until_again;
use super::super::failure::request_id;
use super::super::nothing::{no_repository, nothing_selected};
use super::super::rule_names::RuleNames;
use super::super::verdict_words::verdict_words;
use super::super::{counted, replaced, size, stopping};
use super::line::{About, Entry};
use crate::args::LogLevel;
use crate::diagnostic;

/// The line for an event, if it has one.
pub(super) fn entry(event: &Event, names: &RuleNames) -> Option<Entry> {
    let entry = match event {
        Event::ImageStarted(_) | Event::BlobStarted { .. } | Event::Decided { .. } => detail(event, names)?,
        Event::ImagePlanned(image) => {
            let (source, target) = (image.source_name(), image.target_name());
            of_image(LogLevel::Info, image, format!("Generate a task for {source} to {target}"))
        }
        Event::BlobFinished { image, digest, size: bytes, outcome } => {
            let how = match outcome {
                BlobOutcome::Copied => "copied",
                BlobOutcome::Mounted => "mounted from another repository",
                BlobOutcome::Present => "ignore exist blob",
                BlobOutcome::Read => "read at the target",
                BlobOutcome::LeftOut => "found nowhere, left out",
            };
            let (source, target, bytes) = (&image.source, &image.target, size(*bytes));
            let message =
                format!("Finish synchronizing blob {digest}({bytes}) from {source} to {target}: {how}");
            of_image(LogLevel::Info, image, message)
        }
        Event::Retrying { image, error, wait, .. } => {
            let message = format!("Retry {} {image}: {}", until_again(*wait), diagnostic::short(error));
            of_image(LogLevel::Warn, image, message).because_of(error)
        }
        Event::RetryingList { source, error, wait } => {
            let message = format!("Retry {} {source}: {}", until_again(*wait), diagnostic::short(error));
            Entry::new(LogLevel::Warn, message).because_of(error)
        }
        Event::Stopping { in_work, waiting, drain } => {
            Entry::new(LogLevel::Warn, stopping(*in_work, *waiting, *drain))
        }
        Event::ImageFinished(ended) => ended_image(&ended.image, &ended.outcome).of_rule(ended.rule, names),
        Event::RuleFailed(failure) => failed_rule(failure, names),
        listing => of_listing(listing, names)?,
    };
    Some(entry)
}

/// Lines for debugging only.
fn detail(event: &Event, names: &RuleNames) -> Option<Entry> {
    Some(match event {
        Event::ImageStarted(image) => of_image(LogLevel::Debug, image, format!("Begin {image}")),
        Event::BlobStarted { image, digest, size: bytes } => {
            let message = format!("Begin blob {digest} ({}) of {image}", size(*bytes));
            of_image(LogLevel::Debug, image, message)
        }
        Event::Decided { decision, .. } => {
            let action = format!("{:?}", decision.action).to_lowercase();
            let message = format!("Decided {}: {action}", decision.image);
            of_image(LogLevel::Debug, &decision.image, message).of_rule(decision.rule, names)
        }
        _ => return None,
    })
}

/// Lines about reading lists.
fn of_listing(event: &Event, names: &RuleNames) -> Option<Entry> {
    Some(match event {
        Event::TagsListed { rule, source, tags, selected } => {
            let selected = selected.map(|selected| format!(", {selected} selected")).unwrap_or_default();
            let message = format!("Get tags of {source} successfully: {tags} listed{selected}");
            Entry::new(LogLevel::Info, message).at(source).of_rule(*rule, names)
        }
        Event::Selected { rule, source, counts, .. } => {
            let message = format!("Select tags of {}: {counts}", names.at(*rule, source));
            Entry::new(LogLevel::Info, message).at(source).of_rule(*rule, names)
        }
        Event::RepositoriesListed { source, repositories, selected } => {
            let listed = counted(*repositories as u64, "repository", "repositories");
            let message = format!("{source}: {listed} listed, {selected} selected");
            Entry::new(LogLevel::Info, message).at(source)
        }
        Event::Note { place, text } => {
            Entry::new(LogLevel::Warn, format!("{place}: {}", clean(text))).at(place)
        }
        Event::InvalidTag { source, tag } => {
            Entry::new(LogLevel::Warn, format!("{source} lists the invalid tag `{}`", clean(tag))).at(source)
        }
        Event::NothingSelected { rule, source, counts } => {
            let message = format!("{}: {}", names.at(*rule, source), nothing_selected(counts.as_ref()));
            Entry::new(LogLevel::Warn, message).at(source).of_rule(*rule, names)
        }
        Event::NoRepository { rule, source, listed, names: found } => {
            let place = names.at(*rule, source);
            let message = format!("{place}: {}", no_repository(source, *listed, found));
            Entry::new(LogLevel::Warn, message).at(source).of_rule(*rule, names)
        }
        _ => return None,
    })
}

fn failed_rule(failure: &RuleFailure, names: &RuleNames) -> Entry {
    let place = names.at(failure.rule, &failure.source);
    let why = diagnostic::short(&failure.error);
    let message = format!("Failed to executed analyzing image rule for {place}: {why}");
    Entry::new(LogLevel::Error, message).because_of(&failure.error).of_rule(failure.rule, names)
}

fn ended_image(image: &Image, outcome: &Outcome) -> Entry {
    let (level, message) = ended(image, outcome);
    let entry = of_image(level, image, message);
    match outcome {
        Outcome::Failed(error) => entry.because_of(error),
        _ => entry,
    }
}

fn ended(image: &Image, outcome: &Outcome) -> (LogLevel, String) {
    let (source, target) = (image.source_name(), image.target_name());
    match outcome {
        Outcome::Copied { digest, replaced, .. } => {
            let before = replaced.as_ref().map(|before| format!(", {}", replaced::words(before)));
            let before = before.unwrap_or_default();
            let message =
                format!("Synchronization successfully from {source} to {target} ({digest}{before})");
            (LogLevel::Info, message)
        }
        Outcome::Skipped(SkipReason::NoPlatform) => (
            LogLevel::Info,
            format!(
                "Finish synchronizing from {source} to {target}: skip synchronization because no manifest fits platform filters"
            ),
        ),
        Outcome::Skipped(SkipReason::Kept { .. }) => (
            LogLevel::Warn,
            format!(
                "Finish synchronizing from {source} to {target}: skip synchronization because destination has another image, which the rule keeps"
            ),
        ),
        Outcome::Skipped(SkipReason::NotInSample) => (LogLevel::Info, format!("Not in the sample: {target}")),
        Outcome::Verified(verdict) => {
            let level = if verdict.is_well() { LogLevel::Info } else { LogLevel::Error };
            (level, format!("Verified {target}: {}", verdict_words(verdict)))
        }
        Outcome::Skipped(_) => (
            LogLevel::Info,
            format!(
                "Finish synchronizing from {source} to {target}: skip synchronization because destination image exists"
            ),
        ),
        Outcome::WouldCopy(_) => (LogLevel::Info, format!("Would synchronize from {source} to {target}")),
        Outcome::Failed(error) => (
            LogLevel::Error,
            format!(
                "Failed to executed synchronizing from {source} to {target}: {}",
                diagnostic::short(error)
            ),
        ),
        Outcome::NotDone => (LogLevel::Warn, format!("Not done: synchronizing from {source} to {target}")),
    }
}

fn of_image(level: LogLevel, image: &Image, message: String) -> Entry {
    let about =
        About { image: Some(image.source_name()), target: Some(image.target_name()), ..About::default() };
    Entry { level, message, about }
}

impl Entry {
    fn of_rule(mut self, rule: usize, names: &RuleNames) -> Self {
        self.about.rule = names.label(rule).map(str::to_owned);
        self
    }

    /// Adds a registry, or a place in one.
    fn at(mut self, place: &str) -> Self {
        self.about.registry = place.split('/').next().map(str::to_owned);
        self
    }

    fn because_of(mut self, error: &Error) -> Self {
        self.about.request_id = request_id(error).map(str::to_owned);
        self.at(&error.place)
    }
}
