//! Finds out what carrying out a decision would send to the target, and whether the target accepts pushes. Changes nothing.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use oci::{Descriptor, Digest, Links, TagOrDigest};

use super::at_target::may_lack_children;
use super::below::{Subjects, subjects};
use super::decide::{Decided, Work};
use super::length::other_length;
use super::referrer::Levels;
use super::walk::Walk;
use crate::memory::ledger::Kind;
use crate::memory::looked::Content;
use crate::plan::decision::{Action, Load, LoadedBlob};
use crate::plan::wanted::WantedReferrers;
use crate::{Error, Operation, SkipReason};

/// How many blobs or manifests of one image are looked up in parallel.
const AT_ONCE: usize = 16;

/// What is added up for an image.
#[derive(Default)]
struct Weighed {
    load: Load,
    /// Manifests that were looked at.
    manifests: HashSet<Digest>,
    /// Blobs that were looked at.
    blobs: HashSet<Digest>,
}

/// The content that the target would get, and the resulting action.
pub(super) async fn weigh(walk: &Walk, decided: &Decided) -> Result<(Action, Load), Arc<Error>> {
    let (mut action, mut weighed) = (decided.decision.action, Weighed::default());
    let (digest, is_new) = match &decided.work {
        Work::Store(stored) => {
            may_push(walk).await?;
            let form = &stored.form;
            walk.links(form.manifest())?;
            weighed.load.manifests += 1;
            let is_there = walk.target_has(form.digest()).await;
            if is_there && action == Action::Create {
                action = Action::Retag;
            }
            let links = form.links();
            walk.visited().meet_children(form.digest(), &links.manifests);
            if !is_there || may_lack_children(walk, form) {
                walk.visited().note_brought();
                load_content(walk, form.digest(), Arc::new(content(&links)), &mut weighed).await?;
            }
            walk.count_left_of(&form.absent(), walk.image.planned.wanted.referrers).await;
            (form.digest(), true)
        }
        Work::Skip(SkipReason::Unchanged(digest)) => (digest, false),
        Work::Skip(_) | Work::Refuse(_) => return Ok((action, weighed.load)),
    };
    load_referrers(walk, digest, is_new, &mut weighed).await?;
    if !is_new && weighed.load.referrers > 0 {
        may_push(walk).await?;
        action = Action::Referrers;
    }
    Ok((action, weighed.load))
}

/// Asks once for each repository whether it accepts pushes, so that a plan meets the errors of a copy.
async fn may_push(walk: &Walk) -> Result<(), Arc<Error>> {
    let copy = &walk.copy;
    let key = (copy.target.store().clone(), copy.target.repository().clone());
    let ask = async {
        let step = async || {
            let tried = copy.target.try_push().await;
            tried.map_err(|cause| copy.target_error(Operation::TryPush, cause))
        };
        match walk.run.retrying(copy, step).await {
            // This run's end says nothing about the repository, so the error is not shared.
            Err(stopped) if stopped.is_stopped() => Err(stopped),
            tried => Ok(tried),
        }
    };
    walk.run.looked.pushes.get(key, &copy.activity, ask).await?
}

/// Adds the content of a manifest that the target lacks, level by level. Visits each manifest once: a few small
/// indexes that name each other can have more paths than any plan could follow.
async fn load_content(
    walk: &Walk,
    manifest: &Digest,
    content: Arc<Content>,
    weighed: &mut Weighed,
) -> Result<(), Arc<Error>> {
    let (mut walk, mut level) = (walk.clone(), vec![(manifest.clone(), content)]);
    while !level.is_empty() {
        for (manifest, content) in &level {
            walk.visited().meet_children(manifest, &content.descriptors());
            load_blobs(&walk, content, weighed).await?;
        }
        walk = walk.deeper();
        level = load_children(&walk, &level, weighed).await?;
    }
    Ok(())
}

/// Adds the children of a level that the target lacks; returns their content.
async fn load_children(
    walk: &Walk,
    level: &[(Digest, Arc<Content>)],
    weighed: &mut Weighed,
) -> Result<Vec<(Digest, Arc<Content>)>, Arc<Error>> {
    let mut children = Vec::new();
    for (child, size) in level.iter().flat_map(|(_, content)| content.children.iter()) {
        if weighed.manifests.insert(child.clone()) {
            if !walk.copy.repository.was_empty() {
                weighed.load.looks.push(child.clone());
            }
            children.push((child, *size));
        }
    }
    let asked: Vec<_> = children.into_iter().map(|(child, size)| child_to_load(walk, child, size)).collect();
    let found: Vec<_> = stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
    let below: Vec<_> = found.into_iter().flatten().collect();
    weighed.load.manifests += below.len();
    Ok(below)
}

/// The content of a child; `None` if the target has the child.
async fn child_to_load(
    walk: &Walk,
    child: &Digest,
    size: Option<u64>,
) -> Result<Option<(Digest, Arc<Content>)>, Arc<Error>> {
    if walk.target_has(child).await {
        return Ok(None);
    }
    let content = read_content(walk, child, size).await?;
    // The content may have been read for another image, where it was less deep.
    walk.check_depth(child, content.children.len())?;
    Ok(Some((child.clone(), content)))
}

