//! The registries of all rules, each with its login.

mod known;
mod search;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use endpoints::RegistryEndpoint;
use oci::{RegistryHost, RepositoryName};
use providers::google::{self, ServiceAccount};
use registry::{
    Credentials, HostCertificates, Login, LoginFiles, Registry, RequestObserver, Settings, Transport,
};

use super::auth::{Auth, AuthEntry, MissingRepositories};
use super::environment::{Lookup, environment};
use crate::nearest::changes;
use endpoints::{AcrAccess, AcrSettings, RegistryApi, RegistryListing};

pub(crate) use known::KnownRegistry;
pub(crate) use search::LoginOrigin;

/// One handle for each registry and login, so that all rules share connections and tokens.
pub(crate) struct Registries {
    auth: Auth,
    /// The files of `docker login` and `podman login`, for registries without a login in `auth`.
    login_files: LoginFiles,
    transport: Transport,
    handles: HashMap<(RegistryHost, Option<usize>, Option<String>), Handle>,
    used: BTreeSet<usize>,
    /// Targets without a login, and why.
    targets_without_login: BTreeMap<String, String>,
    /// The login files in use, with their registries.
    login_files_used: BTreeMap<String, BTreeSet<String>>,
    home: Option<PathBuf>,
    /// Messages about unusable files and settings, each once.
    unusable: BTreeSet<String>,
}

/// A registry with one login.
#[derive(Clone)]
struct Handle {
    registry: Registry,
    registry_api: Arc<RegistryApi>,
    missing: MissingRepositories,
}

/// The user id of this process, which is part of podman's folder. Only Linux has it.
fn user_number() -> Option<u32> {
    #[cfg(target_os = "linux")]
    return std::os::linux::fs::MetadataExt::st_uid(&std::fs::metadata("/proc/self").ok()?).into();
    #[cfg(not(target_os = "linux"))]
    None
}

