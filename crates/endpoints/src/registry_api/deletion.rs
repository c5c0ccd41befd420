//! Deletes tags by registries' APIs beside the protocol.
//!
//! Harbor's API can do it; Azure's is in the registry client, because it takes the protocol's tokens. Of Alibaba's, only the
//! name of the call is known (`DeleteRepoTag`), so the protocol is used there.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use oci::{RepositoryName, Tag, WhyKept};
use providers::harbor::{ApiVersion, Harbor, Untagging};
use sync::endpoint::{Answer, Deletion, EndpointError, Untags};

use super::{RegistryApi, trouble};

impl Untags for RegistryApi {
    fn is_offered(&self) -> BoxFuture<'_, bool> {
        async { self.harbor_that_untags().await.is_some() }.boxed()
    }

    fn untag<'a>(&'a self, repository: &'a RepositoryName, tag: &'a Tag) -> Answer<'a, Option<Deletion>> {
        self.untag_at_harbor(repository, tag).boxed()
    }
}

impl RegistryApi {
    /// `None` if a proxy hides the API, or if it wants another login: the protocol may still work.
    async fn harbor_that_untags(&self) -> Option<Harbor> {
        if self.acr().is_some() {
            return None;
        }
        self.harbor().await.ok().flatten().filter(|harbor| harbor.version() == ApiVersion::Two)
    }

    async fn untag_at_harbor(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
    ) -> Result<Option<Deletion>, EndpointError> {
        let Some(harbor) = self.harbor_that_untags().await else { return Ok(None) };
        match harbor.delete_tag(repository, tag).await {
            Ok(Untagging::Done) => Ok(Some(Deletion::Untagged)),
            Ok(Untagging::NotThere) => Ok(Some(Deletion::NotThere)),
            Ok(Untagging::NotOffered) => Ok(None),
            Err(error) => match error.refusal().and_then(registry::Refusal::why_tag_is_kept) {
                Some(WhyKept::NoTagDeletion) => Ok(None),
                Some(why) => Ok(Some(Deletion::Kept(why, trouble::harbor(error)))),
                None => Err(trouble::harbor(error)),
            },
        }
    }
}