/// Adds the blobs of a manifest that the target lacks.
async fn load_blobs(walk: &Walk, content: &Content, weighed: &mut Weighed) -> Result<(), Arc<Error>> {
    let Weighed { load, blobs: visited, .. } = weighed;
    let blobs: Vec<_> = content.blobs.iter().filter(|(digest, _)| visited.insert(digest.clone())).collect();
    let asked: Vec<_> = blobs.iter().map(|blob| look_for(walk, blob)).collect();
    let found: Vec<There> = stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
    for ((digest, size), there) in blobs.into_iter().zip(found) {
        if there == There::Yes {
            load.looks.push(digest.clone());
            continue;
        }
        // In a repository that was not empty, a copy looks for a blob by opening an upload, which may end in sending
        // it.
        let is_mounted = walk.copy.repository.was_empty();
        let held_by = is_mounted.then(|| walk.run.state.other_holder(&*walk.copy.target, digest)).flatten();
        load.blobs.push(LoadedBlob { digest: digest.clone(), size: *size, held_by });
    }
    Ok(())
}

/// The content that a manifest at the source refers to.
async fn read_content(walk: &Walk, digest: &Digest, size: Option<u64>) -> Result<Arc<Content>, Arc<Error>> {
    let read = async {
        let descriptor = Descriptor::new(None, digest.clone(), size);
        let _bytes = walk.copy.bytes_for(&walk.run, &descriptor).await;
        let manifest = walk.read_manifest(&TagOrDigest::Digest(digest.clone())).await?;
        walk.check_size(&descriptor, &manifest)?;
        Ok::<_, Arc<Error>>(Arc::new(content(&walk.links(&manifest)?)))
    };
    let question = (walk.source.name().into(), digest.clone());
    walk.run.looked.manifests.get(question, &walk.copy.activity, read).await
}

fn content(links: &Links) -> Content {
    let blobs = links.blobs.iter().map(|blob| (blob.digest.clone(), blob.size.unwrap_or(0)));
    let children = links.manifests.iter().map(|child| (child.digest.clone(), child.size));
    Content { blobs: blobs.collect(), children: children.collect() }
}

/// Whether a target's repository has a blob.
#[derive(Clone, Copy, PartialEq, Eq)]
enum There {
    Yes,
    /// It lacks the blob, or has it with another length.
    Not,
}

async fn look_for(walk: &Walk, (digest, size): &(Digest, u64)) -> Result<There, Arc<Error>> {
    let copy = &walk.copy;
    let repository = copy.target.repository();
    if copy.ledger.holds(Kind::Blob, repository, digest) {
        return Ok(There::Yes);
    }
    if copy.repository.was_empty() && !walk.run.state.had_blob(&*copy.target, digest) {
        return Ok(There::Not);
    }
    let blob = Descriptor::new(None, digest.clone(), Some(*size).filter(|size| *size > 0));
    let ask = async {
        let step = async || {
            let found = copy.target.find_blob(digest).await;
            found.map_err(|cause| copy.target_error(Operation::StartBlob(digest.clone()), cause))
        };
        let found = walk.run.retrying(copy, step).await?;
        let is_whole = found.is_some_and(|found| other_length(&blob, found).is_none());
        if is_whole {
            copy.ledger.note_present(Kind::Blob, repository, digest);
        }
        Ok::<_, Arc<Error>>(!is_whole)
    };
    let question = (copy.target.store().clone(), repository.clone(), digest.clone());
    let is_lacking = walk.run.looked.blobs.get(question, &copy.activity, ask).await?;
    Ok(if is_lacking { There::Not } else { There::Yes })
}

/// Adds the referrers of an image that the target lacks.
async fn load_referrers(
    walk: &Walk,
    digest: &Digest,
    is_new: bool,
    weighed: &mut Weighed,
) -> Result<(), Arc<Error>> {
    let wanted = walk.image.planned.wanted.referrers;
    if !wanted.are_looked_up() {
        return Ok(());
    }
    let Subjects { digests, .. } = subjects(walk, digest, is_new, wanted).await?;
    let mut levels = Levels::below(digests);
    while let Some(level) = levels.next(walk, wanted).await? {
        for (subject, referrers) in level {
            for referrer in referrers {
                if !walk.target_has(&referrer.digest).await {
                    load_referrer(walk, &referrer.digest, referrer.size, weighed).await?;
                }
            }
            if wanted == WantedReferrers::All {
                load_cosign_tags(walk, &subject, weighed).await?;
            }
        }
    }
    Ok(())
}

async fn load_referrer(
    walk: &Walk,
    digest: &Digest,
    size: Option<u64>,
    weighed: &mut Weighed,
) -> Result<(), Arc<Error>> {
    let content = read_content(walk, digest, size).await?;
    weighed.manifests.insert(digest.clone());
    weighed.load.manifests += 1;
    weighed.load.referrers += 1;
    load_content(walk, digest, content, weighed).await
}

async fn load_cosign_tags(walk: &Walk, subject: &Digest, weighed: &mut Weighed) -> Result<(), Arc<Error>> {
    for reference in walk.wanted_cosign_tags(subject).await {
        let Some(digest) = walk.resolve(&reference).await? else { continue };
        if walk.wants_tag(&reference, &digest).await? {
            load_referrer(walk, &digest, None, weighed).await?;
        }
    }
    Ok(())
}
