//! Detects images that another client has stored under an image's reference and that the rule keeps. The check runs
//! when the copy is decided, and again right before the reference is set: hours of blob transfers may lie between the
//! two.

use oci::{Digest, RawManifest, TagOrDigest};

use super::at_target::AtTarget;
use super::walk::Walk;
use crate::{Cause, Error, OnConflict, Operation, SkipReason};

/// The check right before a manifest is stored.
#[derive(Clone, Copy)]
pub(super) enum LastLook<'a> {
    /// None: no other client changes the reference, or the rule overwrites it.
    No,
    /// Whether the reference has changed since the copy was decided, when it had this digest.
    Since(Option<&'a Digest>),
    /// Whether this tag of a referrer, which the rule keeps if another client has set it, has other content.
    Keeping(&'a TagOrDigest),
}

impl<'a> LastLook<'a> {
    /// The check that an image needs before its reference is set.
    pub(super) fn of(walk: &Walk, decided: Option<&'a Digest>) -> Self {
        if walk.keeps_others() { Self::Since(decided) } else { Self::No }
    }

    /// The check that a referrer's tag needs before it is set.
    pub(super) fn of_tag(walk: &Walk, reference: &'a TagOrDigest) -> Self {
        if walk.keeps_others() { Self::Keeping(reference) } else { Self::No }
    }

    /// Resolves the reference at the target; another client's content is an error.
    pub(super) async fn look(self, walk: &Walk, manifest: &RawManifest) -> Result<(), Error> {
        let decided = match self {
            Self::No => return Ok(()),
            Self::Since(decided) => decided,
            Self::Keeping(reference) => {
                return stays_free(walk, reference, manifest.digest()).await.map(drop);
            }
        };
        let there = resolve(walk, walk.copy.reference()).await?;
        if there.as_ref() == decided {
            return Ok(());
        }
        let at_target = there.map_or(AtTarget::Absent, AtTarget::Has);
        conflict(walk, manifest.digest(), &at_target).map_or(Ok(()), Err)
    }
}

/// The digest of a reference at the target.
async fn resolve(walk: &Walk, reference: &TagOrDigest) -> Result<Option<Digest>, Error> {
    let asked = walk.copy.target.resolve(reference).await;
    asked.map_err(|cause| walk.copy.target_error(Operation::Resolve(reference.clone()), cause))
}

/// What a referrer's tag at the target has: the wanted digest, or nothing. Other content there is an error.
pub(super) async fn stays_free(
    walk: &Walk,
    reference: &TagOrDigest,
    wanted: &Digest,
) -> Result<Option<Digest>, Error> {
    match resolve(walk, reference).await? {
        Some(there) if there != *wanted => {
            let (there, wanted) = (Box::new(there), Box::new(wanted.clone()));
            let operation = Operation::Resolve(reference.clone());
            Err(walk.copy.target_error(operation, Cause::Conflict { there, wanted }))
        }
        there => Ok(there),
    }
}

/// Why the image's reference is not set: a task expects other content there, or the rule keeps the content.
pub(super) fn conflict(walk: &Walk, wanted: &Digest, at_target: &AtTarget) -> Option<Error> {
    let there = at_target.digest();
    if there == Some(wanted) {
        return None;
    }
    // Nothing is stored: the conflict shows at the lookup of the reference.
    let looking_up = Operation::Resolve(walk.copy.reference().clone());
    let error = |cause| Some(walk.copy.target_error(looking_up, cause));
    if let Some(expected) = &walk.image.planned.expected
        && !expected.is_met_by(there)
    {
        let (expected, there) = (Box::new(expected.clone()), there.cloned().map(Box::new));
        return error(Cause::Drift { expected, there });
    }
    match walk.policy().on_conflict {
        OnConflict::Overwrite => None,
        OnConflict::Keep | OnConflict::Fail => {
            error(Cause::Conflict { there: Box::new(there?.clone()), wanted: Box::new(wanted.clone()) })
        }
    }
}

/// An error of the push of the image's manifest.
pub(super) fn named(walk: &Walk, cause: Cause) -> Error {
    walk.copy.target_error(Operation::PushManifest(walk.copy.reference().clone()), cause)
}

/// Whether the error says that another client's image stays.
pub(super) fn is_conflict(error: &Error) -> bool {
    matches!(error.cause, Cause::Conflict { .. } | Cause::Drift { .. })
}

/// The skip reason for an image whose rule does not treat a conflict as a failure.
pub(super) fn kept(walk: &Walk, at_source: &Digest, error: &Error) -> Option<SkipReason> {
    match &error.cause {
        Cause::Conflict { there, .. } if walk.policy().on_conflict == OnConflict::Keep => {
            Some(SkipReason::Kept { at_target: (**there).clone(), at_source: at_source.clone() })
        }
        _ => None,
    }
}
