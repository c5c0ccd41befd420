//! A registry with everything known before the first request, for `check`.

use std::sync::Arc;

use oci::{RegistryHost, RepositoryName};
use registry::{LoginSearch, Registry, Scheme};

use super::{MissingRepositories, Registries};
use endpoints::RegistryApi;

/// A registry with one login, and the origin of that login.
#[derive(Clone)]
pub(crate) struct KnownRegistry {
    pub(crate) registry: Registry,
    pub(crate) registry_api: Arc<RegistryApi>,
    pub(crate) missing: MissingRepositories,
    /// The login's origin, or the places without one.
    pub(crate) login: LoginSearch,
    /// Why there is no login, in a few words.
    pub(crate) lack: Option<String>,
    /// The default port.
    pub(crate) usual_port: u16,
}

impl Registries {
    /// The registry of an image.
    pub(crate) fn known(&mut self, host: &RegistryHost, repository: &RepositoryName) -> KnownRegistry {
        let handle = self.handle(host, repository);
        let entry = self.auth.find(host, repository).map(|index| &self.auth.entries[index]);
        let is_plain = entry.is_some_and(|entry| entry.reach.security.scheme == Scheme::Plain);
        KnownRegistry {
            login: self.search(host, repository),
            lack: self.lack(host, repository),
            registry: handle.registry,
            registry_api: handle.registry_api,
            missing: handle.missing,
            usual_port: if is_plain { 80 } else { 443 },
        }
    }

    /// The keys of all auth entries with a login of any kind.
    pub(crate) fn entries_with_login(&self) -> Vec<String> {
        let entries = self.auth.entries.iter();
        let with_login = entries.filter(|entry| entry.credentials.is_some() || entry.offer.acr.is_some());
        with_login.map(|entry| entry.key.clone()).collect()
    }
}
