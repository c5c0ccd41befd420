//! One image for one of its targets: decides what to do with it, then does it or, in a plan, only reports it.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use oci::Digest;

use super::carry_out::carry_out;
use super::decide::{Decided, Work, decide, empty};
use super::promised_source::PromisedSource;
use super::reach::Reach;
use super::referrer::copy_referrers;
use super::source_image::SourceImage;
use super::walk::Walk;
use super::weigh::weigh;
use crate::engine::run::{ImageCopy, Run};
use crate::memory::target_repository::Found;
use crate::plan::awaited::Promise;
use crate::plan::decision::{Action, Decision};
use crate::plan::wanted::WantedReferrers;
use crate::report::worked_on::{Targets, WorkedOn, working_on};
use crate::{Error, Event, Load, Operation, Outcome, ReferrerPolicy, Side, SkipReason};

/// The note for an image that its source does not have yet.
const BROUGHT_FIRST: &str = "another rule of this run brings it to the source first";

/// Copies one image to one of its targets; returns the outcome.
pub(crate) async fn copy_image(
    run: Arc<Run>,
    image: Arc<SourceImage>,
    copy: Arc<ImageCopy>,
) -> (Arc<ImageCopy>, Outcome) {
    reached(run, image, copy, |walk| copy_reached(walk).boxed()).await
}

/// Finds out what a copy of one image to one of its targets would do; returns the expected outcome.
pub(crate) async fn plan_image(
    run: Arc<Run>,
    image: Arc<SourceImage>,
    copy: Arc<ImageCopy>,
) -> (Arc<ImageCopy>, Outcome) {
    reached(run, image, copy, |walk| plan_reached(walk).boxed()).await
}

/// Runs `f` for an image once its stores can be reached.
pub(super) async fn reached(
    run: Arc<Run>,
    image: Arc<SourceImage>,
    copy: Arc<ImageCopy>,
    with: impl for<'a> FnOnce(&'a Walk) -> BoxFuture<'a, Outcome>,
) -> (Arc<ImageCopy>, Outcome) {
    let of = WorkedOn { rule: copy.rule, image: copy.image.clone(), targets: Targets::One };
    working_on(of, reach_and(run, image, copy, with)).await
}

async fn reach_and(
    run: Arc<Run>,
    image: Arc<SourceImage>,
    copy: Arc<ImageCopy>,
    with: impl for<'a> FnOnce(&'a Walk) -> BoxFuture<'a, Outcome>,
) -> (Arc<ImageCopy>, Outcome) {
    run.tell(&Event::ImageStarted(copy.image.clone()));
    let shared = image.share();
    if let Some(shared) = &shared {
        shared.gathering.enter(copy.index);
    }
    let reach = Reach::begin(&run, &image.planned.source, &image.planned.reference, &copy).await;
    let outcome = match copy.failure() {
        Some(error) => Outcome::Failed(error.clone()),
        None => with(&Walk::new(run.clone(), copy.clone(), image, shared.clone())).await,
    };
    reach.end(&outcome);
    if let Some(shared) = shared {
        shared.gathering.leave(copy.index);
    }
    (copy, outcome)
}

async fn copy_reached(walk: &Walk) -> Outcome {
    let outcome = match decide(walk).await {
        Ok(decided) => {
            tell(walk, decided.decision.clone(), None);
            carry_out(walk, decided).await
        }
        Err(error) => return Outcome::Failed(error),
    };
    let referrers = walk.image.planned.wanted.referrers;
    note_standing(walk, referrers, &outcome);
    copy_referrers(walk, outcome).await
}

async fn plan_reached(walk: &Walk) -> Outcome {
    if walk.image.planned.found == Found::Unforeseen {
        // Another rule changes the source before this image is copied, so its present state tells nothing.
        let note = Some(BROUGHT_FIRST.to_owned());
        tell(walk, Decision { note, ..empty(walk) }, None);
        walk.run.awaited.promise(&walk.copy.image, || Promise::Unforeseen);
        return Outcome::WouldCopy(Action::Create);
    }
    let decided = match decide(walk).await {
        Ok(decided) => decided,
        Err(error) => {
            if is_missing(&error) {
                tell(walk, Decision { action: Action::Missing, ..empty(walk) }, None);
            }
            return Outcome::Failed(error);
        }
    };
    match weigh(walk, &decided).await {
        Ok((action, load)) => planned(walk, decided, action, load),
        Err(error) => Outcome::Failed(error),
    }
}

