//! What somebody else has stored under an image's name, where that is to stay: it is looked for when it is decided what is to be
//! done, and once more right before the name is set. Hours of blobs may lie between the two.

use oci::{Digest, RawManifest};

use super::at_target::AtTarget;
use super::walk::Walk;
use crate::{Cause, Error, OnConflict, Operation, SkipReason};

/// What is asked right before a manifest is stored.
#[derive(Clone, Copy)]
pub(super) enum LastLook<'a> {
    /// Nothing: nobody else gives it another content, or the rule overwrites that.
    No,
    /// Whether the image's name has something else than this, which it had when the image was decided about.
    Since(Option<&'a Digest>),
}

impl<'a> LastLook<'a> {
    /// What is to be asked before an image gets its name.
    pub(super) fn of(walk: &Walk, decided: Option<&'a Digest>) -> Self {
        if walk.keeps_others() { Self::Since(decided) } else { Self::No }
    }

    /// Asks the target; what it has from somebody else is an error.
    pub(super) async fn look(self, walk: &Walk, manifest: &RawManifest) -> Result<(), Error> {
        let Self::Since(decided) = self else { return Ok(()) };
        let (copy, reference) = (&walk.copy, walk.copy.reference());
        let asked = copy.target.resolve(reference).await;
        let there = asked.map_err(|cause| copy.target_error(Operation::Resolve(reference.clone()), cause))?;
        if there.as_ref() == decided {
            return Ok(());
        }
        let at_target = there.map_or(AtTarget::Absent, AtTarget::Has);
        conflict(walk, manifest.digest(), &at_target).map_or(Ok(()), Err)
    }
}

/// Why the image does not get its name: a task expects something else there, or the rule keeps what is there.
pub(super) fn conflict(walk: &Walk, wanted: &Digest, at_target: &AtTarget) -> Option<Error> {
    let there = at_target.digest();
    if there == Some(wanted) {
        return None;
    }
    // Nothing is stored: it shows when the name is looked up.
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

/// The failure to give the image its name.
pub(super) fn named(walk: &Walk, cause: Cause) -> Error {
    walk.copy.target_error(Operation::PushManifest(walk.copy.reference().clone()), cause)
}

/// Whether an error says that somebody else's image stays.
pub(super) fn is_conflict(error: &Error) -> bool {
    matches!(error.cause, Cause::Conflict { .. } | Cause::Drift { .. })
}

/// What becomes of the image where a conflict is no failure.
pub(super) fn kept(walk: &Walk, at_source: &Digest, error: &Error) -> Option<SkipReason> {
    match &error.cause {
        Cause::Conflict { there, .. } if walk.policy().on_conflict == OnConflict::Keep => {
            Some(SkipReason::Kept { at_target: (**there).clone(), at_source: at_source.clone() })
        }
        _ => None,
    }
}
