//! Copies one image to its targets: looks what they have, reads the manifest, brings what is missing, and
//! sets the tag last.

use std::sync::Arc;

use futures_util::future::join_all;
use oci::{Digest, Links, RawManifest, TagOrDigest};

use super::at_target::{Same, Standing, compare, look_at_targets};
use super::manifest::{Claims, Walk};
use super::platform::Selected;
use super::reach::Reach;
use super::referrer::copy_referrers;
use super::source_image::SourceImage;
use crate::engine::run::{Lane, Run};
use crate::memory::ledger::Kind;
use crate::memory::target_repository::Found;
use crate::plan::discover::WantedReferrers;
use crate::{Cause, Event, Mode, Operation, Outcome, Rewrite, SkipReason};

pub(super) type Ended = Vec<(Arc<Lane>, Outcome)>;

/// Copies one image to one of its targets; says how that ended.
pub(crate) async fn copy_image(
    run: Arc<Run>,
    image: Arc<SourceImage>,
    lane: Arc<Lane>,
) -> (Arc<Lane>, Outcome) {
    run.tell(&Event::ImageStarted(lane.image.clone()));
    let shared = image.share();
    if let Some(shared) = &shared {
        shared.gathering.enter(lane.index);
    }
    let reach = Reach::begin(&run, &image.source, &image.reference, &lane).await;
    let outcome = match lane.failure() {
        Some(error) => Outcome::Failed(error.clone()),
        None => copy_reached(Walk::new(run.clone(), image, shared.clone()), &lane).await,
    };
    reach.end(&outcome);
    if let Some(shared) = shared {
        shared.gathering.leave(lane.index);
    }
    (lane, outcome)
}

/// Copies one image where nothing speaks against it.
async fn copy_reached(walk: Walk, lane: &Arc<Lane>) -> Outcome {
    let ended = copy_with_referrers(&walk, vec![lane.clone()]).await;
    // Whoever gives nothing has failed the lane.
    let outcome = ended.into_iter().next().map(|(_, outcome)| outcome);
    outcome.unwrap_or_else(|| lane.failure().cloned().map_or(Outcome::NotDone, Outcome::Failed))
}

async fn copy_with_referrers(walk: &Walk, lanes: Vec<Arc<Lane>>) -> Ended {
    let (run, referrers) = (&walk.run, walk.image.referrers);
    let ended = copy_tagged(walk, lanes).await;
    note_standing(walk, referrers, &ended);
    if matches!(referrers, WantedReferrers::None | WantedReferrers::Tagged) || run.mode == Mode::DryRun {
        return ended;
    }
    copy_referrers(walk, referrers, ended).await
}

/// Notes that an image is at a target, so that what refers to it can be counted.
fn note_standing(walk: &Walk, referrers: WantedReferrers, ended: &Ended) {
    let is_followed = match referrers {
        // All tags come along.
        WantedReferrers::Tagged => return,
        WantedReferrers::None => false,
        WantedReferrers::Untagged | WantedReferrers::All => true,
    };
    let standing = ended.iter().find_map(|(lane, outcome)| match outcome {
        Outcome::Copied { digest, .. }
        | Outcome::Skipped(
            SkipReason::Unchanged(digest) | SkipReason::SameContent { at_source: digest, .. },
        ) => Some((&lane.image.source, digest)),
        _ => None,
    });
    if let Some((source, digest)) = standing {
        walk.run.referrer_tags.stands(source, walk.whole().unwrap_or(digest), is_followed);
    }
}

/// Copies what the tag points at.
async fn copy_tagged(walk: &Walk, lanes: Vec<Arc<Lane>>) -> Ended {
    let (run, found, referrers) = (&walk.run, walk.image.found, walk.image.referrers);
    let reference = walk.image.reference.clone();
    let standing = look_at_targets(run, &lanes, found).await;
    let known = digest_if_needed(walk, &reference, found, &standing).await;
    if let Some(Known { at_source, stored: Some(stored), .. }) = &known
        && stored != at_source
    {
        walk.note_whole(at_source);
    }
    let (mut ended, changed) = split(run, standing, known.as_ref().and_then(|known| known.stored.as_ref()));
    if changed.is_empty() {
        return ended;
    }
    let nothing_to_compare = changed.iter().all(|(_, at_target)| at_target.is_none());
    if run.mode == Mode::DryRun && found == Found::Promised {
        // What is there now is not what it would be by then.
        ended.extend(changed.into_iter().map(|(lane, _)| (lane, Outcome::WouldCopy)));
    } else if run.mode == Mode::DryRun && nothing_to_compare && !run.platforms.is_active() {
        ended.extend(would_copy(walk, &reference, changed).await);
    } else {
        let reference = match known {
            Some(Known { at_source, told: Told::Now, .. }) => TagOrDigest::Digest(at_source),
            // What a list said may be over.
            Some(Known { told: Told::ByList, .. }) | None => reference,
        };
        ended.extend(copy_changed(walk, &reference, referrers, changed).await);
    }
    ended
}

