//! A registry with all that is known of it before it is asked: for who looks at each step by itself.

use std::sync::Arc;

use oci::{RegistryHost, RepositoryName};
use registry::{Login, LoginPlace, Registry, Scheme};

use super::{AuthEntry, MissingRepositories, Registries};
use crate::extras::Extras;

/// A registry as one user sees it, and who that is.
#[derive(Clone)]
pub(crate) struct KnownRegistry {
    pub(crate) registry: Registry,
    pub(crate) extras: Arc<Extras>,
    pub(crate) missing: MissingRepositories,
    /// Who we are there, and where that stands, in words; `None` for nobody.
    pub(crate) login: Option<String>,
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
            login: entry.and_then(entry_login).or_else(|| self.file_login(host, repository)),
            registry: handle.registry,
            extras: handle.extras,
            missing: handle.missing,
            usual_port: if is_plain { 80 } else { 443 },
        }
    }

    /// The keys of all auth entries that have a login, of any kind.
    pub(crate) fn entries_with_login(&self) -> Vec<String> {
        let entries = self.auth.entries.iter().filter(|entry| entry_login(entry).is_some());
        entries.map(|entry| entry.key.clone()).collect()
    }

    fn file_login(&self, host: &RegistryHost, repository: &RepositoryName) -> Option<String> {
        let found = self.login_files.find(host, repository)?;
        let place = match found.place {
            LoginPlace::File(path) => format!("the login file {}", path.display()),
            LoginPlace::Variable(name) => format!("the variable {name}"),
        };
        match found.login {
            Login::Anonymous => None,
            Login::User(credentials) => Some(format!("`{}` from {place}", credentials.user())),
            Login::Source(_) => Some(format!("the credential helper that {place} names")),
        }
    }
}

fn entry_login(entry: &AuthEntry) -> Option<String> {
    let key = &entry.key;
    if entry.offer.acr.is_some() {
        return Some(format!("a temporary login of Alibaba Cloud (auth entry `{key}`)"));
    }
    let user = entry.credentials.as_ref()?.user();
    Some(format!("`{user}` from the auth entry `{key}`"))
}
