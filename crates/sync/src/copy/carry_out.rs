//! Carries out a decision about an image: brings what is missing, and sets the tag last. If a target refuses an index
//! in one form, it gets another form, where the rule allows it.

use std::sync::Arc;

use oci::{Digest, ErrorKind, Links, ManifestError};

use super::at_target::may_lack_children;
use super::conflict::{LastLook, is_conflict, kept};
use super::decide::{Decided, Shows, Stored, Work, other_result, refuse_other_digest};
use super::index_form::{Form, remembered_as};
use super::manifest::{as_meaning, refuses_kind};
use super::shown::check_shown;
use super::walk::Walk;
use crate::endpoint::{EndpointError, Meaning};
use crate::engine::run::ImageCopy;
use crate::memory::ledger::{Came, Claim, Claimed};
use crate::memory::refusals::Refused;
use crate::memory::sparse_indexes::Children;
use crate::{AttestationPolicy, Error, IndexPolicy, Operation, Outcome, Rewrite, SkipReason};

/// Does what was decided; returns the image's outcome.
pub(super) async fn carry_out(walk: &Walk, decided: Decided) -> Outcome {
    // Held until the image is done.
    let _read = decided.read;
    match decided.work {
        Work::Skip(reason) => Outcome::Skipped(reason),
        Work::Refuse(error) => Outcome::Failed(error),
        Work::Store(stored) => {
            let at_source = stored.form.at_source().clone();
            store(walk, *stored).await.unwrap_or_else(|error| not_stored(walk, &at_source, error))
        }
    }
}

/// The outcome of an image that was not stored under its reference.
fn not_stored(walk: &Walk, at_source: &Digest, error: Arc<Error>) -> Outcome {
    kept(walk, at_source, &error).map_or(Outcome::Failed(error), Outcome::Skipped)
}

async fn store(walk: &Walk, Stored { mut form, there, shows }: Stored) -> Result<Outcome, Arc<Error>> {
    prepare(walk).await?;
    // If the target has this form already, it lacks children of it.
    let is_there =
        |form: &Form| walk.policy().rewrite == Rewrite::Changed && there.as_ref() == Some(form.digest());
    let is_repaired = is_there(&form);
    let refused = walk.bring_attestations(&form).await?;
    if !refused.is_empty() {
        form = settled(walk, &form, form.without(&refused))?;
    }
    let mut last_refusal = None;
    while is_repaired || !is_there(&form) {
        if form.is_sparse()
            && walk.policy().index == IndexPolicy::Auto
            && walk.refuses(Refused::SparseIndexes)
        {
            // Another image of this run got a sparse index refused in the meantime.
            form = settled(walk, &form, form.without_names())?;
        }
        let Some(NotTaken { error, claim }) = bring(walk, &form, there.as_ref()).await? else { break };
        let Some((what, next)) = instead(walk, &form, &error) else {
            return Err(refused_for_good(walk, &form, error, claim));
        };
        drop(claim);
        last_refusal = Some((what, error));
        form = settled(walk, &form, next)?;
    }
    // The target took the other form, so it refused the previous one for its form.
    if let Some((what, error)) = last_refusal {
        learn(walk, what, &error);
    }
    if shows == Shows::Not {
        check_shown(walk, form.digest()).await?;
    }
    remember(walk, &form);
    walk.visited().meet_children(form.digest(), &form.links().manifests);
    let (digest, at_source) = (form.digest().clone(), form.at_source().clone());
    Ok(if is_there(&form) && !is_repaired {
        Outcome::Skipped(SkipReason::Unchanged(digest))
    } else {
        walk.count_left_of(&form.absent(), walk.image.planned.wanted.referrers).await;
        let replaced = there.filter(|there| *there != digest);
        Outcome::Copied { digest, at_source, replaced, left_out: form.left_out() }
    })
}

/// The new form, unless it cannot be stored under the image's reference.
fn settled(walk: &Walk, old: &Form, new: Result<Form, ManifestError>) -> Result<Form, Arc<Error>> {
    let new = new.map_err(|source| walk.unusable(old.at_source(), source))?;
    refuse_other_digest(walk, new.manifest())?;
    other_result(walk, new.digest()).map_or(Ok(new), Err)
}

/// The form to try after the target refused this one, and what the refusal means; `None` if the rule allows no other form.
fn instead(walk: &Walk, form: &Form, error: &Error) -> Option<(Refused, Result<Form, ManifestError>)> {
    let policy = walk.policy();
    if form.is_sparse() && policy.index == IndexPolicy::Auto && is_of_form(error) {
        return Some((Refused::SparseIndexes, form.without_names()));
    }
    let attestations = form.droppable(policy);
    let may_drop = !attestations.is_empty() && refuses_kind(error);
    may_drop.then(|| (Refused::IndexesWithAttestations, form.without(&attestations)))
}

/// Whether a target may have refused a manifest for its form. Registries have no error code for sparse indexes: most
/// report missing content, Quay calls the index invalid, and a policy may deny it.
fn is_of_form(error: &Error) -> bool {
    let is_final = |error: &EndpointError| {
        !error.is_retryable
            && matches!(error.kind, ErrorKind::Rejected | ErrorKind::NotFound | ErrorKind::Denied)
            && matches!(error.meaning, Meaning::None | Meaning::MissesContent | Meaning::Attestation)
    };
    matches!(error.operation, Operation::PushManifest(_)) && error.endpoint().is_some_and(is_final)
}