/// Reports the decision, and returns the expected outcome.
fn planned(walk: &Walk, decided: Decided, action: Action, load: Load) -> Outcome {
    let Decided { decision, work, .. } = decided;
    let is_brought_first = walk.image.planned.found == Found::Foreseen && action.writes();
    let note = decision.note.clone().or_else(|| is_brought_first.then(|| BROUGHT_FIRST.to_owned()));
    let decision = Decision { action, note, ..decision };
    promise(walk, &decision, &work);
    tell(walk, decision, Some(Arc::new(load)));
    let outcome = match work {
        Work::Skip(_) if action.writes() => Outcome::WouldCopy(action),
        Work::Skip(reason) => Outcome::Skipped(reason),
        Work::Refuse(error) => Outcome::Failed(error),
        Work::Store(_) => Outcome::WouldCopy(action),
    };
    note_standing(walk, walk.image.planned.wanted.referrers, &outcome);
    outcome
}

/// Promises what this image will be to the rules that read it from this target. Content that the target has already
/// is read there.
fn promise(walk: &Walk, decision: &Decision, work: &Work) {
    let source = &walk.image.planned.source;
    let image = |digest: &Digest, source| Promise::Image { digest: digest.clone(), source };
    let promise = || match (work, &decision.result_digest) {
        (Work::Store(stored), Some(digest)) if stored.form.digest() != stored.form.at_source() => {
            let manifest = stored.form.manifest().clone();
            image(digest, Arc::new(PromisedSource::new(manifest, source.clone())))
        }
        (_, Some(digest)) => image(digest, source.clone()),
        (_, None) => Promise::Unforeseen,
    };
    let is_as_at_source = decision.result_digest == decision.source_digest;
    match work {
        Work::Store(stored) if stored.form.is_sparse() => {
            // Only the target's answers can tell which children of a sparse index it has.
            walk.run.awaited.promise(&walk.copy.image, || Promise::Unforeseen);
        }
        Work::Store(_) => walk.run.awaited.promise(&walk.copy.image, promise),
        // The referrers are copied with the image.
        Work::Skip(_) if decision.action == Action::Referrers && is_as_at_source => {
            walk.run.awaited.promise(&walk.copy.image, promise);
        }
        Work::Skip(_) | Work::Refuse(_) => {}
    }
}

fn tell(walk: &Walk, decision: Decision, load: Option<Arc<Load>>) {
    walk.run.tell(&Event::Decided { decision: Box::new(decision), load });
}

/// Whether the source says that it does not have the image itself.
fn is_missing(error: &Error) -> bool {
    error.side == Side::Source
        && matches!(error.operation, Operation::ReadManifest(_) | Operation::Resolve(_))
        && error.kind() == Some(oci::ErrorKind::NotFound)
}

/// Notes that an image is at a target, so that its referrers can be counted.
fn note_standing(walk: &Walk, referrers: WantedReferrers, outcome: &Outcome) {
    let is_followed = match referrers {
        // All tags are copied.
        WantedReferrers::Tagged => return,
        WantedReferrers::None => false,
        // Unwanted referrer tags are not copied.
        WantedReferrers::Untagged => walk.policy().referrers == ReferrerPolicy::Copy,
        WantedReferrers::All => true,
    };
    if let Outcome::Copied { digest, .. }
    | Outcome::Skipped(
        SkipReason::Unchanged(digest) | SkipReason::SameContent { at_source: digest, .. },
    ) = outcome
    {
        let (source, digest) = (&walk.copy.image.source, walk.whole().unwrap_or(digest));
        walk.run.referrer_tags.stands(source, digest, is_followed);
    }
}