impl Registries {
    pub(super) fn new(auth: Auth, lookup: Lookup<'_>, transport: &Transport) -> Self {
        let (login_files, errors) = LoginFiles::read(lookup, user_number());
        let unusable = errors.iter().map(ToString::to_string).collect();
        let home = lookup("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        let transport = transport.clone();
        let (handles, used, targets_without_login, login_files_used) = Default::default();
        Self {
            auth,
            login_files,
            transport,
            handles,
            used,
            targets_without_login,
            login_files_used,
            home,
            unusable,
        }
    }

    /// All registries that are in use so far.
    pub(crate) fn all(&self) -> Vec<Registry> {
        self.handles.values().map(|handle| handle.registry.clone()).collect()
    }

    /// Warnings of the registries' APIs beside the protocol.
    pub(crate) fn notes(&self) -> BTreeSet<String> {
        self.handles.values().filter_map(|handle| handle.registry_api.note()).collect()
    }

    /// A repository as a source.
    pub(crate) fn source(&mut self, host: &RegistryHost, repository: &RepositoryName) -> RegistryEndpoint {
        let handle = self.handle(host, repository);
        RegistryEndpoint::source(&handle.registry, repository).with_bulk_digests(handle.registry_api)
    }

    /// The listing of a registry's repositories below a path, with the login for that path.
    pub(crate) fn listing(&mut self, host: &RegistryHost, below: &RepositoryName) -> RegistryListing {
        // Which entries the listed repositories need is not known yet, so all entries of the host count as used.
        let host_key = format!("{host}/");
        let fits = |entry: &AuthEntry| format!("{}/", entry.prefix()).starts_with(&host_key);
        let entries = self.auth.entries.iter().enumerate();
        self.used.extend(entries.filter(|(_, entry)| fits(entry)).map(|(index, _)| index));
        RegistryListing::new(self.handle(host, below).registry_api)
    }

    /// The listing of a target's repositories, with the login for `below`.
    pub(super) fn target_listing(&mut self, host: &RegistryHost, below: &RepositoryName) -> RegistryListing {
        RegistryListing::new(self.handle(host, below).registry_api)
    }

    pub(super) fn target(&mut self, host: &RegistryHost, repository: &RepositoryName) -> RegistryEndpoint {
        if !self.targets_without_login.contains_key(host.as_str())
            && self.auth.find(host, repository).is_none()
            && let Some(lack) = self.lack(host, repository)
        {
            self.targets_without_login.insert(host.to_string(), lack);
        }
        let handle = self.handle(host, repository);
        let target = RegistryEndpoint::target(&handle.registry, repository)
            .with_bulk_digests(handle.registry_api.clone())
            .with_untagging(handle.registry_api.clone());
        match handle.missing {
            MissingRepositories::AreCreated => target.with_preparation(handle.registry_api),
            MissingRepositories::AreTold => target,
        }
    }

    /// The client of the API behind a registry whose entry marks it as Alibaba's.
    pub(super) fn alibaba(
        &mut self,
        host: &RegistryHost,
        repository: &RepositoryName,
    ) -> Result<Arc<AcrAccess>, String> {
        let handle = self.handle(host, repository);
        let unusable = || self.unusable.iter().cloned().collect::<Vec<_>>().join("; ");
        handle.registry_api.acr().cloned().ok_or_else(unusable)
    }

    fn handle(&mut self, host: &RegistryHost, repository: &RepositoryName) -> Handle {
        let index = self.auth.find(host, repository);
        self.used.extend(index);
        let entry = index.map(|index| &self.auth.entries[index]);
        let credentials = entry.and_then(|entry| entry.credentials.clone());
        let found = if credentials.is_some() { None } else { self.login_files.find(host, repository) };
        // A login file may have a login for each path: each login gets its own handle.
        let key = (host.clone(), index, found.as_ref().map(|found| found.identity.clone()));
        if let Some(handle) = self.handles.get(&key) {
            return handle.clone();
        }
        if let Some(found) = &found {
            self.login_files_used.entry(found.place.to_string()).or_default().insert(host.to_string());
        }
        let login_search = Some(self.search(host, repository));
        let reach = entry.map(|entry| entry.reach.clone()).unwrap_or_default();
        let transport = reach.proxies.as_ref().map(|proxies| self.transport.through(proxies));
        let transport = transport.unwrap_or_else(|| self.transport.clone());
        let trusted_realm = entry.and_then(|entry| entry.trusted_realm.clone());
        let offer = entry.map(|entry| entry.offer.clone()).unwrap_or_default();
        let login = match credentials {
            Some(credentials) => self.written_login(host, credentials, &transport),
            None => found.map_or(Login::Anonymous, |found| found.login),
        };
        let acr = offer.acr.and_then(|settings| self.acr(host, settings, &transport));
        let login = acr.as_ref().map_or(login, |acr| Login::Source(acr.login()));
        let settings = Settings {
            login,
            login_search,
            security: reach.security,
            certificates: reach.certificates.and(self.certificates(host)),
            proxies: reach.proxies,
            http_version: reach.http_version,
            trusted_realm,
            ..Settings::new(host.clone())
        };
        let registry = Registry::new(settings, self.transport.clone());
        if let Some(acr) = &acr {
            acr.learn_from(&registry);
        }
        let registry_api = Arc::new(RegistryApi::new(registry.clone(), acr));
        let handle = Handle { registry, registry_api, missing: offer.missing };
        self.handles.insert(key, handle.clone());
        handle
    }

    fn acr(
        &mut self,
        host: &RegistryHost,
        settings: AcrSettings,
        transport: &Transport,
    ) -> Option<Arc<AcrAccess>> {
        let made = AcrAccess::new(host, settings, transport, Arc::new(environment));
        made.map(Arc::new)
            .map_err(|error| self.unusable.insert(format!("the auth entry for `{host}`: {error}")))
            .ok()
    }

    /// A literal login, or the login that its password is exchanged for.
    fn written_login(
        &mut self,
        host: &RegistryHost,
        credentials: Credentials,
        transport: &Transport,
    ) -> Login {
        if credentials.user() != google::SERVICE_ACCOUNT_USER || !google::is_google(host) {
            return Login::User(credentials);
        }
        match ServiceAccount::from_base64(credentials.password(), transport) {
            Ok(account) => Login::Source(Arc::new(account)),
            Err(error) => {
                self.unusable.insert(format!("the auth entry for `{host}`: {error}"));
                Login::Anonymous
            }
        }
    }

    /// The certificates of a registry in `certs.d`. Unusable files are reported, and the system's certificates apply.
    fn certificates(&mut self, host: &RegistryHost) -> HostCertificates {
        HostCertificates::read(host, self.home.as_deref()).unwrap_or_else(|error| {
            self.unusable.insert(error.to_string());
            HostCertificates::default()
        })
    }

    /// The transport that all registries share.
    #[cfg(feature = "fleet")]
    pub(crate) fn transport(&self) -> Transport {
        self.transport.clone()
    }

    /// From now on, `observer` sees each request.
    pub(crate) fn tell_requests(&self, observer: Arc<dyn RequestObserver>) {
        self.transport.tell(observer);
    }

    /// The places of logins when no file with logins is given.
    pub(super) fn where_logins_come_from(&self) -> String {
        let given = "--images is given without --auth";
        if self.login_files_used.is_empty() {
            return format!(
                "{given}, and docker login left nothing for these registries: they are asked without a login"
            );
        }
        let used = self.login_files_used.iter().map(|(place, hosts)| {
            let hosts = hosts.iter().map(|host| format!("`{host}`")).collect::<Vec<_>>().join(", ");
            format!("the login for {hosts} comes from {place}")
        });
        format!(
            "{given}: {}; other registries are asked without a login",
            used.collect::<Vec<_>>().join(", ")
        )
    }

    /// Warnings about targets without a login: a login for one registry and a target at another is the most common mistake.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<_> = self
            .targets_without_login
            .iter()
            .map(|(host, lack)| {
                let keys = self.unused_entries().map(|entry| entry.key.as_str()).take(MOST_COMPARED);
                let meant = keys.filter(|key| is_like(host, key)).take(3);
                let meant = meant.map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" or ");
                let meant = if meant.is_empty() { meant } else { format!("; did you mean {meant}?") };
                format!("the target registry `{host}` is written to without a login: {lack}{meant}")
            })
            .collect();
        warnings.extend(self.unusable.iter().cloned());
        warnings
    }

    /// Warnings about unused entries, which are most likely mistakes, too.
    pub(super) fn unused(&self) -> Vec<String> {
        let warning = |entry: &AuthEntry| format!("the auth entry `{}` is used by no rule", entry.key);
        self.unused_entries().filter(|entry| entry.flags.is_empty()).map(warning).collect()
    }

    /// Warnings about registries that only flags name: most likely a mistake, whatever the config has.
    pub(crate) fn unused_flags(&self) -> Vec<String> {
        let is_vain = |entry: &&AuthEntry| {
            // Flags also apply to the entries of a registry's paths.
            let front = format!("{}/", entry.prefix());
            let mut used = self.used.iter().map(|index| &self.auth.entries[*index]);
            !entry.flags.is_empty() && !used.any(|used| used.prefix().starts_with(&front))
        };
        let vain = self.unused_entries().filter(is_vain);
        vain.map(|entry| {
            let AuthEntry { key, flags, .. } = entry;
            format!("nothing uses the registry `{key}`, which is named by {}", flags.join(" and "))
        })
        .collect()
    }

    fn unused_entries(&self) -> impl Iterator<Item = &AuthEntry> {
        let entries = self.auth.entries.iter().enumerate();
        entries.filter(|(index, _)| !self.used.contains(index)).map(|(_, entry)| entry)
    }
}