fn refused_for_good(walk: &Walk, form: &Form, error: Arc<Error>, claim: Option<Claimed>) -> Arc<Error> {
    let is_of_sparse = form.is_sparse() && is_of_form(&error) && error.kind() != Some(ErrorKind::Denied);
    let error = if is_of_sparse { as_meaning(error, Meaning::SparseIndex) } else { error };
    walk.fail(error.clone(), form.manifest(), claim);
    error
}

fn learn(walk: &Walk, what: Refused, error: &Error) {
    if what == Refused::SparseIndexes {
        walk.run.state.note_sparse_refusal(&*walk.copy.target);
    }
    walk.learn_refusal(what, error);
}

/// Records the stored image in the state.
fn remember(walk: &Walk, form: &Form) {
    let (run, target, policy) = (&walk.run, &*walk.copy.target, walk.policy());
    if form.is_rewritten() {
        walk.note_whole(form.at_source());
    }
    if form.is_whole() {
        run.sparse_indexes.note(&run.state, target, form.digest(), &Children::All);
    }
    if policy.attestations == AttestationPolicy::Drop && !form.is_sparse() {
        run.state.note_cut(form.at_source(), &remembered_as(policy, target.name()), form.digest());
    }
}

/// Prepares the target's repository for pushes.
async fn prepare(walk: &Walk) -> Result<(), Arc<Error>> {
    let copy = &walk.copy;
    let step = async || {
        let prepared = copy.target.prepare().await;
        prepared.map_err(|cause| copy.target_error(Operation::Prepare, cause))
    };
    walk.run.retrying(copy, step).await
}

/// Whether a lookup of the manifest by digest saves nothing: its blobs are looked up at no cost, and if the target
/// has all of them, only the manifest is sent.
fn blobs_tell(links: &Links, copy: &ImageCopy) -> bool {
    links.manifests.is_empty() && copy.ledger.asks_by_uploads(copy.target.repository(), &links.blobs)
}

/// The target refused a manifest although it has all content that was to be brought for it.
struct NotTaken {
    error: Arc<Error>,
    claim: Option<Claimed>,
}

/// Brings the image's graph to the target, each digest once for a repository, then stores the manifest under the
/// image's reference. `there` is the digest that the reference had when the copy was decided.
async fn bring(walk: &Walk, form: &Form, there: Option<&Digest>) -> Result<Option<NotTaken>, Arc<Error>> {
    let (copy, digest) = (&walk.copy, form.digest());
    let claim = loop {
        if let Some(failure) = copy.failure() {
            return Err(failure.clone());
        }
        match walk.claim(digest) {
            Claim::Theirs(waiting) => walk.wait_for(waiting).await,
            Claim::Present if may_lack_children(walk, form) => {
                walk.visited().note_brought();
                walk.copy_parts(form.links()).await;
                break None;
            }
            Claim::Present => break None,
            Claim::Mine(claim) => {
                // If the target has the manifest under another tag, or by digest only, just the tag is missing.
                let may_be_all = !may_lack_children(walk, form) && !blobs_tell(&form.links(), copy);
                if may_be_all && walk.target_has(digest).await {
                    claim.complete(Came::Found);
                    break None;
                }
                walk.visited().note_brought();
                walk.copy_parts(form.links()).await;
                break Some(claim);
            }
        }
    };
    if let Some(failure) = copy.failure() {
        if let Some(claim) = claim {
            walk.hand_on(claim, digest, &form.links());
        }
        return Err(failure.clone());
    }
    put(walk, form, claim, LastLook::of(walk, there)).await
}

/// Stores the manifest under the image's reference. First notes that an index is sparse, so that no later run takes
/// it for complete.
async fn put(
    walk: &Walk,
    form: &Form,
    claim: Option<Claimed>,
    last_look: LastLook<'_>,
) -> Result<Option<NotTaken>, Arc<Error>> {
    let (run, target) = (&walk.run, &*walk.copy.target);
    let before = run.sparse_indexes.children(&run.state, target, form.digest());
    if form.is_sparse() {
        let wanted = Children::wanted_by(&walk.policy().platforms);
        run.sparse_indexes.note_before(&run.state, target, form.digest(), &wanted).await;
    }
    let stored = walk.put(form.manifest(), walk.copy.reference(), &form.absent(), last_look).await;
    let Err(error) = stored else { return Ok(None) };
    // Without an answer the target may have stored the index all the same.
    let is_refused = error.endpoint().is_some_and(|error| !error.is_retryable);
    if form.is_sparse() && (is_refused || is_conflict(&error)) {
        run.sparse_indexes.restore(&run.state, target, form.digest(), before.as_ref());
    }
    match walk.copy.failure() {
        Some(failure) => Err(failure.clone()),
        // Dropping the claim leaves it to the next copy that wants the manifest.
        None if is_conflict(&error) => Err(error),
        None => Ok(Some(NotTaken { error, claim })),
    }
}
