//! Handles to a registry and to its repositories.

mod answered;
mod known;
mod refused;
mod send;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use oci::{RegistryHost, RepositoryName};
use tokio::sync::OnceCell;
use url::Url;

use crate::auth::authenticator::Authenticator;
use crate::auth::credential::{Credentials, Login};
use crate::auth::login_search::LoginSearch;
use crate::auth::scope::{Access, Scopes};
use crate::auth::visitor_token::VisitorTokens;
use crate::blob::habits::UploadHabits;
use crate::concern::Endpoint;
use crate::connect::{self, Connection};
use crate::error::Problem;
use crate::failed_connect::FailedConnect;
use crate::http::answer_count::AnswerCount;
use crate::http::destination::LeavingTls;
use crate::http::host_client::HostClient;
use crate::http::large_reads::LargeReads;
use crate::http::limit::{Limits, RequestKind};
use crate::http::notice::{Notices, Quota};
use crate::http::route::Route;
use crate::http::stall::Patience;
use crate::http::traffic::TrafficMeter;
use crate::http::transport::Transport;
use crate::learned::Learned;
use crate::profile::Profile;
use crate::proven::Proven;
use crate::settings::Settings;
use crate::{Error, RedactedUrl};

pub use answered::{Answered, LoginSent, Party};
pub(crate) use send::unexpected;

/// One registry with one login. Cheap to clone; clones share login and connections.
#[derive(Clone)]
pub struct Registry(Arc<Shared>);

struct Shared {
    settings: Settings,
    transport: Transport,
    authenticator: Authenticator,
    visitor_tokens: VisitorTokens,
    connection: OnceCell<Connection>,
    failed: FailedConnect,
    limits: Limits,
    answers: AnswerCount,
    traffic: TrafficMeter,
    notices: Notices,
    upload_habits: UploadHabits,
    learned: Learned,
}

/// One repository of a registry, with the access that we need.
#[derive(Clone)]
pub struct Repository {
    registry: Registry,
    name: RepositoryName,
    access: Access,
}

/// A request before it has its `Authorization`.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// Which server named the address: no login goes to an address that another server named.
    pub(crate) named_by: Party,
    pub(crate) kind: RequestKind,
    pub(crate) endpoint: Endpoint,
    pub(crate) scopes: Scopes,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    pub(crate) route: Route,
}

impl Call {
    pub(crate) fn new(method: Method, url: Url, scopes: Scopes) -> Self {
        let kind = match method {
            Method::HEAD => RequestKind::Look,
            Method::GET => RequestKind::Read,
            _ => RequestKind::Upload,
        };
        let (named_by, endpoint, headers, body) = Default::default();
        Self { method, url, named_by, kind, endpoint, scopes, headers, body, route: Route::Shared }
    }

    /// Sets how many bytes of a blob the request or its answer carries; `None` if unknown.
    pub(crate) fn carrying(mut self, bytes: Option<u64>) -> Self {
        self.route = Route::for_bytes(bytes);
        self
    }

    pub(crate) fn kind(mut self, kind: RequestKind) -> Self {
        self.kind = kind;
        self
    }

    /// Sets the endpoint, for the code that judges a refusal.
    pub(crate) fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoint = endpoint;
        self
    }

    /// Whether the request changes nothing at the registry.
    pub(crate) fn is_read(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }

    pub(crate) fn named_by(mut self, party: Party) -> Self {
        self.named_by = party;
        self
    }

    pub(crate) fn header(mut self, name: http::HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    pub(crate) fn body(mut self, body: Bytes) -> Self {
        self.body = Some(body);
        self
    }

    /// An error for an answer that breaks the protocol.
    pub(crate) fn protocol(&self, problem: Problem) -> Error {
        self.nonsense(problem, Proven::default())
    }

    /// The same, if it is known whether the host is a registry.
    pub(crate) fn nonsense(&self, problem: Problem, proven: Proven) -> Error {
        Error::Protocol { method: self.method.clone(), url: RedactedUrl::from(&self.url), problem, proven }
    }
}

