//! Alibaba Cloud's registries: temporary logins, namespaces, repositories and their tags.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use oci::{ErrorKind, RegistryHost, RepositoryName, Tag};
use providers::alibaba::{
    self, Acr, AcrLogin, AcrLoginSettings, AutoCreateRepository, CredentialChain, CredentialOrigin, Endpoint,
    Endpoints, Http, InstanceId, NamespaceSettings, Region, RepositoryType, ServiceSource,
};
use registry::{Registry, Transport};
use sync::endpoint::EndpointError;
use sync::listing::BulkListing;
use tokio::sync::OnceCell;

use super::acr_repositories::RepositoryIds;
use super::trouble;

/// What an auth entry says of one of Alibaba's registries. What it leaves out is learned.
#[derive(Clone, Debug, Default)]
pub struct AcrSettings {
    /// The instance of the Enterprise Edition.
    pub instance: Option<InstanceId>,
    /// Where it runs.
    pub region: Option<Region>,
    /// Where the API answers, if not where the region says.
    pub endpoint: Option<Endpoint>,
}

impl AcrSettings {
    /// These, and the others where these say nothing.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            instance: self.instance.or(others.instance),
            region: self.region.or(others.region),
            endpoint: self.endpoint.or(others.endpoint),
        }
    }
}

/// One of Alibaba's registries with an access key for its API.
pub struct AcrAccess {
    login: Arc<AcrLogin>,
    keys: Arc<CredentialChain>,
    service: Arc<LearnedService>,
    acr: OnceCell<Option<Acr>>,
    ids: RepositoryIds,
    /// Whether the API turned out not to have what was asked for.
    has_no_lists: AtomicBool,
}

/// What the registry calls itself, from the client that speaks to it anyway.
#[derive(Default)]
struct LearnedService(OnceLock<Registry>);

impl ServiceSource for LearnedService {
    fn service(&self) -> BoxFuture<'_, Result<String, alibaba::Error>> {
        async {
            let Some(registry) = self.0.get() else { return Ok(String::new()) };
            let asked = registry.service().await;
            let host = registry.host().to_string();
            let failed = |reason: String| alibaba::Error::NotAlibaba { host: host.clone(), reason };
            asked
                .map_err(|error| failed(format!("it cannot be asked what it is: {error}")))?
                .ok_or_else(|| failed("it wants no tokens, as all of Alibaba's registries do".to_owned()))
        }
        .boxed()
    }
}

impl AcrAccess {
    /// Nothing is asked yet: `lookup` says where keys are looked for.
    pub fn new(
        host: &RegistryHost,
        settings: AcrSettings,
        transport: &Transport,
        lookup: alibaba::Lookup,
    ) -> Result<Self, alibaba::Error> {
        let http = Http::new(transport)?;
        let keys = Arc::new(CredentialChain::new(http.clone(), lookup, Endpoints::default()));
        let service = Arc::new(LearnedService::default());
        let AcrSettings { instance, region, endpoint } = settings;
        let settings = AcrLoginSettings {
            host: host.clone(),
            instance,
            region,
            endpoint,
            keys: keys.clone(),
            service: service.clone(),
        };
        let login = Arc::new(AcrLogin::new(http, settings));
        Ok(Self {
            login,
            keys,
            service,
            acr: OnceCell::new(),
            ids: RepositoryIds::default(),
            has_no_lists: AtomicBool::new(false),
        })
    }

    /// The client that knows what the registry calls itself. Once it is known, the rest is.
    pub fn learn_from(&self, registry: &Registry) {
        let _ = self.service.0.set(registry.clone());
    }

    /// Gives the registry's temporary logins.
    pub fn login(&self) -> Arc<AcrLogin> {
        self.login.clone()
    }

    /// Where the access key comes from, once it was needed.
    pub async fn origin(&self) -> Option<CredentialOrigin> {
        self.keys.origin().await
    }

    /// The API of the Enterprise Edition; `None` for the Personal one, which has nothing of it.
    pub async fn acr(&self) -> Result<Option<Acr>, alibaba::Error> {
        let find = || async {
            let Some(instance) = self.login.instance().await? else { return Ok(None) };
            Ok(Some(Acr::new(self.login.api().await?, instance)))
        };
        self.acr.get_or_try_init(find).await.cloned()
    }

    /// What is to be told about the API, once a run is over.
    pub(super) fn note(&self) -> Option<String> {
        let text = "Alibaba Cloud's API has no lists of repositories and tags where it was asked: the registry itself was asked instead, tag by tag (the auth entry's `region` or `endpoint` may be another one's)";
        self.has_no_lists.load(Ordering::Relaxed).then(|| text.to_owned())
    }

