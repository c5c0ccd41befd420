//! Harbor's projects and artifacts.

use futures_util::FutureExt as _;
use oci::{ErrorKind, RepositoryName};
use providers::harbor::{ApiVersion, Error, Harbor, ProjectName, Visibility};
use sync::endpoint::EndpointError;
use sync::listing::BulkListing;

use super::shared_answer::Answered;
use super::{RegistryApi, trouble};
use crate::judge::judged;

/// Harbor's service name in its challenges, from 1.x to today.
const SERVICE: &str = "harbor-registry";

impl RegistryApi {
    /// Harbor's API, if this is a Harbor. Checked once.
    pub async fn harbor(&self) -> Result<Option<Harbor>, EndpointError> {
        let found = async { self.find_harbor().await.map(Answered::ForGood) };
        self.harbor.get(self.registry.login_search(), found.boxed()).await
    }

    async fn find_harbor(&self) -> Result<Option<Harbor>, EndpointError> {
        if self.registry.service().await.map_err(judged)?.as_deref() != Some(SERVICE) {
            return Ok(None);
        }
        let (client, base) = self.registry.host_client().await.map_err(judged)?;
        let credentials = self.registry.credentials().await.map_err(judged)?;
        match Harbor::connect(client, &base, credentials.as_ref()).await {
            Ok(harbor) => Ok(Some(harbor)),
            // If a login page hides the API, the protocol may still work.
            Err(Error::NotHarbor { .. } | Error::WebPage { .. }) => Ok(None),
            Err(error) => Err(trouble::harbor(error)),
        }
    }

    /// Harbor has stated the sizes of artifacts since it has artifacts: since 2.0.
    pub(super) async fn harbor_tells_sizes(&self) -> Result<bool, EndpointError> {
        if self.acr.is_some() {
            return Ok(false);
        }
        Ok(self.harbor().await?.is_some_and(|harbor| harbor.version() == ApiVersion::Two))
    }

    pub(super) async fn harbor_digests(
        &self,
        repository: &RepositoryName,
    ) -> Result<Option<BulkListing>, EndpointError> {
        let Some(harbor) = self.harbor().await? else { return Ok(None) };
        let mut listing = BulkListing::default();
        let mut pages = harbor.artifacts(repository);
        while let Some(artifacts) = pages.next().await.map_err(trouble::harbor)? {
            for artifact in artifacts {
                listing.referrers += artifact.accessories as u64;
                // Before 2.5, Harbor has no accessories: there all referrers have tags.
                if artifact.accessories == 0 {
                    listing.bare.insert(artifact.digest.clone());
                }
                for tag in artifact.tags {
                    listing.bytes.extend(artifact.bytes.map(|bytes| (tag.tag.clone(), bytes)));
                    listing.dates.extend(tag.pushed.map(|pushed| (tag.tag.clone(), pushed)));
                    listing.digests.insert(tag.tag, artifact.digest.clone());
                }
            }
        }
        Ok(Some(listing))
    }

    /// Whether the project of a repository exists.
    pub(super) async fn harbor_is_ready(&self, repository: &RepositoryName) -> Result<bool, EndpointError> {
        let Some(project) = ProjectName::of(repository) else { return Ok(true) };
        let is_there = async {
            let Some(harbor) = self.harbor().await? else { return Err(self.makes_nothing()) };
            let found = harbor.project(&project).await.map_err(trouble::harbor)?;
            let is_there = found.is_some();
            Ok(if is_there { Answered::ForGood(is_there) } else { Answered::ForNow(is_there) })
        };
        self.projects.get(project.as_str(), self.registry.login_search(), is_there.boxed()).await
    }

    /// The error for creating something in a registry without an API for that.
    fn makes_nothing(&self) -> EndpointError {
        let host = self.registry.host();
        let text = format!(
            "{host} is neither a Harbor nor one of Alibaba's registries with \"provider\": \"acr\": nothing can be created there"
        );
        trouble::permanent(ErrorKind::Rejected, text)
    }

    /// Creates the project of a repository.
    pub(super) async fn make_harbor_ready(&self, repository: &RepositoryName) -> Result<(), EndpointError> {
        let Some(project) = ProjectName::of(repository) else { return Ok(()) };
        let made = async {
            if !self.harbor_is_ready(repository).await?
                && let Some(harbor) = self.harbor().await?
            {
                harbor.create_project(&project, Visibility::Private).await.map_err(trouble::harbor)?;
            }
            Ok::<_, EndpointError>(Answered::ForGood(()))
        };
        self.ready.get(project.as_str(), self.registry.login_search(), made.boxed()).await
    }
}
