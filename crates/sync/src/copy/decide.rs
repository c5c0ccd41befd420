//! Decides what to do with an image at one of its targets: looks up what the target has, and reads what it should have.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::{Either, select};
use oci::{Digest, ErrorKind, RawManifest, TagOrDigest};

use super::at_target::{
    AtTarget, Same, compare, has_children, look_again, look_at_target, may_lack_children,
};
use super::conflict::{conflict, kept, named};
use super::index_form::{Form, Forms, remembered_as};
use super::platform::Selected;
use super::walk::Walk;
use crate::engine::ImageRead;
use crate::memory::ledger::Kind;
use crate::memory::refusals::Refused;
use crate::memory::sparse_indexes::Children;
use crate::memory::target_repository::Found;
use crate::plan::decision::{Action, Decision};
use crate::plan::wanted::Wanted;
use crate::{AttestationPolicy, Cause, Error, Operation, Rewrite, SkipReason};

/// What to do, with what was read to decide it.
pub(super) struct Decided {
    pub(super) decision: Decision,
    pub(super) work: Work,
    /// The reservation of memory for what was read.
    pub(super) read: Option<ImageRead>,
}

/// The work that carries out a decision.
pub(super) enum Work {
    /// Nothing.
    Skip(SkipReason),
    /// Nothing; the image fails.
    Refuse(Arc<Error>),
    /// Store this manifest, with everything that it refers to, under the image's reference.
    Store(Box<Stored>),
}

/// What to store at the target.
pub(super) struct Stored {
    pub(super) form: Form,
    /// What the target has under the image's reference.
    pub(super) there: Option<Digest>,
    pub(super) shows: Shows,
}

/// Whether the target has said what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    Told,
    Not,
}

/// Decides what to do; an error fails the image. While the target is asked, the source finds out where it can be reached.
pub(super) async fn decide(walk: &Walk) -> Result<Decided, Arc<Error>> {
    let decided = std::pin::pin!(async {
        let at_target = look_at_target(walk).await?;
        decide_with(walk, at_target).await
    });
    let decided = match select(decided, walk.image.planned.source.connect()).await {
        Either::Left((decided, _)) => decided,
        Either::Right(((), decided)) => decided.await,
    };
    decided.map(|decided| as_planned(walk, decided))
}

/// Refuses to store a manifest whose digest differs from the planned one.
fn as_planned(walk: &Walk, decided: Decided) -> Decided {
    let result = match &decided.work {
        Work::Store(stored) => stored.form.digest(),
        Work::Skip(SkipReason::Unchanged(digest) | SkipReason::SameContent { at_target: digest, .. }) => {
            digest
        }
        Work::Skip(_) | Work::Refuse(_) => return decided,
    };
    match other_result(walk, result) {
        Some(error) => Decided { work: Work::Refuse(error), ..decided },
        None => decided,
    }
}

/// The error for a manifest with this digest, if the plan names another digest.
pub(super) fn other_result(walk: &Walk, digest: &Digest) -> Option<Arc<Error>> {
    let planned = walk.image.planned.result.as_ref().filter(|planned| *planned != digest)?;
    let (planned, actual) = (Box::new(planned.clone()), Box::new(digest.clone()));
    Some(Arc::new(named(walk, Cause::OtherResult { planned, actual })))
}

/// The same, when it is known what the target has.
pub(super) async fn decide_with(walk: &Walk, at_target: AtTarget) -> Result<Decided, Arc<Error>> {
    let known = digest_if_needed(walk, at_target.digest()).await;
    if let (Some(Known { at_source, .. }), Some(there)) = (&known, at_target.digest())
        && is_known(walk, at_source, there)
    {
        return Ok(unchanged(walk, at_source.clone(), there.clone()));
    }
    let reference = match known {
        Some(Known { at_source, told: Told::Now, .. }) => TagOrDigest::Digest(at_source),
        // The digest from a listing may be outdated.
        Some(Known { told: Told::ByList, .. }) | None => walk.image.planned.reference.clone(),
    };
    let mut read = walk.copy.image_read(&walk.run).await;
    let (whole, ()) =
        tokio::join!(walk.read_manifest(&reference), walk.copy.repository.list_if_one_is_missing());
    let whole = whole.map_err(|error| of_the_image(walk, error))?;
    read.came(&whole);
    Ok(Decided { read: Some(read), ..decide_about(walk, whole, &at_target).await? })
}

/// If a digest that a rule names is not found, the image itself is missing, not a part of it.
fn of_the_image(walk: &Walk, error: Arc<Error>) -> Arc<Error> {
    let reference = &walk.image.planned.reference;
    let is_named = matches!(reference, TagOrDigest::Digest(_))
        && error.operation == Operation::ReadManifest(reference.clone());
    if !is_named || error.kind() != Some(ErrorKind::NotFound) {
        return error;
    }
    let looking_up = |error: Error| Error { operation: Operation::Resolve(reference.clone()), ..error };
    Arc::try_unwrap(error).map_or_else(|shared| shared, |error| Arc::new(looking_up(error)))
}

