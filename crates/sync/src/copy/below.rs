//! The images whose referrers are copied together: one image, and all manifests below it.
//!
//! A copy knows these manifests if it has read the index above them. Of an unchanged index it knows only the digest. Its
//! children's referrers may be missing all the same: a run failed or was stopped before it brought them, they are younger
//! than the index, or no rule wanted them until now. So the target's index is read, unless the state says that a recent
//! run has brought what refers to the manifests below it.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use oci::{Descriptor, Digest, RawManifest, TagOrDigest};

use super::platform::Selected;
use super::visited::Content;
use super::walk::Walk;
use crate::plan::wanted::WantedReferrers;
use crate::{Error, ReferrerPolicy};

/// How many indexes below one image are read in parallel.
const AT_ONCE: usize = 16;

/// The images whose referrers are copied with one image.
pub(super) struct Subjects {
    pub(super) digests: Vec<Digest>,
    pub(super) below: Below,
}

/// What is below an image whose referrers are copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Below {
    /// Nothing: it is no index.
    Nothing,
    /// Manifests whose referrers a recent run has brought, as the state says.
    Noted,
    /// Manifests whose referrers are copied.
    Wanted,
}

/// The images whose referrers are copied with the image that the target has as `digest`.
pub(super) async fn subjects(
    walk: &Walk,
    digest: &Digest,
    is_new: bool,
    wanted: WantedReferrers,
) -> Result<Subjects, Arc<Error>> {
    let (mut digests, below) = walk.below(digest, wanted).await?;
    // The listing is not read for new images alone.
    if wanted == WantedReferrers::Untagged && !is_new && is_bare(walk, digest).await {
        return Ok(Subjects { digests, below });
    }
    match walk.whole() {
        Some(whole) => walk.count_left(whole, wanted).await,
        None => digests.insert(0, digest.clone()),
    }
    Ok(Subjects { digests, below })
}

/// Whether the source's bulk listing says that an image has no referrers. It says nothing of the manifests below it.
pub(super) async fn is_bare(walk: &Walk, digest: &Digest) -> bool {
    if walk.policy().referrers != ReferrerPolicy::Copy {
        // The listing does not cover referrers tags, which are not copied by themselves here.
        return false;
    }
    let digest = walk.whole().unwrap_or(digest);
    walk.source.bulk_tags().await.is_some_and(|known| known.bare.contains(digest))
}

/// What the referrers of an image depend on, besides the image and its target: a note about other ones says nothing.
pub(super) fn way(walk: &Walk, wanted: WantedReferrers) -> Digest {
    let policy = walk.policy();
    let (source, platforms) = (walk.source.name(), &policy.platforms);
    let way = format!("{source} {wanted:?} {:?} {platforms:?} {:?}", policy.referrers, policy.attestations);
    Digest::sha256(way.as_bytes())
}

impl Walk {
    /// The manifests below the image that the target has as `image`, and what is known of their referrers.
    async fn below(
        &self,
        image: &Digest,
        wanted: WantedReferrers,
    ) -> Result<(Vec<Digest>, Below), Arc<Error>> {
        let (state, target) = (&self.run.state, &self.copy.target);
        let (is_read, is_empty, content) = {
            let visited = self.visited();
            (visited.has_children_of(image), visited.is_empty(), visited.content())
        };
        if (is_read && is_empty) || (!is_read && state.has_nothing_below(image)) {
            return Ok((Vec::new(), Below::Nothing));
        }
        // What this copy has brought is newer than any note.
        if content == Content::Found
            && state.brought_below((target.store(), target.repository()), image, &way(self, wanted))
        {
            return Ok((Vec::new(), Below::Noted));
        }
        self.visit_all(image).await?;
        let below = self.visited().below();
        let kind = if below.is_empty() { Below::Nothing } else { Below::Wanted };
        Ok((below, kind))
    }

    /// Visits all manifests below an image that the copy has not visited, level by level.
    async fn visit_all(&self, image: &Digest) -> Result<(), Arc<Error>> {
        let mut walk = self.clone();
        loop {
            let open = walk.visited().open(image);
            if open.is_empty() {
                return Ok(());
            }
            let asked: Vec<_> = open.iter().map(|index| walk.children(image, index)).collect();
            let found: Vec<_> = stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
            for ((index, _), children) in open.iter().zip(found) {
                walk.visited().meet_children(index, &children);
            }
            walk = walk.deeper();
        }
    }

    /// The children of an index that the target has.
    async fn children(
        &self,
        image: &Digest,
        (index, size): &(Digest, Option<u64>),
    ) -> Result<Vec<Descriptor>, Arc<Error>> {
        if index == image {
            return self.children_of_image(image).await;
        }
        let descriptor = Descriptor::new(None, index.clone(), *size);
        let _bytes = self.copy.bytes_for(&self.run, &descriptor).await;
        let manifest = self.read_at_target(index).await?;
        Ok(self.links(&manifest)?.manifests)
    }

    /// The children of the image itself, without those for platforms that are not wanted: the target may lack them.
    async fn children_of_image(&self, image: &Digest) -> Result<Vec<Descriptor>, Arc<Error>> {
        let mut read = self.copy.image_read(&self.run).await;
        let manifest = self.read_at_target(image).await?;
        read.came(&manifest);
        let mut children = self.links(&manifest)?.manifests;
        if children.is_empty() {
            return Ok(children);
        }
        match self.select_platforms(&manifest).await? {
            Selected::AllBut(unwanted) => children.retain(|child| !unwanted.contains(&child.digest)),
            Selected::Nothing => children.clear(),
        }
        Ok(children)
    }

    /// A manifest that the target has. The target is read because some registries count a read at the source as a
    /// pull; the source is read if the target does not return it.
    async fn read_at_target(&self, digest: &Digest) -> Result<RawManifest, Arc<Error>> {
        let reference = TagOrDigest::Digest(digest.clone());
        let step = async || self.manifest_at_target(&reference).await;
        match self.run.retrying(&self.copy, step).await {
            // The source does not have what was rewritten for the target.
            Err(error) if !error.is_stopped() && self.whole().is_none() => {
                self.read_manifest(&reference).await
            }
            read => read,
        }
    }
}