/// Splits lanes that have ended, badly or with nothing to do, from those with work left.
fn split(run: &Run, found: Vec<Standing>, new: Option<&Digest>) -> (Ended, Vec<Standing>) {
    let (mut ended, mut changed) = (Vec::new(), Vec::new());
    for (lane, at_target) in found {
        if let Some(error) = lane.failure().cloned() {
            ended.push((lane, Outcome::Failed(error)));
        } else if let Some(new) =
            new.filter(|new| run.rewrite == Rewrite::Changed && at_target.as_ref() == Some(new))
        {
            lane.ledger.note_present(Kind::Manifest, lane.target.repository(), new);
            ended.push((lane, Outcome::Skipped(SkipReason::Unchanged(new.clone()))));
        } else {
            changed.push((lane, at_target));
        }
    }
    (ended, changed)
}

/// For a dry run: whether the source has the image is all that is left to know.
async fn would_copy(walk: &Walk, reference: &TagOrDigest, changed: Vec<Standing>) -> Ended {
    let operation = || Operation::Resolve(reference.clone());
    let step = async || match walk.source.resolve(reference).await {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(walk.source_error(operation(), Cause::Missing)),
        Err(cause) => Err(walk.source_error(operation(), cause)),
    };
    let Some((lane, _)) = changed.first() else { return Vec::new() };
    let resolved = walk.run.retrying(lane, step).await;
    let outcome = resolved.map_or_else(Outcome::Failed, |()| Outcome::WouldCopy);
    changed.into_iter().map(|(lane, _)| (lane, outcome.clone())).collect()
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

/// The digest at the source, if any target has something to compare it with: the manifest itself tells it,
/// too, and a HEAD is spent only where it may save reading that.
async fn digest_if_needed(
    walk: &Walk,
    reference: &TagOrDigest,
    found: Found,
    standing: &[Standing],
) -> Option<Known> {
    let run = &walk.run;
    if run.platforms.is_active() && !run.state.is_kept() {
        // What will be stored may have another digest than what is at the source.
        return None;
    }
    let (at_source, told) = digest_at_source(walk, reference, found, standing).await?;
    let stored = if run.platforms.is_active() {
        run.state.cut(&at_source, &run.platforms)
    } else {
        Some(at_source.clone())
    };
    Some(Known { at_source, told, stored })
}

async fn digest_at_source(
    walk: &Walk,
    reference: &TagOrDigest,
    found: Found,
    standing: &[Standing],
) -> Option<(Digest, Told)> {
    if let TagOrDigest::Digest(digest) = reference {
        return Some((digest.clone(), Told::Now));
    }
    let (lane, _) = standing.iter().find(|(_, at_target)| at_target.is_some())?;
    if let (TagOrDigest::Tag(tag), Found::Listed) = (reference, found)
        && let Some(digest) = walk.source.bulk_tags().await.and_then(|known| known.digests.get(tag).cloned())
    {
        return Some((digest, Told::ByList));
    }
    let step = async || {
        let resolved = walk.source.resolve(reference).await;
        resolved.map_err(|cause| walk.source_error(Operation::Resolve(reference.clone()), cause))
    };
    // Reading the manifest will tell what is wrong, if something is.
    walk.run.retrying(lane, step).await.ok().flatten().map(|digest| (digest, Told::Now))
}

async fn copy_changed(
    walk: &Walk,
    reference: &TagOrDigest,
    referrers: WantedReferrers,
    changed: Vec<Standing>,
) -> Ended {
    let lanes: Vec<_> = changed.iter().map(|(lane, _)| lane.clone()).collect();
    let all = |outcome: Outcome| lanes.iter().map(|lane| (lane.clone(), outcome.clone())).collect();
    let Some(whole) = walk.read_manifest(reference, &lanes).await else {
        return failures(lanes);
    };
    let Some(first) = lanes.first() else { return Vec::new() };
    let at_source = whole.digest().clone();
    let manifest = match walk.select_platforms(whole, first).await {
        Ok(Selected::Image(manifest)) => {
            if walk.run.platforms.is_active() {
                walk.run.state.note_cut(&at_source, &walk.run.platforms, manifest.digest());
            }
            if at_source != *manifest.digest() {
                walk.note_whole(&at_source);
            }
            manifest
        }
        Ok(Selected::Nothing) => return all(Outcome::Skipped(SkipReason::NoPlatform)),
        Err(error) => return all(Outcome::Failed(error)),
    };
    let (plain, completed) = walk.split_by_list(&manifest, referrers, changed).await;
    let mut ended = copy_manifest(walk, manifest, &at_source, plain).await;
    if let Some((list, lanes)) = completed {
        ended.extend(copy_manifest(walk, list, &at_source, lanes).await);
    }
    ended
}

/// Copies what the targets shall have, where they do not have it.
async fn copy_manifest(
    walk: &Walk,
    manifest: RawManifest,
    at_source: &Digest,
    changed: Vec<Standing>,
) -> Ended {
    let lanes: Vec<_> = changed.iter().map(|(lane, _)| lane.clone()).collect();
    refuse_other_digests(walk, &manifest, &lanes);
    let (mut ended, changed) = split(&walk.run, changed, Some(manifest.digest()));
    let compared =
        join_all(changed.iter().map(|(lane, old)| compare(&walk.run, &manifest, lane, old.as_ref()))).await;
    let mut different = Vec::new();
    for ((lane, _), same) in changed.into_iter().zip(compared) {
        match (lane.failure().cloned(), same) {
            (Some(error), _) => ended.push((lane, Outcome::Failed(error))),
            (None, Same::Content(at_target)) => {
                let at_source = at_source.clone();
                ended.push((lane, Outcome::Skipped(SkipReason::SameContent { at_target, at_source })));
            }
            (None, Same::Not) => different.push(lane),
        }
    }
    if walk.run.mode == Mode::DryRun {
        ended.extend(different.into_iter().map(|lane| (lane, Outcome::WouldCopy)));
        return ended;
    }
    join_all(different.iter().map(|lane| prepare(&walk.run, lane))).await;
    bring(walk, &manifest, different.clone()).await;
    let cut_from = Some(at_source.clone()).filter(|digest| digest != manifest.digest());
    ended.extend(different.into_iter().map(|lane| {
        let outcome = match lane.failure() {
            Some(error) => Outcome::Failed(error.clone()),
            None => Outcome::Copied { digest: manifest.digest().clone(), cut_from: cut_from.clone() },
        };
        (lane, outcome)
    }));
    ended
}

fn failures(lanes: Vec<Arc<Lane>>) -> Ended {
    let with_outcome = |lane: Arc<Lane>| {
        // Whoever gives nothing has failed every lane.
        let outcome = lane.failure().cloned().map_or(Outcome::NotDone, Outcome::Failed);
        (lane, outcome)
    };
    lanes.into_iter().map(with_outcome).collect()
}

/// A name at the target that is a digest can only be this image's own.
fn refuse_other_digests(walk: &Walk, manifest: &RawManifest, lanes: &[Arc<Lane>]) {
    for lane in lanes {
        let TagOrDigest::Digest(wanted) = lane.reference() else { continue };
        if wanted != manifest.digest() {
            let (wanted, actual) = (Box::new(wanted.clone()), Box::new(manifest.digest().clone()));
            lane.fail(Arc::new(walk.source_error(Operation::Pair, Cause::OtherDigest { wanted, actual })));
        }
    }
}

/// Makes the target's repository ready to be pushed to.
async fn prepare(run: &Run, lane: &Lane) {
    let step = async || {
        let prepared = lane.target.prepare().await;
        prepared.map_err(|cause| lane.target_error(Operation::Prepare, cause))
    };
    if let Err(error) = run.retrying(lane, step).await {
        lane.fail(error);
    }
}

/// Whether looking for the manifest by its digest saves nothing: its blobs are looked for at no cost, and where all
/// are there, the manifest is all that is sent.
fn blobs_tell(links: &Links, lane: &Lane) -> bool {
    links.manifests.is_empty() && lane.ledger.asks_by_uploads(lane.target.repository(), &links.blobs)
}

/// Brings the image's graph to all lanes, each digest once for a repository, then names it there.
async fn bring(walk: &Walk, manifest: &RawManifest, lanes: Vec<Arc<Lane>>) {
    let links = manifest.links().unwrap_or_default();
    let mut pending = lanes;
    while !pending.is_empty() {
        let claims = Claims::ask(manifest.digest(), pending);
        // Whose target has it under another name, or by its digest alone, lacks only the name.
        let (unasked, asked) = claims.mine.into_iter().partition(|(lane, _)| blobs_tell(&links, lane));
        let (have, mut missing) = walk.ask_targets(manifest.digest(), asked).await;
        missing.extend::<Vec<_>>(unasked);
        let incomplete: Vec<_> = missing.iter().map(|(lane, _)| lane.clone()).collect();
        walk.copy_links(manifest, &incomplete).await;
        let named = claims.present.into_iter().chain(have).map(|lane| (lane, None));
        let stored = missing.into_iter().map(|(lane, claim)| (lane, Some(claim)));
        let store = async |(lane, claim): (Arc<Lane>, _)| {
            walk.store(manifest, &lane.reference().clone(), lane, claim).await;
        };
        join_all(named.chain(stored).map(store)).await;
        pending = walk.wait_for(claims.theirs).await;
    }
}