/// Whether the target is known to have the wanted content for this source digest, without reading the manifest.
fn is_known(walk: &Walk, at_source: &Digest, there: &Digest) -> bool {
    let (run, target, policy) = (&walk.run, &*walk.copy.target, walk.policy());
    if policy.rewrite == Rewrite::Always {
        return false;
    }
    let wanted = Children::wanted_by(&policy.platforms);
    let remembered = || run.state.cut(at_source, &remembered_as(policy, target.name()));
    if there != at_source {
        let is_known = remembered().as_ref() == Some(there);
        if is_known {
            walk.note_whole(at_source);
        }
        return is_known;
    }
    match run.sparse_indexes.children(&run.state, target, there) {
        // All platforms are wanted, or the filter matches all children, or the rule allows unwanted children to be present.
        Some(Children::All) => {
            wanted == Children::All || policy.may_be_sparse() || remembered().as_ref() == Some(there)
        }
        Some(children) => children == wanted && policy.may_be_sparse(),
        None => false,
    }
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
    Decided { decision, work: Work::Skip(SkipReason::Unchanged(digest)), read: None }
}

/// A decision about this image before anything is known of it.
pub(super) fn empty(walk: &Walk) -> Decision {
    let (rule, image) = (walk.copy.rule, walk.copy.image.clone());
    let Wanted { policy, referrers } = walk.image.planned.wanted.clone();
    let (source_digest, target_digest, result_digest, note) = Default::default();
    let action = Action::Create;
    Decision { rule, image, source_digest, target_digest, result_digest, action, note, policy, referrers }
}

/// Decides about an image after its manifest was read.
async fn decide_about(walk: &Walk, whole: RawManifest, at_target: &AtTarget) -> Result<Decided, Arc<Error>> {
    let at_source = whole.digest().clone();
    let decision = Decision {
        source_digest: Some(at_source.clone()),
        target_digest: at_target.digest().cloned(),
        ..empty(walk)
    };
    let unwanted = match walk.select_platforms(&whole).await? {
        Selected::AllBut(unwanted) => unwanted,
        Selected::Nothing => {
            let note = Some("no platform of it is wanted".to_owned());
            let decision = Decision { action: Action::Unchanged, note, ..decision };
            return Ok(Decided { decision, work: Work::Skip(SkipReason::NoPlatform), read: None });
        }
    };
    let forms = forms(walk, whole, at_source, unwanted).await?;
    match found(walk, &forms, at_target).await? {
        There::Whole(form) => {
            walk.visited().meet_children(form.digest(), &form.links().manifests);
            Ok(unchanged(walk, form.at_source().clone(), form.digest().clone()))
        }
        There::WithoutChildren(form) => {
            let note = Some("the target lacks some of it".to_owned());
            settle(walk, form, at_target, Decision { note, ..decision }).await
        }
        There::Not => settle(walk, forms.first, at_target, decision).await,
    }
}

/// The forms in which the image may be stored at the target.
pub(super) async fn forms(
    walk: &Walk,
    whole: RawManifest,
    at_source: Digest,
    unwanted: HashSet<Digest>,
) -> Result<Forms, Arc<Error>> {
    let (policy, target, state) = (walk.policy(), &*walk.copy.target, &walk.run.state);
    let whole = walk.with_what_it_lacks(whole, walk.image.planned.wanted.referrers).await?;
    let refuses_sparse = walk.refuses(Refused::SparseIndexes) || state.refuses_sparse(target);
    // Without a state no run would remember that an index is sparse.
    let rewrites = refuses_sparse || !state.is_kept();
    let verbatim = Form::verbatim(whole, at_source.clone(), unwanted, policy);
    let forms = verbatim.all(policy, rewrites).map_err(|source| walk.unusable(&at_source, source))?;
    // The plan's result was found by asking the target: try that form first.
    let forms = forms.beginning_with(walk.image.planned.result.as_ref());
    let is_told = policy.platforms.is_active() && policy.attestations == AttestationPolicy::Keep;
    if let Some(cut) = forms.iter().find(|form| is_told && !form.is_sparse()) {
        state.note_cut(&at_source, &remembered_as(policy, target.name()), cut.digest());
    }
    if forms.first.is_rewritten() {
        walk.note_whole(&at_source);
    }
    refuse_other_digest(walk, forms.first.manifest())?;
    Ok(forms)
}

/// What the target has under the image's reference.
enum There {
    /// One of the forms, with all wanted children.
    Whole(Form),
    /// One of the forms, without all wanted children.
    WithoutChildren(Form),
    Not,
}

