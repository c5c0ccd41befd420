//! What registries offer beside the protocol, in the form in which the engine asks for it.
//!
//! Which of it a registry has is found out by asking: by what it calls itself in its challenge, never by its name.

mod acr;
mod acr_repositories;
mod deletion;
mod harbor;
mod listing;
mod trouble;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, TryFutureExt as _};
use oci::RepositoryName;
use registry::Registry;
use sync::endpoint::{Answer, EndpointError, Scope};
use sync::listing::{BulkDigests, BulkListing, Preparation};
use tokio::sync::{Mutex, OnceCell};

pub use acr::{AcrAccess, AcrSettings};
pub use listing::RegistryListing;
pub use trouble::{Shown, Trouble};

/// What one registry, as one user sees it, offers beside the protocol.
pub struct RegistryApi {
    registry: Registry,
    acr: Option<Arc<AcrAccess>>,
    harbor: OnceCell<Option<providers::harbor::Harbor>>,
    /// Whether its API failed when it was asked what all tags point at: it is asked no more then.
    gives_no_digests: AtomicBool,
    /// Projects and repositories that are known to be there.
    ready: Mutex<HashSet<String>>,
}

impl RegistryApi {
    /// Of the registry that `registry` speaks to, with the way to Alibaba's API where its login is from there.
    pub fn new(registry: Registry, acr: Option<Arc<AcrAccess>>) -> Self {
        let (harbor, gives_no_digests, ready) = Default::default();
        Self { registry, acr, harbor, gives_no_digests, ready }
    }

    /// The way to Alibaba's API, where the auth entry names one.
    pub fn acr(&self) -> Option<&Arc<AcrAccess>> {
        self.acr.as_ref()
    }

    /// What is to be told about it, once a run is over.
    pub fn note(&self) -> Option<String> {
        let note = self.acr.as_ref()?.note()?;
        Some(format!("{}: {note}", self.registry.host()))
    }

    /// What all tags of a repository point at, and since when; `None` where the registry has no such list.
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
        // Whatever is in the way: each tag can be asked for by the protocol itself, which then tells what is wrong.
        if asked.as_ref().is_err_and(|error| matches!(error.scope, Scope::Store | Scope::Login)) {
            self.gives_no_digests.store(true, Ordering::Relaxed);
        }
        asked.ok()?
    }

    async fn make_ready(&self, repository: &RepositoryName) -> Result<(), EndpointError> {
        // Held while something is created, so that it is created once.
        let mut ready = self.ready.lock().await;
        match &self.acr {
            Some(acr) => acr.make_ready(repository, &mut ready).await,
            None => self.make_harbor_ready(repository, &mut ready).await,
        }
    }
}

impl BulkDigests for RegistryApi {
    fn digests<'a>(&'a self, repository: &'a RepositoryName) -> BoxFuture<'a, Option<Arc<BulkListing>>> {
        self.digests_of(repository).map(|listing| listing.map(Arc::new)).boxed()
    }

    fn tells_sizes(&self) -> BoxFuture<'_, bool> {
        self.harbor_tells_sizes().boxed()
    }
}

impl RegistryApi {
    async fn needs_nothing(&self, repository: &RepositoryName) -> Result<bool, EndpointError> {
        let mut ready = self.ready.lock().await;
        match &self.acr {
            Some(acr) => acr.is_ready(repository, &mut ready).await,
            None => self.harbor_is_ready(repository, &mut ready).await,
        }
    }
}

impl Preparation for RegistryApi {
    fn prepare<'a>(&'a self, repository: &'a RepositoryName) -> Answer<'a, ()> {
        self.make_ready(repository)
            .map_err(|error| trouble::asked_with(error, self.registry.login_search()))
            .boxed()
    }

    fn is_ready<'a>(&'a self, repository: &'a RepositoryName) -> Answer<'a, bool> {
        self.needs_nothing(repository)
            .map_err(|error| trouble::asked_with(error, self.registry.login_search()))
            .boxed()
    }
}
