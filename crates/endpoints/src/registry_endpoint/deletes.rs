//! Deletes tags and manifests of a repository.

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, TryFutureExt as _};
use oci::{Descriptor, Digest, Tag, TagOrDigest};
use registry::{ReferrerFilter, TagDeletion};
use sync::endpoint::{Answer, Deletes, Deletion};

use super::RegistryEndpoint;
use crate::judge::judged;

impl Deletes for RegistryEndpoint {
    fn untags(&self) -> BoxFuture<'_, bool> {
        async {
            match &self.untagging {
                Some(untagging) if untagging.is_offered().await => true,
                _ => self.repository.registry().profile().tag_deletion == TagDeletion::Azure,
            }
        }
        .boxed()
    }

    fn resolve<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, Option<Digest>> {
        self.repository.resolve(reference).map_err(judged).boxed()
    }

    fn delete_tag<'a>(&'a self, tag: &'a Tag) -> Answer<'a, Deletion> {
        async move {
            if let Some(untagging) = &self.untagging
                && let Some(untagged) = untagging.untag(self.repository.name(), tag).await?
            {
                return Ok(untagged);
            }
            self.repository.delete_tag(tag).await.map(deletion).map_err(judged)
        }
        .boxed()
    }

    fn delete_manifest<'a>(&'a self, digest: &'a Digest) -> Answer<'a, Deletion> {
        self.repository.delete_manifest(digest).map_ok(deletion).map_err(judged).boxed()
    }

    fn referrers<'a>(&'a self, subject: &'a Digest) -> Answer<'a, Vec<Descriptor>> {
        async move { self.repository.untagged_referrers(subject, &ReferrerFilter::all()).await.map_err(judged) }
            .boxed()
    }
}

/// The result of a deletion, in the engine's terms.
fn deletion(deletion: registry::Deletion) -> Deletion {
    match deletion {
        registry::Deletion::Done => Deletion::Done,
        registry::Deletion::NotThere => Deletion::NotThere,
        registry::Deletion::Kept(why, error) => Deletion::Kept(why, judged(error)),
    }
}
