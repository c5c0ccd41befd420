//! Decides what is to be done about an image at one of its targets: looks what the target has, and reads what it should have.

use std::sync::Arc;

use oci::{Digest, RawManifest, TagOrDigest};

use super::at_target::{AtTarget, Same, compare, look_at_target};
use super::manifest::Walk;
use super::platform::Selected;
use crate::memory::ledger::Kind;
use crate::memory::target_repository::Found;
use crate::plan::decision::{Action, Decision};
use crate::{Cause, Error, OnConflict, Operation, Rewrite, SkipReason};

/// What is to be done, with what was read to know it.
pub(super) struct Decided {
    pub(super) decision: Decision,
    pub(super) work: Work,
}

/// What carries a decision out.
pub(super) enum Work {
    /// Nothing.
    Skip(SkipReason),
    /// Nothing, and that is a failure.
    Refuse(Arc<Error>),
    /// The target gets this manifest with all below it, under the image's name.
    Store(Stored),
}

/// What the target gets.
pub(super) struct Stored {
    pub(super) manifest: RawManifest,
    /// The digest at the source: another one, where something is left out.
    pub(super) at_source: Digest,
}

/// Decides; what keeps it from that is the image's failure.
pub(super) async fn decide(walk: &Walk) -> Result<Decided, Arc<Error>> {
    let at_target = look_at_target(walk).await?;
    let known = digest_if_needed(walk, at_target.digest()).await;
    if let Some(Known { at_source, stored: Some(stored), .. }) = &known
        && stored != at_source
    {
        walk.note_whole(at_source);
    }
    if let Some(Known { at_source, stored: Some(stored), .. }) = &known
        && is_there(walk, &at_target, stored)
    {
        return Ok(unchanged(walk, at_source.clone(), stored.clone()));
    }
    let reference = match known {
        Some(Known { at_source, told: Told::Now, .. }) => TagOrDigest::Digest(at_source),
        // What a list said may be over.
        Some(Known { told: Told::ByList, .. }) | None => walk.image.reference.clone(),
    };
    let whole = walk.read_manifest(&reference).await?;
    decide_about(walk, whole, &at_target).await
}

/// Whether the target has what it should have, and nothing else is wanted.
fn is_there(walk: &Walk, at_target: &AtTarget, wanted: &Digest) -> bool {
    walk.policy().rewrite == Rewrite::Changed && at_target.digest() == Some(wanted)
}

fn unchanged(walk: &Walk, at_source: Digest, digest: Digest) -> Decided {
    let copy = &walk.copy;
    copy.ledger.note_present(Kind::Manifest, copy.target.repository(), &digest);
    let decision = Decision {
        source_digest: Some(at_source),
        target_digest: Some(digest.clone()),
        result_digest: Some(digest.clone()),
        action: Action::Unchanged,
        ..empty(walk)
    };
    Decided { decision, work: Work::Skip(SkipReason::Unchanged(digest)) }
}

/// A decision about this image, of which nothing is known yet.
pub(super) fn empty(walk: &Walk) -> Decision {
    let (rule, image) = (walk.copy.rule, walk.copy.image.clone());
    let (source_digest, target_digest, result_digest, note) = Default::default();
    Decision { rule, image, source_digest, target_digest, result_digest, action: Action::Create, note }
}

/// Decides about an image whose manifest was read.
async fn decide_about(walk: &Walk, whole: RawManifest, at_target: &AtTarget) -> Result<Decided, Arc<Error>> {
    let (at_source, platforms) = (whole.digest().clone(), &walk.policy().platforms);
    let decision = Decision {
        source_digest: Some(at_source.clone()),
        target_digest: at_target.digest().cloned(),
        ..empty(walk)
    };
    let manifest = match walk.select_platforms(whole).await? {
        Selected::Image(manifest) => manifest,
        Selected::Nothing => {
            let note = Some("no platform of it is wanted".to_owned());
            let decision = Decision { action: Action::Unchanged, note, ..decision };
            return Ok(Decided { decision, work: Work::Skip(SkipReason::NoPlatform) });
        }
    };
    if platforms.is_active() {
        walk.run.state.note_cut(&at_source, platforms, manifest.digest());
    }
    if at_source != *manifest.digest() {
        walk.note_whole(&at_source);
    }
    let manifest = walk.with_what_it_lacks(manifest, walk.image.wanted.referrers).await?;
    refuse_other_digest(walk, &manifest)?;
    if is_there(walk, at_target, manifest.digest()) {
        return Ok(unchanged(walk, at_source, manifest.digest().clone()));
    }
    let decision = Decision { result_digest: Some(manifest.digest().clone()), ..decision };
    settle(walk, Stored { manifest, at_source }, at_target, decision).await
}