/// The most unused entries that are compared with each registry.
const MOST_COMPARED: usize = 50;

/// Whether an entry's key may be a misspelling of a registry: another port, a host of the same domain, or one or two letters.
fn is_like(host: &str, key: &str) -> bool {
    let key = key.trim_start_matches("https://").trim_start_matches("http://");
    let key = key.split('/').next().unwrap_or_default().to_ascii_lowercase();
    let host = host.to_ascii_lowercase();
    let name = |host: &str| host.rsplit_once(':').map_or(host, |(name, _)| name).to_owned();
    let (host_name, key_name) = (name(&host), name(&key));
    let domain = |name: &str| {
        let labels: Vec<&str> = name.rsplit('.').take(2).collect();
        let is_domain = labels.len() == 2 && !labels[0].bytes().all(|byte| byte.is_ascii_digit());
        is_domain.then(|| format!("{}.{}", labels[1], labels[0]))
    };
    let same_domain = domain(&host_name).is_some_and(|host| domain(&key_name) == Some(host));
    host_name == key_name || same_domain || changes(&host_name, &key_name) <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c16_only_hosts_that_are_alike_are_offered() {
        for (host, key) in [
            ("registry.cn-beijing.aliyuncs.com", "a.cn-shanghai.cr.aliyuncs.com"),
            ("harbor.host:5000", "harbor.host"),
            ("registry.cn-hangzhou.invalid", "egistry.cn-hangzhou.invalid"),
            ("Quay.io", "https://quay.io/team"),
        ] {
            assert!(is_like(host, key), "{host} {key}");
        }
        for (host, key) in [
            ("ghcr.io", "quay.io"),
            ("10.0.0.1:5000", "192.168.0.1:5000"),
            ("registry.a.com", "harbor.b.org"),
        ] {
            assert!(!is_like(host, key), "{host} {key}");
        }
    }
}
