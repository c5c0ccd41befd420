//! Copies one image to its targets: looks what they have, reads the manifest, brings what is missing, and
//! sets the tag last.

use std::sync::Arc;

use futures_util::future::join_all;
use registry::{Digest, RawManifest, TagOrDigest};

use super::manifest::{Claims, Walk, wait_for};
use crate::endpoint::Source;
use crate::ledger::Kind;
use crate::run::{Lane, Run};
use crate::{Cause, Error, Event, Operation, Outcome, Side, SkipReason};

/// One image of a source and the lanes that it takes.
pub(crate) struct Job {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) reference: TagOrDigest,
    pub(crate) lanes: Vec<Arc<Lane>>,
}

/// Copies one image; says how each lane ended.
pub(crate) async fn copy_image(run: Arc<Run>, job: Job) -> Vec<(Arc<Lane>, Outcome)> {
    for lane in &job.lanes {
        run.tell(&Event::ImageStarted(lane.image.clone()));
    }
    let Job { source, reference, lanes } = job;
    let walk = Walk::new(run.clone(), source);
    let found = look_at_targets(&run, &lanes).await;
    let known = digest_if_needed(&walk, &reference, &found).await;
    let (mut ended, mut changed) = (Vec::new(), Vec::new());
    for (lane, at_target) in found {
        match (lane.failure(), &at_target, &known) {
            (Some(error), ..) => ended.push((lane.clone(), Outcome::Failed(error.clone()))),
            (None, Some(old), Some(new)) if old == new => {
                lane.ledger.note_present(Kind::Manifest, lane.target.repository(), new);
                ended.push((lane, Outcome::Skipped(SkipReason::Unchanged(new.clone()))));
            }
            (None, ..) => changed.push((lane, at_target)),
        }
    }
    if !changed.is_empty() {
        let reference = known.map_or(reference, TagOrDigest::Digest);
        ended.extend(copy_changed(&walk, &reference, changed).await);
    }
    ended
}

/// What each target has under the image's name.
async fn look_at_targets(run: &Run, lanes: &[Arc<Lane>]) -> Vec<(Arc<Lane>, Option<Digest>)> {
    let looks = lanes.iter().map(async |lane| {
        let step = async || {
            let resolved = lane.repository.resolve(lane.reference()).await;
            resolved.map_err(|cause| lane.target_error(Operation::Resolve(lane.reference().clone()), cause))
        };
        let found = run.retrying(&lane.image, step).await.unwrap_or_else(|error| {
            lane.fail(error);
            None
        });
        (lane.clone(), found)
    });
    join_all(looks).await
}

/// The digest at the source, if any target has something to compare it with: the manifest itself tells it,
/// too, and a HEAD is spent only where it may save reading that.
async fn digest_if_needed(
    walk: &Walk,
    reference: &TagOrDigest,
    found: &[(Arc<Lane>, Option<Digest>)],
) -> Option<Digest> {
    if let TagOrDigest::Digest(digest) = reference {
        return Some(digest.clone());
    }
    let (lane, _) = found.iter().find(|(_, at_target)| at_target.is_some())?;
    let step = async || {
        let resolved = walk.source.resolve(reference).await;
        resolved.map_err(|cause| Error {
            side: Side::Source,
            place: walk.source.name().to_owned(),
            operation: Operation::Resolve(reference.clone()),
            cause: cause.into(),
        })
    };
    // Reading the manifest will tell what is wrong, if something is.
    walk.run.retrying(&lane.image, step).await.ok().flatten()
}

async fn copy_changed(
    walk: &Walk,
    reference: &TagOrDigest,
    changed: Vec<(Arc<Lane>, Option<Digest>)>,
) -> Vec<(Arc<Lane>, Outcome)> {
    let lanes: Vec<_> = changed.iter().map(|(lane, _)| lane.clone()).collect();
    let manifest = walk.read_manifest(reference, &lanes).await;
    if let Some(manifest) = &manifest {
        refuse_other_digests(walk, manifest, &lanes);
        join_all(changed.iter().map(|(lane, old)| learn_from_old_manifest(lane, old.as_ref()))).await;
        bring(walk, manifest, lanes.clone()).await;
    }
    let outcome = |lane: &Lane| match (lane.failure(), &manifest) {
        (Some(error), _) => Outcome::Failed(error.clone()),
        (None, Some(manifest)) => Outcome::Copied { digest: manifest.digest.clone() },
        // `read_manifest` fails every lane when it gives nothing.
        (None, None) => Outcome::NotDone,
    };
    lanes.into_iter().map(|lane| (lane.clone(), outcome(&lane))).collect()
}

/// A name at the target that is a digest can only be this image's own.
fn refuse_other_digests(walk: &Walk, manifest: &RawManifest, lanes: &[Arc<Lane>]) {
    for lane in lanes {
        let TagOrDigest::Digest(wanted) = lane.reference() else { continue };
        if *wanted != manifest.digest {
            lane.fail(Arc::new(Error {
                side: Side::Source,
                place: walk.source.name().to_owned(),
                operation: Operation::Pair,
                cause: Cause::OtherDigest {
                    wanted: Box::new(wanted.clone()),
                    actual: Box::new(manifest.digest.clone()),
                },
            }));
        }
    }
}

/// What the tag points at now proves which blobs the target has: one request instead of one for each.
/// Children of an index prove nothing, because some registries take indexes without all their children; and
/// layers that need not be in a registry may be missing in the best of them.
async fn learn_from_old_manifest(lane: &Lane, old: Option<&Digest>) {
    let Some(old) = old else { return };
    let read = lane.target.manifest(&TagOrDigest::Digest(old.clone())).await;
    let Some(links) = read.ok().and_then(|manifest| manifest.links().ok()) else { return };
    for blob in links.blobs.iter().filter(|blob| blob.is_kept_by_registries()) {
        lane.ledger.note_present(Kind::Blob, lane.target.repository(), &blob.digest);
    }
}

/// Brings the image's graph to all lanes, each digest once for a repository, then names it there.
async fn bring(walk: &Walk, manifest: &RawManifest, lanes: Vec<Arc<Lane>>) {
    let mut pending = lanes;
    while !pending.is_empty() {
        let claims = Claims::ask(&manifest.digest, pending);
        // Whose target has it under another name, or by its digest alone, lacks only the name.
        let (have, missing) = walk.ask_targets(&manifest.digest, claims.mine).await;
        let incomplete: Vec<_> = missing.iter().map(|(lane, _)| lane.clone()).collect();
        walk.copy_links(manifest, &incomplete).await;
        let named = claims.present.into_iter().chain(have).map(|lane| (lane, None));
        let stored = missing.into_iter().map(|(lane, claim)| (lane, Some(claim)));
        let store = async |(lane, claim): (Arc<Lane>, _)| {
            walk.store(manifest, &lane.reference().clone(), lane, claim).await;
        };
        join_all(named.chain(stored).map(store)).await;
        pending = wait_for(claims.theirs).await;
    }
}
