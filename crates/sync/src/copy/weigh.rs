//! Finds out what carrying out a decision would send to the target, and whether the target accepts pushes. Changes nothing.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use oci::{Descriptor, Digest, Links, TagOrDigest};

use super::at_target::may_lack_children;
use super::decide::{Decided, Work};
use super::length::other_length;
use super::referrer::{Levels, is_bare};
use super::walk::Walk;
use crate::memory::ledger::Kind;
use crate::memory::looked::Content;
use crate::plan::decision::{Action, Load, LoadedBlob};
use crate::plan::wanted::WantedReferrers;
use crate::{Error, Operation, SkipReason};

/// How many blobs or manifests of one image are looked up in parallel.
const AT_ONCE: usize = 16;

/// The content that the target would get, and the resulting action.
pub(super) async fn weigh(walk: &Walk, decided: &Decided) -> Result<(Action, Load), Arc<Error>> {
    let (mut action, mut load) = (decided.decision.action, Load::default());
    let (digest, is_new) = match &decided.work {
        Work::Store(stored) => {
            may_push(walk).await?;
            let form = &stored.form;
            walk.links(form.manifest())?;
            load.manifests += 1;
            let is_there = walk.target_has(form.digest()).await;
            if is_there && action == Action::Create {
                action = Action::Retag;
            }
            if !is_there || may_lack_children(walk, form) {
                load_content(walk, Arc::new(content(&form.links())), &mut load).await?;
            }
            walk.count_left_of(&form.absent(), walk.image.planned.wanted.referrers).await;
            (form.digest(), true)
        }
        Work::Skip(SkipReason::Unchanged(digest)) => (digest, false),
        Work::Skip(_) | Work::Refuse(_) => return Ok((action, load)),
    };
    load_referrers(walk, digest.clone(), is_new, &mut load).await?;
    if !is_new && load.referrers > 0 {
        may_push(walk).await?;
        action = Action::Referrers;
    }
    Ok((action, load))
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

/// Adds the content of a manifest that the target lacks.
fn load_content<'a>(
    walk: &'a Walk,
    content: Arc<Content>,
    load: &'a mut Load,
) -> BoxFuture<'a, Result<(), Arc<Error>>> {
    async move {
        for (child, size) in &content.children {
            walk.meet(child);
            if !walk.copy.repository.was_empty() {
                load.looks.push(child.clone());
            }
            if !walk.target_has(child).await {
                let below = read_content(walk, child, *size).await?;
                load.manifests += 1;
                load_content(walk, below, load).await?;
            }
        }
        let asked: Vec<_> = content.blobs.iter().map(|blob| look_for(walk, blob)).collect();
        let found: Vec<There> = stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
        for ((digest, size), there) in content.blobs.iter().zip(found) {
            if there == There::Yes {
                load.looks.push(digest.clone());
            } else if load.blobs.iter().all(|blob| blob.digest != *digest) {
                // In a repository that was not empty, a copy looks for a blob by opening an upload, which may end in
                // sending it.
                let is_mounted = walk.copy.repository.was_empty();
                let held_by =
                    is_mounted.then(|| walk.run.state.other_holder(&*walk.copy.target, digest)).flatten();
                load.blobs.push(LoadedBlob { digest: digest.clone(), size: *size, held_by });
            }
        }
        Ok(())
    }
    .boxed()
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
    digest: Digest,
    is_new: bool,
    load: &mut Load,
) -> Result<(), Arc<Error>> {
    let wanted = walk.image.planned.wanted.referrers;
    if matches!(wanted, WantedReferrers::None | WantedReferrers::Tagged)
        || (wanted == WantedReferrers::Untagged && is_bare(walk, &digest, is_new).await)
    {
        return Ok(());
    }
    let mut roots = walk.met();
    match walk.whole() {
        Some(whole) => walk.count_left(whole, wanted).await,
        None => roots.insert(0, digest),
    }
    let mut levels = Levels::below(roots);
    while let Some(level) = levels.next(walk, wanted).await? {
        for (subject, referrers) in level {
            for referrer in referrers {
                if !walk.target_has(&referrer.digest).await {
                    load_referrer(walk, &referrer.digest, referrer.size, load).await?;
                }
            }
            if wanted == WantedReferrers::All {
                load_cosign_tags(walk, &subject, load).await?;
            }
        }
    }
    Ok(())
}

async fn load_referrer(
    walk: &Walk,
    digest: &Digest,
    size: Option<u64>,
    load: &mut Load,
) -> Result<(), Arc<Error>> {
    let content = read_content(walk, digest, size).await?;
    load.manifests += 1;
    load.referrers += 1;
    load_content(walk, content, load).await
}

async fn load_cosign_tags(walk: &Walk, subject: &Digest, load: &mut Load) -> Result<(), Arc<Error>> {
    for reference in walk.wanted_cosign_tags(subject).await {
        let Some(digest) = walk.resolve(&reference).await? else { continue };
        if !walk.has_as(&reference, &digest).await {
            load_referrer(walk, &digest, None, load).await?;
        }
    }
    Ok(())
}