    /// A list, or `None` where the API does not have this call: whoever wants it asks the protocol instead.
    fn offered<T>(&self, listed: Result<T, alibaba::Error>) -> Result<Option<T>, EndpointError> {
        match listed {
            Ok(list) => Ok(Some(list)),
            Err(error) if error.kind() == alibaba::ErrorKind::NoApi => {
                self.has_no_lists.store(true, Ordering::Relaxed);
                Ok(None)
            }
            Err(error) => Err(trouble::acr(&error)),
        }
    }

    /// `None` where the registry itself has to be asked.
    pub(super) async fn digests(
        &self,
        repository: &RepositoryName,
    ) -> Result<Option<BulkListing>, EndpointError> {
        if self.has_no_lists.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let Some(acr) = self.acr().await.map_err(|error| trouble::acr(&error))? else { return Ok(None) };
        let Some((namespace, name)) = repository.as_str().split_once('/') else { return Ok(None) };
        let Some(found) = self.offered(self.ids.find(&acr, namespace, name).await)? else { return Ok(None) };
        let Some(id) = found else { return Ok(Some(BulkListing::default())) };
        let Some(tags) = self.offered(acr.tags(&id).await)? else { return Ok(None) };
        let mut listing = BulkListing::default();
        for listed in tags {
            let Ok(tag) = listed.tag.parse::<Tag>() else { continue };
            listing.dates.extend(listed.updated.map(|updated| (tag.clone(), updated)));
            listing.digests.extend(listed.digest.map(|digest| (tag, digest)));
        }
        Ok(Some(listing))
    }

    /// Whether namespace and repository are there, or come by themselves.
    pub(super) async fn is_ready(
        &self,
        repository: &RepositoryName,
        ready: &mut HashSet<String>,
    ) -> Result<bool, EndpointError> {
        let trouble = |error: alibaba::Error| trouble::acr(&error);
        let (acr, namespace, name) = self.place_of(repository).await?;
        if ready.contains(namespace) {
            return Ok(true);
        }
        let Some(found) = acr.namespace(namespace).await.map_err(trouble)? else { return Ok(false) };
        if found.auto_create == AutoCreateRepository::Enabled {
            ready.insert(namespace.to_owned());
            return Ok(true);
        }
        Ok(acr.repository(namespace, name).await.map_err(trouble)?.is_some())
    }

    /// The API, with a repository's namespace and its name there.
    async fn place_of<'a>(
        &self,
        repository: &'a RepositoryName,
    ) -> Result<(Acr, &'a str, &'a str), EndpointError> {
        let Some(acr) = self.acr().await.map_err(|error| trouble::acr(&error))? else {
            let text = "the Personal Edition has no API to create namespaces with: create it in the console";
            return Err(trouble::permanent(ErrorKind::Rejected, text.to_owned()));
        };
        let Some((namespace, name)) = repository.as_str().split_once('/') else {
            let text =
                format!("{repository} names no namespace: here repositories are `namespace/repository`");
            return Err(trouble::permanent(ErrorKind::Rejected, text));
        };
        Ok((acr, namespace, name))
    }

    /// Creates namespace and repository, as far as they do not come by themselves.
    pub(super) async fn make_ready(
        &self,
        repository: &RepositoryName,
        ready: &mut HashSet<String>,
    ) -> Result<(), EndpointError> {
        let trouble = |error: alibaba::Error| trouble::acr(&error);
        let (acr, namespace, name) = self.place_of(repository).await?;
        if ready.contains(namespace) {
            return Ok(());
        }
        let found = match acr.namespace(namespace).await.map_err(trouble)? {
            Some(found) => found,
            None => acr.create_namespace(namespace, NamespaceSettings::default()).await.map_err(trouble)?,
        };
        if found.auto_create == AutoCreateRepository::Enabled {
            ready.insert(namespace.to_owned());
        } else if acr.repository(namespace, name).await.map_err(trouble)?.is_none() {
            acr.create_repository(namespace, name, RepositoryType::Private).await.map_err(trouble)?;
        }
        Ok(())
    }

    /// The repositories of one namespace, and what is to be told about the list.
    pub(super) async fn repositories(
        &self,
        namespace: &str,
    ) -> Result<Option<(Vec<RepositoryName>, Vec<String>)>, EndpointError> {
        let trouble = |error: alibaba::Error| trouble::acr(&error);
        let Some(acr) = self.acr().await.map_err(trouble)? else { return Ok(None) };
        let Some(listed) = self.offered(acr.repositories(namespace).await)? else { return Ok(None) };
        let (mut names, mut odd) = (Vec::new(), listed.odd);
        for found in listed.entries {
            let name = format!("{}/{}", found.namespace, found.name);
            match name.parse() {
                Ok(name) => names.push(name),
                Err(_) => odd.push(name),
            }
        }
        let notes = odd.iter().map(|name| format!("`{name}` is no repository's name"));
        Ok(Some((names, notes.collect())))
    }
}
