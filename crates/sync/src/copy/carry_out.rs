//! Carries a decision about an image out: brings what is missing, and sets the tag last.

use std::sync::Arc;

use oci::{Links, RawManifest};

use super::decide::{Decided, Stored, Work};
use super::manifest::Walk;
use crate::engine::run::ImageCopy;
use crate::memory::ledger::{Came, Claim};
use crate::{Error, Operation, Outcome};

/// Does what was decided; says how that ended.
pub(super) async fn carry_out(walk: &Walk, decided: Decided) -> Outcome {
    match decided.work {
        Work::Skip(reason) => Outcome::Skipped(reason),
        Work::Refuse(error) => Outcome::Failed(error),
        Work::Store(stored) => match store(walk, &stored).await {
            Ok(()) => {
                let digest = stored.manifest.digest().clone();
                let cut_from = Some(stored.at_source).filter(|at_source| *at_source != digest);
                Outcome::Copied { digest, cut_from }
            }
            Err(error) => Outcome::Failed(error),
        },
    }
}

async fn store(walk: &Walk, stored: &Stored) -> Result<(), Arc<Error>> {
    prepare(walk).await?;
    bring(walk, &stored.manifest).await;
    walk.copy.failure().cloned().map_or(Ok(()), Err)
}

/// Makes the target's repository ready to be pushed to.
async fn prepare(walk: &Walk) -> Result<(), Arc<Error>> {
    let copy = &walk.copy;
    let step = async || {
        let prepared = copy.target.prepare().await;
        prepared.map_err(|cause| copy.target_error(Operation::Prepare, cause))
    };
    walk.run.retrying(copy, step).await
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