impl Registry {
    /// Prepares a handle; nothing is sent before the first request.
    pub fn new(settings: Settings, transport: Transport) -> Self {
        let transport = match &settings.proxies {
            Some(proxies) => transport.through(proxies),
            None => transport,
        };
        let traffic = TrafficMeter::telling(transport.watch(), Some(settings.host.clone()));
        let authenticator = Authenticator::new(&settings, transport.clone(), traffic.clone());
        let profile = Profile::of_host(&settings.host);
        let (upload_habits, learned) = (UploadHabits::new(profile), Learned::of(profile));
        let (connection, failed, notices, visitor_tokens) = Default::default();
        let limits = transport.limits();
        let answers = transport.answer_counts().of(&settings.host);
        let shared = Shared {
            settings,
            transport,
            authenticator,
            visitor_tokens,
            connection,
            failed,
            limits,
            answers,
            traffic,
            notices,
            upload_habits,
            learned,
        };
        Self(Arc::new(shared))
    }

    /// Host and user, unless a source must be asked for the user: the same in each process, and no secret.
    pub fn identity(&self) -> String {
        match &self.0.settings.login {
            Login::User(credentials) => format!("{} {}", self.host(), credentials.user()),
            Login::Anonymous | Login::Source(_) => self.host().to_string(),
        }
    }

    /// The registry's name, as the user writes it.
    pub fn host(&self) -> &RegistryHost {
        &self.0.settings.host
    }

    /// Where its login was found, or which places were searched, as the settings say.
    pub fn login_search(&self) -> Option<&LoginSearch> {
        self.0.settings.login_search.as_ref()
    }

    /// Whether requests, and the login with them, went over plain HTTP: only if `insecure` allows it.
    pub fn is_unencrypted(&self) -> bool {
        self.0.connection.get().is_some_and(|connection| connection.url.scheme() == "http")
    }

