//! Alibaba Cloud's registries: temporary logins, namespaces, repositories and their tags.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use oci::{ErrorKind, RegistryHost, RepositoryName, Tag};
use providers::alibaba::{
    self, Acr, AcrLogin, AcrLoginSettings, AutoCreateRepository, CredentialChain, CredentialOrigin, Endpoint,
    Endpoints, Http, InstanceId, NamespaceSettings, Region, RepositoryType, ServiceSource,
};
use registry::{LoginSearch, Registry, Transport};
use sync::endpoint::EndpointError;
use sync::listing::BulkListing;
use tokio::sync::OnceCell;

use super::acr_repositories::RepositoryIds;
use super::shared_answer::{Answered, SharedAnswers};
use super::trouble;

/// An auth entry's settings for one of Alibaba's registries. Missing ones are learned.
#[derive(Clone, Debug, Default)]
pub struct AcrSettings {
    /// The instance of the Enterprise Edition.
    pub instance: Option<InstanceId>,
    /// The instance's region.
    pub region: Option<Region>,
    /// The API's address, if it differs from the region's.
    pub endpoint: Option<Endpoint>,
}

impl AcrSettings {
    /// These settings, with missing ones taken from the others.
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
    /// The namespaces that exist, as far as they were looked up.
    namespaces: SharedAnswers<Option<AutoCreateRepository>>,
    /// The namespaces that were made ready for pushes.
    ready: SharedAnswers<AutoCreateRepository>,
    /// Whether the API proved not to have these lists.
    has_no_lists: AtomicBool,
}

/// The service name of the registry, from the client that connects to it anyway.
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
    /// Sends no request yet: `lookup` gives the variables in which keys are searched.
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
            namespaces: SharedAnswers::default(),
            ready: SharedAnswers::default(),
            has_no_lists: AtomicBool::new(false),
        })
    }

    /// Sets the client that learns the registry's service name. Only the first client counts.
    pub fn learn_from(&self, registry: &Registry) {
        let _ = self.service.0.set(registry.clone());
    }

    /// The source of the registry's temporary logins.
    pub fn login(&self) -> Arc<AcrLogin> {
        self.login.clone()
    }

    /// The origin of the access key, once it was needed.
    pub async fn origin(&self) -> Option<CredentialOrigin> {
        self.keys.origin().await
    }

    /// The API of the Enterprise Edition; `None` for the Personal one, which has no such API.
    pub async fn acr(&self) -> Result<Option<Acr>, alibaba::Error> {
        let find = || async {
            let Some(instance) = self.login.instance().await? else { return Ok(None) };
            Ok(Some(Acr::new(self.login.api().await?, instance)))
        };
        self.acr.get_or_try_init(find).await.cloned()
    }

    /// A note about the API, for the end of a run.
    pub(super) fn note(&self) -> Option<String> {
        let text = "Alibaba Cloud's API has no lists of repositories and tags where it was asked: the registry itself was asked instead, tag by tag (the auth entry's `region` or `endpoint` may be another one's)";
        self.has_no_lists.load(Ordering::Relaxed).then(|| text.to_owned())
    }

    /// A list, or `None` if the API does not have this call: then the caller uses the protocol instead.
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

    /// `None` if the tags must be resolved by the protocol.
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

    /// Whether namespace and repository exist, or are created by a push.
    pub(super) async fn is_ready(
        &self,
        repository: &RepositoryName,
        login: Option<&LoginSearch>,
    ) -> Result<bool, EndpointError> {
        let (acr, namespace, name) = self.place_of(repository).await?;
        match self.namespace(&acr, namespace, login).await? {
            None => Ok(false),
            Some(AutoCreateRepository::Enabled) => Ok(true),
            Some(AutoCreateRepository::Disabled) => {
                let found = acr.repository(namespace, name).await;
                Ok(found.map_err(|error| trouble::acr(&error))?.is_some())
            }
        }
    }

    /// Whether a namespace creates repositories; `None` if it does not exist.
    async fn namespace(
        &self,
        acr: &Acr,
        namespace: &str,
        login: Option<&LoginSearch>,
    ) -> Result<Option<AutoCreateRepository>, EndpointError> {
        let look = async {
            let found = acr.namespace(namespace).await.map_err(|error| trouble::acr(&error))?;
            let found = found.map(|found| found.auto_create);
            let is_final = found == Some(AutoCreateRepository::Enabled);
            Ok::<_, EndpointError>(if is_final { Answered::ForGood(found) } else { Answered::ForNow(found) })
        };
        self.namespaces.get(namespace, login, look.boxed()).await
    }

    /// The API, and a repository's namespace and name there.
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

    /// Creates namespace and repository, unless a push creates them.
    pub(super) async fn make_ready(
        &self,
        repository: &RepositoryName,
        login: Option<&LoginSearch>,
    ) -> Result<(), EndpointError> {
        let trouble = |error: alibaba::Error| trouble::acr(&error);
        let (acr, namespace, name) = self.place_of(repository).await?;
        let made = async {
            let auto_create = if let Some(auto_create) = self.namespace(&acr, namespace, login).await? {
                auto_create
            } else {
                let settings = NamespaceSettings::default();
                acr.create_namespace(namespace, settings).await.map_err(trouble)?.auto_create
            };
            Ok::<_, EndpointError>(Answered::ForGood(auto_create))
        };
        if self.ready.get(namespace, login, made.boxed()).await? == AutoCreateRepository::Disabled
            && acr.repository(namespace, name).await.map_err(trouble)?.is_none()
        {
            acr.create_repository(namespace, name, RepositoryType::Private).await.map_err(trouble)?;
        }
        Ok(())
    }

    /// The repositories of one namespace, and notes about the list.
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
