//! Registries' APIs beside the protocol, in the form that the engine uses.
//!
//! The kind of API is found out by a request: by the service in the registry's challenge, never by its host name.

mod acr;
mod acr_repositories;
mod deletion;
mod harbor;
mod listing;
mod shared_answer;
mod trouble;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, TryFutureExt as _};
use oci::RepositoryName;
use registry::Registry;
use sync::endpoint::{Answer, EndpointError, Scope};
use sync::listing::{BulkDigests, BulkListing, Preparation};

use self::shared_answer::{Answered, SharedAnswer, SharedAnswers};

pub use acr::{AcrAccess, AcrSettings};
pub use listing::RegistryListing;
pub use trouble::{Shown, Trouble};

/// The APIs of one registry beside the protocol, with one login.
pub struct RegistryApi {
    registry: Registry,
    acr: Option<Arc<AcrAccess>>,
    harbor: SharedAnswer<Option<providers::harbor::Harbor>>,
    /// Whether its API failed to list the digests of all tags: then it is not asked again.
    gives_no_digests: AtomicBool,
    /// Whether projects exist.
    projects: SharedAnswers<bool>,
    /// The projects and repositories that were made ready for pushes.
    ready: SharedAnswers<()>,
}

impl RegistryApi {
    /// For the registry of `registry`; `acr` is the access to Alibaba's API if its login comes from there.
    pub fn new(registry: Registry, acr: Option<Arc<AcrAccess>>) -> Self {
        let (harbor, gives_no_digests, projects, ready) = Default::default();
        Self { registry, acr, harbor, gives_no_digests, projects, ready }
    }

    /// The access to Alibaba's API, if the auth entry names one.
    pub fn acr(&self) -> Option<&Arc<AcrAccess>> {
        self.acr.as_ref()
    }

    /// A note about the API, for the end of a run.
    pub fn note(&self) -> Option<String> {
        let note = self.acr.as_ref()?.note()?;
        Some(format!("{}: {note}", self.registry.host()))
    }

    /// The digests and push times of all tags of a repository; `None` if the registry has no such list.
    pub async fn bulk_listing(
        &self,
        repository: &RepositoryName,
    ) -> Result<Option<BulkListing>, EndpointError> {
        let asked = match &self.acr {
            Some(acr) => acr.digests(repository).await,
            None => self.harbor_digests(repository).await,
        };
        asked.map_err(|error| trouble::asked_with(error, self.registry.login_search()))
    }

    async fn digests_of(&self, repository: &RepositoryName) -> Option<BulkListing> {
        if self.gives_no_digests.load(Ordering::Relaxed) {
            return None;
        }
        let asked = self.bulk_listing(repository).await;
        // After any of these failures, each tag is resolved by the protocol, which then reports the problem.
        if asked.as_ref().is_err_and(|error| matches!(error.scope, Scope::Store | Scope::Login)) {
            self.gives_no_digests.store(true, Ordering::Relaxed);
        }
        asked.ok()?
    }

    async fn make_ready(&self, repository: &RepositoryName) -> Result<(), EndpointError> {
        match &self.acr {
            Some(acr) => {
                let login = self.registry.login_search();
                let made = async { acr.make_ready(repository, login).await.map(Answered::ForGood) };
                self.ready.get(repository.as_str(), login, made.boxed()).await
            }
            None => self.make_harbor_ready(repository).await,
        }
    }
}

impl BulkDigests for RegistryApi {
    fn digests<'a>(&'a self, repository: &'a RepositoryName) -> BoxFuture<'a, Option<Arc<BulkListing>>> {
        self.digests_of(repository).map(|listing| listing.map(Arc::new)).boxed()
    }

    fn try_digests<'a>(&'a self, repository: &'a RepositoryName) -> Answer<'a, Option<Arc<BulkListing>>> {
        self.bulk_listing(repository).map_ok(|listing| listing.map(Arc::new)).boxed()
    }

    fn tells_sizes(&self) -> Answer<'_, bool> {
        self.harbor_tells_sizes().boxed()
    }
}

impl RegistryApi {
    async fn needs_nothing(&self, repository: &RepositoryName) -> Result<bool, EndpointError> {
        match &self.acr {
            Some(acr) => acr.is_ready(repository, self.registry.login_search()).await,
            None => self.harbor_is_ready(repository).await,
        }
    }
}

impl Preparation for RegistryApi {
    fn prepare<'a>(&'a self, repository: &'a RepositoryName) -> Answer<'a, ()> {
        self.make_ready(repository).boxed()
    }

    fn is_ready<'a>(&'a self, repository: &'a RepositoryName) -> Answer<'a, bool> {
        self.needs_nothing(repository)
            .map_err(|error| trouble::asked_with(error, self.registry.login_search()))
            .boxed()
    }
}