    /// The profile of its kind.
    pub fn profile(&self) -> &'static Profile {
        let connected = self.0.connection.get().map(|connection| connection.profile);
        connected.unwrap_or_else(|| Profile::of_host(&self.0.settings.host))
    }

    pub(crate) fn traffic_meter(&self) -> &TrafficMeter {
        &self.0.traffic
    }

    /// Notes an oddity of its answers that does no harm: reported with its warnings.
    pub(crate) fn note(&self, what: String) {
        self.0.notices.add([what]);
    }

    /// The registry's warnings so far, each text once. Spec: distribution-spec, "Warnings".
    pub fn warnings(&self) -> Vec<String> {
        self.0.notices.warnings()
    }

    /// How many pulls it still allows, if it says so.
    pub fn quota(&self) -> Option<Quota> {
        self.0.notices.quota()
    }

    pub(crate) fn upload_habits(&self) -> &UploadHabits {
        &self.0.upload_habits
    }

    /// Whether it may redirect us to an address without TLS.
    pub(crate) fn leaving_tls(&self) -> LeavingTls {
        LeavingTls::of(&self.0.settings)
    }

    pub(crate) fn patience(&self) -> Patience {
        self.0.settings.patience
    }

    /// Whether requests carry a login.
    pub fn has_login(&self) -> bool {
        !matches!(self.0.settings.login, Login::Anonymous)
    }

    /// The current credentials, refreshed if they expired.
    pub async fn credentials(&self) -> Result<Option<Credentials>, Error> {
        self.0.authenticator.credentials().await
    }

    /// Connects ahead of the first request. That request reports a failure.
    pub async fn connect(&self) {
        let _ = self.connection().await;
    }

    /// The registry's address, and a client for its host's APIs beside the protocol: certificates, proxies
    /// and plain HTTP are as for the protocol.
    pub async fn host_client(&self) -> Result<(HostClient, Url), Error> {
        let connection = self.connection().await?;
        let (client, traffic) = (connection.client.clone(), self.0.traffic.clone());
        Ok((HostClient::new(client, traffic, self.0.transport.sharers()), connection.url.clone()))
    }

    /// The token server's name for it, which identifies Harbor and Alibaba's registries; `None` if it asks for no tokens.
    pub async fn service(&self) -> Result<Option<String>, Error> {
        self.connection().await?;
        Ok(self.0.authenticator.service())
    }

    /// The `Authorization` for a request with `scopes`; `None` for an open registry.
    pub(crate) async fn authorization(&self, scopes: &Scopes) -> Result<Option<HeaderValue>, Error> {
        let connection = self.connection().await?;
        self.0.authenticator.header(connection.base(), scopes).await
    }

    /// Whether a proxy stands between us and the registry: then the proxy resolves names.
    pub fn is_proxied(&self) -> bool {
        let url = Url::parse(&format!("https://{}/", self.host().api_host()));
        url.is_ok_and(|url| self.0.transport.is_proxied(&url))
    }

    /// Announces access to a repository: accesses that are known before the first request can share one
    /// token, which takes one token request for several repositories.
    pub fn announce(&self, name: &RepositoryName, access: Access) {
        self.0.authenticator.announce(&Scopes::one(name, access));
    }

    /// A repository of this registry, to read or also to write. [Announces](Self::announce) it.
    pub fn repository(&self, name: &RepositoryName, access: Access) -> Repository {
        self.announce(name, access);
        let (registry, name) = (self.clone(), name.clone());
        Repository { registry, name, access }
    }

    pub(crate) fn large_reads(&self) -> &LargeReads {
        self.0.transport.large_reads()
    }

    pub(crate) fn learned(&self) -> &Learned {
        &self.0.learned
    }

    /// The client for an address from a manifest.
    pub(crate) fn author_client(&self, url: &Url) -> Result<reqwest::Client, Error> {
        self.0.transport.author_client(&self.0.settings, url)
    }

    /// The party behind an address, or an answer from there, if `party` named the address.
    pub(crate) fn party_at(&self, party: Party, url: &Url) -> Party {
        self.0.connection.get().map_or(Party::Another, |connection| party.at(&connection.url, url))
    }

    /// The client for one request: other hosts get no client certificate of ours, and may not be closer to us than the registry.
    fn client_for(
        &self,
        connection: &Connection,
        (party, method, url): (Party, &Method, &Url),
        route: Route,
    ) -> Result<reqwest::Client, Error> {
        let Shared { settings, transport, .. } = &*self.0;
        if party == Party::Another {
            return transport.storage_client(settings, connection.network, (method, url), route);
        }
        // With HTTP/1.1, each request has a connection of its own anyway.
        match transport.host_routes().route(url, route) {
            Route::Own if connection.is_multiplexed => transport.registry_client(settings, Route::Own),
            Route::Own | Route::Shared => Ok(connection.client.clone()),
        }
    }

    /// Takes over the profile that the first answer showed.
    fn refine(&self, profile: &Profile) {
        self.0.upload_habits.refine(profile);
        self.0.learned.refine(profile);
        self.0.authenticator.limit_scopes(profile.scopes_per_token);
    }

    /// Finds the registry's address and protocol, once.
    pub(crate) async fn connection(&self) -> Result<&Connection, Error> {
        let Shared { settings, transport, authenticator, failed, answers, traffic, .. } = &*self.0;
        let asked = Instant::now();
        let connect = async {
            // A thousand images that wait for a registry that swallows packets share one wait.
            if let Some(error) = failed.since(asked) {
                return Err(error);
            }
            let connected = connect::connect(settings, transport, traffic).await;
            let (connection, offered) = connected.inspect_err(|error| failed.note(error))?;
            // No login is requested here: a credential source may need to know the registry's kind first.
            authenticator.note(&offered);
            answers.note(connection.face);
            self.refine(connection.profile);
            Ok(connection)
        };
        self.0.connection.get_or_try_init(|| connect).await
    }
}

impl Repository {
    /// The registry of this repository.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The repository's path inside the registry.
    pub fn name(&self) -> &RepositoryName {
        &self.name
    }

    /// One scope for all requests to this repository, so that one token serves them all.
    pub(crate) fn scopes(&self) -> Scopes {
        Scopes::one(&self.name, self.access)
    }

    /// `…/v2/<name>/<path>`
    pub(crate) async fn url(&self, path: &str) -> Result<Url, Error> {
        let connection = self.registry.connection().await?;
        let mut url = connection.url.clone();
        url.set_path(&format!("/v2/{}/{path}", self.name));
        Ok(url)
    }

    /// A request to `…/v2/<name>/<path>`.
    pub(crate) async fn call(&self, method: Method, path: &str) -> Result<Call, Error> {
        let call = Call::new(method, self.url(path).await?, self.scopes());
        Ok(call.endpoint(Endpoint::of_path(path)))
    }
}
