//! A registry with all that is known of it before it is asked: for who looks at each step by itself.

use std::sync::Arc;

use oci::{RegistryHost, RepositoryName};
use registry::{LoginSearch, Registry, Scheme};

use super::{MissingRepositories, Registries};
use endpoints::RegistryApi;

/// A registry as one user sees it, and who that is.
#[derive(Clone)]
pub(crate) struct KnownRegistry {
    pub(crate) registry: Registry,
    pub(crate) registry_api: Arc<RegistryApi>,
    pub(crate) missing: MissingRepositories,
    /// Where its login comes from, or was looked for.
    pub(crate) login: LoginSearch,
    /// Why nobody has it, in a few words.
    pub(crate) lack: Option<String>,
    /// The port that goes without saying.
    pub(crate) usual_port: u16,
}

impl Registries {
    /// The registry that an image is in.
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

    /// The keys of all auth entries that have a login, of any kind.
    pub(crate) fn entries_with_login(&self) -> Vec<String> {
        let entries = self.auth.entries.iter();
        let with_login = entries.filter(|entry| entry.credentials.is_some() || entry.offer.acr.is_some());
        with_login.map(|entry| entry.key.clone()).collect()
    }
}