/// Finds which form of the image the target has. A target that accepts sparse indexes may have an index without its
/// children.
async fn found(walk: &Walk, forms: &Forms, at_target: &AtTarget) -> Result<There, Arc<Error>> {
    let (run, target, policy) = (&walk.run, &*walk.copy.target, walk.policy());
    let is_there =
        |form: &&Form| policy.rewrite == Rewrite::Changed && at_target.digest() == Some(form.digest());
    let Some(form) = forms.iter().find(is_there).cloned() else { return Ok(There::Not) };
    if may_lack_children(walk, &form) && !has_children(walk, &form.links().manifests).await? {
        return Ok(There::WithoutChildren(form));
    }
    if form.is_rewritten() {
        walk.note_whole(form.at_source());
    } else {
        let children = if form.is_sparse() { Children::wanted_by(&policy.platforms) } else { Children::All };
        run.sparse_indexes.note(&run.state, target, form.digest(), &children);
    }
    Ok(There::Whole(form))
}

/// Decides about an image whose reference at the target is missing, different or incomplete.
async fn settle(
    walk: &Walk,
    form: Form,
    at_target: &AtTarget,
    decision: Decision,
) -> Result<Decided, Arc<Error>> {
    // A listing may be hours old: if the rule keeps other clients' images, ask the target again.
    let fresh = if walk.keeps_others() { Some(look_again(walk).await?) } else { None };
    let at_target = fresh.as_ref().unwrap_or(at_target);
    let there = at_target.digest();
    let decision = Decision { target_digest: there.cloned(), ..decision };
    let is_repaired = walk.policy().rewrite == Rewrite::Changed && there == Some(form.digest());
    if let Some(there) = there.filter(|_| !is_repaired) {
        match compare(walk, &form, there).await? {
            Same::Content => {
                let (at_target, at_source) = (there.clone(), form.at_source().clone());
                let note = Some("the target has the same content in other bytes".to_owned());
                let result_digest = Some(at_target.clone());
                let decision = Decision { action: Action::Unchanged, result_digest, note, ..decision };
                let work = Work::Skip(SkipReason::SameContent { at_target, at_source });
                return Ok(Decided { decision, work, read: None });
            }
            Same::Not => {}
        }
    }
    if let Some(error) = conflict(walk, form.digest(), at_target) {
        let (result_digest, action) = (there.cloned(), Action::Conflict);
        let decision = Decision { result_digest, action, ..decision };
        let work =
            kept(walk, form.at_source(), &error).map_or_else(|| Work::Refuse(Arc::new(error)), Work::Skip);
        return Ok(Decided { decision, work, read: None });
    }
    let action = if there.is_some() { Action::Update } else { Action::Create };
    let is_known = is_repaired || !form.is_open(walk.policy());
    let result_digest = is_known.then(|| form.digest().clone());
    let shows = if *at_target == AtTarget::Unknown { Shows::Not } else { Shows::Told };
    let work = Work::Store(Box::new(Stored { form, there: there.cloned(), shows }));
    Ok(Decided { decision: Decision { result_digest, action, ..decision }, work, read: None })
}

/// What is known of an image before its manifest is read.
struct Known {
    at_source: Digest,
    told: Told,
}

/// How fresh a known digest is.
pub(super) enum Told {
    Now,
    /// From a listing of the whole repository, which may be hours old.
    ByList,
}

/// The digest at the source, if the target has a digest to compare it with. The manifest tells the digest, too, so a
/// HEAD is spent only where it may save that read.
async fn digest_if_needed(walk: &Walk, at_target: Option<&Digest>) -> Option<Known> {
    let (state, platforms) = (&walk.run.state, &walk.policy().platforms);
    if platforms.is_active() && !state.is_kept() {
        // The stored manifest may have another digest than the source's.
        return None;
    }
    let (at_source, told) = digest_at_source(walk, at_target).await?;
    Some(Known { at_source, told })
}

pub(super) async fn digest_at_source(walk: &Walk, at_target: Option<&Digest>) -> Option<(Digest, Told)> {
    let reference = &walk.image.planned.reference;
    let tag = match reference {
        TagOrDigest::Digest(digest) => return Some((digest.clone(), Told::Now)),
        TagOrDigest::Tag(tag) => tag,
    };
    at_target?;
    if walk.image.planned.found == Found::Listed
        && let Some(digest) = walk.source.bulk_tags().await.and_then(|known| known.digests.get(tag).cloned())
    {
        return Some((digest, Told::ByList));
    }
    // If the lookup fails, reading the manifest will report the reason.
    walk.resolve(reference).await.ok().flatten().map(|digest| (digest, Told::Now))
}

/// Refuses to store a manifest under a reference that is another manifest's digest.
pub(super) fn refuse_other_digest(walk: &Walk, manifest: &RawManifest) -> Result<(), Arc<Error>> {
    match walk.copy.reference() {
        TagOrDigest::Digest(wanted) if wanted != manifest.digest() => {
            let (wanted, actual) = (Box::new(wanted.clone()), Box::new(manifest.digest().clone()));
            let cause = Cause::OtherDigest { wanted, actual };
            Err(Arc::new(walk.source_error(Operation::Pair, cause)))
        }
        _ => Ok(()),
    }
}
