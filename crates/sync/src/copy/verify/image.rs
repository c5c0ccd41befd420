//! One image at one of its targets: checks it, repairs it where that is wanted, and checks it again.

use std::sync::Arc;

use futures_util::FutureExt as _;
use oci::Digest;

use super::super::image::reached;
use super::super::source_image::SourceImage;
use super::super::walk::Walk;
use super::closure::Closure;
use super::findings::{Findings, problem};
use super::inspector::{Inspector, Notes, below};
use super::mend::{Brought, mend};
use super::root::{self, Content, Root};
use crate::engine::run::{ImageCopy, Run};
use crate::engine::verification::{Repair, Verification};
use crate::{Error, Mended, Outcome, Problem, ProblemKind, ProblemState, SkipReason, Standing, Verdict};

/// Checks one image at one of its targets; returns what was found.
pub(crate) async fn verify_image(
    run: Arc<Run>,
    image: Arc<SourceImage>,
    copy: Arc<ImageCopy>,
    verification: Verification,
) -> (Arc<ImageCopy>, Outcome) {
    reached(run, image, copy, move |walk| {
        async move { Box::pin(verify(walk, verification)).await.unwrap_or_else(Outcome::Failed) }.boxed()
    })
    .await
}

/// What was found about an image.
struct Found {
    root: Root,
    findings: Findings,
}

async fn verify(walk: &Walk, verification: Verification) -> Result<Outcome, Arc<Error>> {
    let mut inspector = Inspector::new(walk, verification);
    let mut found = look(&inspector).await?;
    if matches!(found.root, Root::Unwanted) {
        return Ok(Outcome::Skipped(SkipReason::NoPlatform));
    }
    let is_repaired = verification.repair == Repair::Broken && !found.is_well();
    let mut mended = Mended::Nothing;
    if is_repaired {
        let mut brought = Box::pin(mend(walk, &found.root, &found.findings)).await;
        // If the whole image was missing, the content below it was not checked yet, and needs notes for its repair.
        let notes = if matches!(brought, Ok(Brought::Image)) { Notes::Taken } else { Notes::None };
        inspector.look_again(notes);
        found = look(&inspector).await?;
        if notes == Notes::Taken && !found.is_well() && !found.is_name_wrong() {
            brought = Box::pin(mend(walk, &found.root, &found.findings)).await;
            inspector.look_again(Notes::None);
            found = look(&inspector).await?;
        }
        mended = match found.standing() {
            Standing::Whole => Mended::All,
            Standing::Kept => Mended::Nothing,
            _ => Mended::NotAll(brought.err()),
        };
    }
    Ok(Outcome::Verified(Arc::new(found.verdict(mended))))
}

async fn look(inspector: &Inspector<'_>) -> Result<Found, Arc<Error>> {
    let at_name = root::look(inspector).await?;
    let mut closure = Closure::new(inspector);
    match (&at_name.root, &at_name.right) {
        (_, Some(right)) => {
            let below = Arc::new(below(&right.links));
            inspector.take(&right.manifest, &below).await;
            closure.look_below(below).await?;
            if right.content == Content::Same {
                closure.look_at_referrers(right.manifest.digest()).await?;
            }
        }
        (Root::Broken(_, Some(form)), None) => {
            closure.look_below(Arc::new(below(&form.links()))).await?;
            closure.look_at_referrers(form.digest()).await?;
        }
        (_, None) => {}
    }
    let findings = closure.findings;
    Ok(Found { root: at_name.root, findings })
}

impl Found {
    fn standing(&self) -> Standing {
        match &self.root {
            Root::Missing(_) => Standing::Missing,
            Root::Other { .. } => Standing::Different,
            Root::Kept { .. } => Standing::Kept,
            Root::Right(_) | Root::Unwanted => self.findings.standing(),
            Root::Broken(broken, _) => match (problem(broken), self.findings.standing()) {
                (Some((ProblemState::Unreadable, _)), Standing::Whole | Standing::Unreadable) => {
                    Standing::Unreadable
                }
                _ => Standing::Incomplete,
            },
        }
    }

    fn is_well(&self) -> bool {
        matches!(self.standing(), Standing::Whole | Standing::Kept)
    }

    fn is_name_wrong(&self) -> bool {
        matches!(self.root, Root::Missing(_) | Root::Other { .. })
    }

    /// What the target has under the reference.
    fn digest(&self) -> Option<Digest> {
        match &self.root {
            Root::Right(there) | Root::Other { there, .. } | Root::Kept { there, .. } => Some(there.clone()),
            Root::Missing(_) | Root::Broken(..) | Root::Unwanted => None,
        }
    }

    /// The problem of the reference, or of what it points at.
    fn root_problem(&self) -> Option<Problem> {
        let kind = ProblemKind::Tag;
        let tag = |digest, state, instead| Problem { digest, kind, state, why: None, instead };
        match &self.root {
            Root::Right(_) | Root::Unwanted => None,
            Root::Missing(wanted) => Some(tag(wanted.clone(), ProblemState::Missing, None)),
            Root::Other { wanted, there } | Root::Kept { wanted, there } => {
                Some(tag(Some(wanted.clone()), ProblemState::Wrong, Some(there.clone())))
            }
            Root::Broken(broken, form) => {
                let (state, why) = problem(broken)?;
                let digest = form.as_ref().map(|form| form.digest().clone());
                Some(Problem { digest, kind: ProblemKind::Manifest, state, why, instead: None })
            }
        }
    }

    fn verdict(self, mended: Mended) -> Verdict {
        let (standing, digest) = (self.standing(), self.digest());
        let problems = self.root_problem().into_iter().chain(self.findings.problems).collect();
        Verdict { standing, digest, problems, mended }
    }
}
