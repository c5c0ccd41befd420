//! The lines for people about events of a run.

use std::fmt::Display;
use std::time::Duration;

use oci::foreign_text::clean;
use sync::{Action, BlobOutcome, Error, Event, Image, Outcome, SkipReason};

use super::amount_text::until_again;
use super::nothing::{no_repository, nothing_selected};
use super::rule_names::RuleNames;
use super::verdict_words::verdict_words;
use super::{Paint, left_out, replaced, stopping};
use crate::diagnostic;

/// The line for an event, if it has one.
pub(super) fn line(event: &Event, names: &RuleNames, paint: Paint) -> Option<String> {
    Some(match event {
        Event::ImageFinished(ended) => ended_line(&ended.image, &ended.outcome, paint),
        Event::Stopping { in_work, waiting, drain } => stopping(*in_work, *waiting, *drain),
        Event::RuleFailed(failure) => {
            let place = names.at(failure.rule, &failure.source);
            format!("{} {place}: {}", paint.red("failed"), diagnostic::short(&failure.error))
        }
        Event::NothingSelected { rule, source, counts } => {
            let place = names.at(*rule, source);
            format!("{} {place}: {}", paint.yellow("warning"), nothing_selected(counts.as_ref()))
        }
        Event::NoRepository { rule, source, listed, names: there } => {
            let place = names.at(*rule, source);
            format!("{} {place}: {}", paint.yellow("warning"), no_repository(source, *listed, there))
        }
        Event::Selected { rule, source, counts, .. } => {
            format!("selected {}: {counts}", names.at(*rule, source))
        }
        Event::Note { place, text } => format!("{} {place}: {}", paint.yellow("note"), clean(text)),
        Event::BlobFinished { image, digest, outcome: BlobOutcome::LeftOut, .. } => {
            let digest = digest.short();
            let warning = paint.yellow("warning");
            format!(
                "{warning} {image}: layer {digest} may not be kept in registries and was found nowhere; the image is copied without it"
            )
        }
        Event::InvalidTag { source, tag } => {
            format!(
                "{} {source}: the registry lists the tag `{}`, which no registry may have; left out",
                paint.yellow("warning"),
                clean(tag)
            )
        }
        Event::Retrying { image, error, wait, .. } => again(image, error, *wait, paint),
        Event::RetryingList { source, error, wait } => again(source, error, *wait, paint),
        _ => return None,
    })
}

/// The result of an image.
fn ended_line(image: &Image, outcome: &Outcome, paint: Paint) -> String {
    match outcome {
        Outcome::Copied { digest, at_source, replaced, left_out } => {
            let (copied, left_out) = (paint.green("copied"), left_out::words(*left_out));
            let how = match (left_out, at_source == digest) {
                (None, true) => String::new(),
                (Some(left_out), true) => format!(", {left_out}"),
                (Some(left_out), false) => format!(", rewritten: {at_source} {left_out}"),
                (None, false) => format!(", completed: {at_source} with all referrers"),
            };
            let before = replaced.as_ref().map(|before| format!("; {}", replaced::words(before)));
            format!("{copied} {image} ({digest}{how}{})", before.unwrap_or_default())
        }
        Outcome::Skipped(SkipReason::Unchanged(_)) => format!("unchanged {image}"),
        Outcome::Skipped(SkipReason::SameContent { .. }) => {
            format!("unchanged {image} (same content, another digest: --force makes it exact)")
        }
        Outcome::Skipped(SkipReason::Kept { at_target, at_source }) => {
            let (kept, there, here) = (paint.yellow("kept"), at_target.short(), at_source.short());
            format!("{kept} {image}: the target has {there}, the source {here}")
        }
        Outcome::Skipped(SkipReason::NoPlatform) => {
            format!("{} {image}: no wanted platform", paint.yellow("left out"))
        }
        Outcome::Skipped(SkipReason::NotInSample) => {
            format!("{} {image}: not in the sample", paint.yellow("left out"))
        }
        Outcome::Verified(verdict) if verdict.is_whole() => {
            format!("{} {}", paint.green(&verdict_words(verdict)), image.target_name())
        }
        Outcome::Verified(verdict) if verdict.is_well() => {
            format!("{} {}", paint.yellow(&verdict_words(verdict)), image.target_name())
        }
        Outcome::Verified(verdict) => {
            format!("{} {}", paint.red(&verdict_words(verdict)), image.target_name())
        }
        Outcome::WouldCopy(action) => {
            format!("{} {image} ({})", paint.green("would copy"), what_is_done(*action))
        }
        Outcome::Failed(error) => {
            format!("{} {image}: {}", paint.red("failed"), diagnostic::short(error))
        }
        Outcome::NotDone => format!("{} {image}", paint.yellow("not done")),
    }
}

/// What a copy would do with an image.
fn what_is_done(action: Action) -> &'static str {
    match action {
        Action::Create => "new",
        Action::Update => "the target has another digest",
        Action::Retag => "only the name is missing",
        Action::Referrers => "only signatures or other referrers are missing",
        Action::Unchanged => "nothing to do",
        Action::Conflict => "a conflict",
        Action::Missing => "not at the source",
    }
}

/// What will be retried, when, and why.
pub(crate) fn again(what: &impl Display, error: &Error, wait: Duration, paint: Paint) -> String {
    again_because(what, &diagnostic::short(error), wait, paint)
}

/// Like `again`, with the reason in words.
pub(crate) fn again_because(
    what: &(impl Display + ?Sized),
    why: &str,
    wait: Duration,
    paint: Paint,
) -> String {
    format!("{} {} {what}: {why}", paint.yellow("again"), until_again(wait))
}
