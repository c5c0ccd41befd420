//! Copies one image to one of its targets: looks what it has, reads the manifest, brings what is missing, and
//! sets the tag last.

use std::sync::Arc;

use oci::{Digest, Links, RawManifest, TagOrDigest};

use super::at_target::{Same, compare, look_at_target};
use super::manifest::Walk;
use super::platform::Selected;
use super::reach::Reach;
use super::referrer::copy_referrers;
use super::source_image::SourceImage;
use crate::engine::run::{ImageCopy, Run};
use crate::memory::ledger::{Came, Claim, Kind};
use crate::memory::target_repository::Found;
use crate::plan::discover::WantedReferrers;
use crate::{Cause, Event, Mode, Operation, Outcome, Rewrite, SkipReason};

/// Copies one image to one of its targets; says how that ended.
pub(crate) async fn copy_image(
    run: Arc<Run>,
    image: Arc<SourceImage>,
    copy: Arc<ImageCopy>,
) -> (Arc<ImageCopy>, Outcome) {
    run.tell(&Event::ImageStarted(copy.image.clone()));
    let shared = image.share();
    if let Some(shared) = &shared {
        shared.gathering.enter(copy.index);
    }
    let reach = Reach::begin(&run, &image.source, &image.reference, &copy).await;
    let outcome = match copy.failure() {
        Some(error) => Outcome::Failed(error.clone()),
        None => copy_reached(&Walk::new(run.clone(), copy.clone(), image, shared.clone())).await,
    };
    reach.end(&outcome);
    if let Some(shared) = shared {
        shared.gathering.leave(copy.index);
    }
    (copy, outcome)
}

/// Copies one image where nothing speaks against it.
async fn copy_reached(walk: &Walk) -> Outcome {
    let referrers = walk.image.referrers;
    let outcome = copy_tagged(walk).await;
    note_standing(walk, referrers, &outcome);
    if matches!(referrers, WantedReferrers::None | WantedReferrers::Tagged) || walk.run.mode == Mode::DryRun {
        return outcome;
    }
    copy_referrers(walk, referrers, outcome).await
}