/// What becomes of an image that the target does not have under its name.
async fn settle(
    walk: &Walk,
    stored: Stored,
    at_target: &AtTarget,
    decision: Decision,
) -> Result<Decided, Arc<Error>> {
    let there = at_target.digest();
    if let Some(there) = there {
        match compare(walk, &stored.manifest, there).await? {
            Same::Content => {
                let (at_target, at_source) = (there.clone(), stored.at_source);
                let note = Some("the target has the same content in other bytes".to_owned());
                let result_digest = Some(at_target.clone());
                let decision = Decision { action: Action::Unchanged, result_digest, note, ..decision };
                let work = Work::Skip(SkipReason::SameContent { at_target, at_source });
                return Ok(Decided { decision, work });
            }
            Same::Not => {}
        }
    }
    if let Some(refused) = refused(walk, &stored, at_target) {
        let (result_digest, action) = (there.cloned(), Action::Conflict);
        return Ok(Decided { decision: Decision { result_digest, action, ..decision }, work: refused });
    }
    let action = if there.is_some() { Action::Update } else { Action::Create };
    Ok(Decided { decision: Decision { action, ..decision }, work: Work::Store(stored) })
}

/// What is done in place of writing, where what the target has is to stay.
fn refused(walk: &Walk, stored: &Stored, at_target: &AtTarget) -> Option<Work> {
    let wanted = stored.manifest.digest();
    let fail = |cause| {
        let operation = Operation::PushManifest(walk.copy.reference().clone());
        Some(Work::Refuse(Arc::new(walk.copy.target_error(operation, cause))))
    };
    let there = match at_target {
        AtTarget::Has(there) if there != wanted => Some(there),
        AtTarget::Has(_) => return None,
        AtTarget::Absent | AtTarget::Unknown => None,
    };
    if let Some(expected) = &walk.image.expected
        && !expected.is_met_by(at_target.digest())
    {
        let (expected, there) = (Box::new(expected.clone()), there.cloned().map(Box::new));
        return fail(Cause::Drift { expected, there });
    }
    let there = there?;
    match walk.policy().on_conflict {
        OnConflict::Overwrite => None,
        OnConflict::Keep => Some(Work::Skip(SkipReason::Kept {
            at_target: there.clone(),
            at_source: stored.at_source.clone(),
        })),
        OnConflict::Fail => {
            let (there, wanted) = (Box::new(there.clone()), Box::new(wanted.clone()));
            fail(Cause::Conflict { there, wanted })
        }
    }
}

/// What is known of an image before its manifest is read.
struct Known {
    at_source: Digest,
    told: Told,
    /// What the targets should have; platforms that are left out make it another one.
    stored: Option<Digest>,
}

/// How old the word of a digest is.
enum Told {
    Now,
    /// A list of the whole repository, which may have been read hours ago.
    ByList,
}

/// The digest at the source, if the target has something to compare it with: the manifest itself tells it,
/// too, and a HEAD is spent only where it may save reading that.
async fn digest_if_needed(walk: &Walk, at_target: Option<&Digest>) -> Option<Known> {
    let (state, platforms) = (&walk.run.state, &walk.policy().platforms);
    if platforms.is_active() && !state.is_kept() {
        // What will be stored may have another digest than what is at the source.
        return None;
    }
    let (at_source, told) = digest_at_source(walk, at_target).await?;
    let stored =
        if platforms.is_active() { state.cut(&at_source, platforms) } else { Some(at_source.clone()) };
    Some(Known { at_source, told, stored })
}

async fn digest_at_source(walk: &Walk, at_target: Option<&Digest>) -> Option<(Digest, Told)> {
    let reference = &walk.image.reference;
    let tag = match reference {
        TagOrDigest::Digest(digest) => return Some((digest.clone(), Told::Now)),
        TagOrDigest::Tag(tag) => tag,
    };
    at_target?;
    if walk.image.found == Found::Listed
        && let Some(digest) = walk.source.bulk_tags().await.and_then(|known| known.digests.get(tag).cloned())
    {
        return Some((digest, Told::ByList));
    }
    let step = async || {
        let resolved = walk.source.resolve(reference).await;
        resolved.map_err(|cause| walk.source_error(Operation::Resolve(reference.clone()), cause))
    };
    // Reading the manifest will tell what is wrong, if something is.
    let resolved = walk.run.retrying(&walk.copy, step).await;
    resolved.ok().flatten().map(|digest| (digest, Told::Now))
}

/// A name at the target that is a digest can only be this image's own.
fn refuse_other_digest(walk: &Walk, manifest: &RawManifest) -> Result<(), Arc<Error>> {
    match walk.copy.reference() {
        TagOrDigest::Digest(wanted) if wanted != manifest.digest() => {
            let (wanted, actual) = (Box::new(wanted.clone()), Box::new(manifest.digest().clone()));
            let cause = Cause::OtherDigest { wanted, actual };
            Err(Arc::new(walk.source_error(Operation::Pair, cause)))
        }
        _ => Ok(()),
    }
}