/// Notes that an image is at a target, so that what refers to it can be counted.
fn note_standing(walk: &Walk, referrers: WantedReferrers, outcome: &Outcome) {
    let is_followed = match referrers {
        // All tags come along.
        WantedReferrers::Tagged => return,
        WantedReferrers::None => false,
        WantedReferrers::Untagged | WantedReferrers::All => true,
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

/// Copies what the tag points at.
async fn copy_tagged(walk: &Walk) -> Outcome {
    let (run, copy, found) = (&walk.run, &walk.copy, walk.image.found);
    let reference = &walk.image.reference;
    let at_target = look_at_target(run, copy, found).await;
    let known = digest_if_needed(walk, at_target.as_ref()).await;
    if let Some(Known { at_source, stored: Some(stored), .. }) = &known
        && stored != at_source
    {
        walk.note_whole(at_source);
    }
    let stored = known.as_ref().and_then(|known| known.stored.as_ref());
    if let Some(outcome) = ended(walk, at_target.as_ref(), stored) {
        return outcome;
    }
    if run.mode == Mode::DryRun && found == Found::Promised {
        // What is there now is not what it would be by then.
        return Outcome::WouldCopy;
    }
    if run.mode == Mode::DryRun && at_target.is_none() && !run.platforms.is_active() {
        return would_copy(walk).await;
    }
    let reference = match known {
        Some(Known { at_source, told: Told::Now, .. }) => TagOrDigest::Digest(at_source),
        // What a list said may be over.
        Some(Known { told: Told::ByList, .. }) | None => reference.clone(),
    };
    copy_changed(walk, &reference, at_target.as_ref()).await
}

/// How the copy ended, if it did: badly, or with nothing to do, as the target has what it should.
fn ended(walk: &Walk, at_target: Option<&Digest>, wanted: Option<&Digest>) -> Option<Outcome> {
    let copy = &walk.copy;
    if let Some(error) = copy.failure().cloned() {
        return Some(Outcome::Failed(error));
    }
    let wanted =
        wanted.filter(|wanted| walk.run.rewrite == Rewrite::Changed && at_target == Some(*wanted))?;
    copy.ledger.note_present(Kind::Manifest, copy.target.repository(), wanted);
    Some(Outcome::Skipped(SkipReason::Unchanged(wanted.clone())))
}

/// For a dry run: whether the source has the image is all that is left to know.
async fn would_copy(walk: &Walk) -> Outcome {
    let reference = &walk.image.reference;
    let operation = || Operation::Resolve(reference.clone());
    let step = async || match walk.source.resolve(reference).await {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(walk.source_error(operation(), Cause::Missing)),
        Err(cause) => Err(walk.source_error(operation(), cause)),
    };
    let resolved = walk.run.retrying(&walk.copy, step).await;
    resolved.map_or_else(Outcome::Failed, |()| Outcome::WouldCopy)
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
    let run = &walk.run;
    if run.platforms.is_active() && !run.state.is_kept() {
        // What will be stored may have another digest than what is at the source.
        return None;
    }
    let (at_source, told) = digest_at_source(walk, at_target).await?;
    let stored = if run.platforms.is_active() {
        run.state.cut(&at_source, &run.platforms)
    } else {
        Some(at_source.clone())
    };
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

async fn copy_changed(walk: &Walk, reference: &TagOrDigest, at_target: Option<&Digest>) -> Outcome {
    let Some(whole) = walk.read_manifest(reference).await else { return failed(&walk.copy) };
    let at_source = whole.digest().clone();
    let manifest = match walk.select_platforms(whole).await {
        Ok(Selected::Image(manifest)) => manifest,
        Ok(Selected::Nothing) => return Outcome::Skipped(SkipReason::NoPlatform),
        Err(error) => return Outcome::Failed(error),
    };
    if walk.run.platforms.is_active() {
        walk.run.state.note_cut(&at_source, &walk.run.platforms, manifest.digest());
    }
    if at_source != *manifest.digest() {
        walk.note_whole(&at_source);
    }
    let manifest = walk.with_what_it_lacks(manifest, walk.image.referrers).await;
    copy_manifest(walk, &manifest, at_source, at_target).await
}

/// Copies what the target shall have, where it does not have it.
async fn copy_manifest(
    walk: &Walk,
    manifest: &RawManifest,
    at_source: Digest,
    at_target: Option<&Digest>,
) -> Outcome {
    let (run, copy) = (&walk.run, &walk.copy);
    refuse_other_digest(walk, manifest);
    if let Some(outcome) = ended(walk, at_target, Some(manifest.digest())) {
        return outcome;
    }
    let same = compare(run, manifest, copy, at_target).await;
    if let Some(error) = copy.failure() {
        return Outcome::Failed(error.clone());
    }
    if let Same::Content(at_target) = same {
        return Outcome::Skipped(SkipReason::SameContent { at_target, at_source });
    }
    if run.mode == Mode::DryRun {
        return Outcome::WouldCopy;
    }
    prepare(run, copy).await;
    bring(walk, manifest).await;
    if let Some(error) = copy.failure() {
        return Outcome::Failed(error.clone());
    }
    let cut_from = Some(at_source).filter(|digest| digest != manifest.digest());
    Outcome::Copied { digest: manifest.digest().clone(), cut_from }
}

/// Whoever gives nothing has failed the copy.
fn failed(copy: &ImageCopy) -> Outcome {
    copy.failure().cloned().map_or(Outcome::NotDone, Outcome::Failed)
}

/// A name at the target that is a digest can only be this image's own.
fn refuse_other_digest(walk: &Walk, manifest: &RawManifest) {
    if let TagOrDigest::Digest(wanted) = walk.copy.reference()
        && wanted != manifest.digest()
    {
        let (wanted, actual) = (Box::new(wanted.clone()), Box::new(manifest.digest().clone()));
        let cause = Cause::OtherDigest { wanted, actual };
        walk.copy.fail(Arc::new(walk.source_error(Operation::Pair, cause)));
    }
}

/// Makes the target's repository ready to be pushed to.
async fn prepare(run: &Run, copy: &ImageCopy) {
    let step = async || {
        let prepared = copy.target.prepare().await;
        prepared.map_err(|cause| copy.target_error(Operation::Prepare, cause))
    };
    if let Err(error) = run.retrying(copy, step).await {
        copy.fail(error);
    }
}

/// Whether looking for the manifest by its digest saves nothing: its blobs are looked for at no cost, and where all
/// are there, the manifest is all that is sent.
fn blobs_tell(links: &Links, copy: &ImageCopy) -> bool {
    links.manifests.is_empty() && copy.ledger.asks_by_uploads(copy.target.repository(), &links.blobs)
}

/// Brings the image's graph to the target, each digest once for a repository, then names it there.
async fn bring(walk: &Walk, manifest: &RawManifest) {
    let (copy, digest) = (&walk.copy, manifest.digest());
    let links = manifest.links().unwrap_or_default();
    while !copy.has_failed() {
        let claim = match walk.claim(digest) {
            Claim::Theirs(waiting) => {
                walk.wait_for(waiting).await;
                continue;
            }
            Claim::Present => None,
            Claim::Mine(claim) => {
                // Whose target has it under another name, or by its digest alone, lacks only the name.
                if !blobs_tell(&links, copy) && walk.target_has(digest).await {
                    claim.complete(Came::Found);
                    None
                } else {
                    walk.copy_links(manifest).await;
                    Some(claim)
                }
            }
        };
        return walk.store(manifest, copy.reference(), claim).await;
    }
}
