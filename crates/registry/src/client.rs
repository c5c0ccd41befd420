//! Handles to a registry and to its repositories, and the one way in which they send requests.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tokio::sync::OnceCell;
use url::Url;

use crate::auth::authenticator::{Authenticator, Verdict};
use crate::auth::challenge::challenges;
use crate::auth::credential::{Credentials, Login};
use crate::auth::scope::{Access, Scopes};
use crate::blob::habits::UploadHabits;
use crate::connect::{self, Connection};
use crate::error::Problem;
use crate::failed_connect::FailedConnect;
use crate::http::failure::{stalled, transport_error};
use crate::http::limit::{HostLimit, Limits, Permit, RequestKind, Taken};
use crate::http::notice::{Notices, Quota};
use crate::http::redirect::{self, MOST_HOPS, is_same_origin};
use crate::http::refusal::{refusal, retry_after};
use crate::http::stall::{Patience, Progress, while_moving};
use crate::http::transport::Transport;
use crate::learned::{Ability, Learned};
use crate::manifest_api::LARGEST_MANIFEST;
use crate::profile::Profile;
use crate::settings::Settings;
use crate::{Error, RedactedUrl, RegistryHost, RepositoryName};

/// A request whose login was refused is sent at most so often with another one.
const MOST_REFUSED_LOGINS: usize = 2;
/// A request that is answered with 401, with or without a login, is sent at most so often.
const MOST_REFUSALS: usize = 6;

/// Who keeps the lists of referrers. Spec: distribution-spec, "Referrers Tag Schema".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferrersKept {
    /// The registry, from the manifests' subjects.
    ByRegistry,
    /// Whoever pushes, under a tag.
    ByClients,
    /// Nothing told so far.
    Unknown,
}

/// One registry as one user sees it. Cheap to clone; clones share login and connections.
#[derive(Clone)]
pub struct Registry(Arc<Shared>);

struct Shared {
    settings: Settings,
    transport: Transport,
    authenticator: Authenticator,
    connection: OnceCell<Connection>,
    failed: FailedConnect,
    limits: Limits,
    notices: Notices,
    upload_habits: UploadHabits,
    learned: Learned,
}

/// One repository of a registry, with what we mean to do there.
#[derive(Clone)]
pub struct Repository {
    registry: Registry,
    name: RepositoryName,
    access: Access,
    largest_manifest: u64,
}

/// A request before it has its `Authorization`.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) kind: RequestKind,
    pub(crate) scopes: Scopes,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
}

impl Call {
    pub(crate) fn new(method: Method, url: Url, scopes: Scopes) -> Self {
        let kind = match method {
            Method::HEAD => RequestKind::Look,
            Method::GET => RequestKind::Read,
            _ => RequestKind::Upload,
        };
        Self { method, url, kind, scopes, headers: HeaderMap::new(), body: None }
    }

    pub(crate) fn kind(mut self, kind: RequestKind) -> Self {
        self.kind = kind;
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

    /// Makes an error of an answer whose status is not among the hoped-for ones.
    pub(crate) fn protocol(&self, problem: Problem) -> Error {
        Error::Protocol { method: self.method.clone(), url: RedactedUrl::from(&self.url), problem }
    }
}

impl Registry {
    /// Prepares a handle; nothing is sent before the first request.
    pub fn new(settings: Settings, transport: Transport) -> Self {
        let transport = match &settings.proxies {
            Some(proxies) => transport.through(proxies),
            None => transport,
        };
        let authenticator =
            Authenticator::new(settings.host.clone(), settings.login.clone(), transport.clone())
                .trusting(settings.trusted_realm.clone());
        let profile = Profile::of_host(&settings.host);
        let (upload_habits, learned) = (UploadHabits::new(profile), Learned::of(profile));
        let (connection, failed, notices) = Default::default();
        let limits = transport.limits();
        let shared = Shared {
            settings,
            transport,
            authenticator,
            connection,
            failed,
            limits,
            notices,
            upload_habits,
            learned,
        };
        Self(Arc::new(shared))
    }

    /// The registry's name, as the user writes it.
    pub fn host(&self) -> &RegistryHost {
        &self.0.settings.host
    }

    /// Whether requests, and the login with them, went over plain HTTP: only where `insecure` allows it.
    pub fn is_unencrypted(&self) -> bool {
        self.0.connection.get().is_some_and(|connection| connection.url.scheme() == "http")
    }

    /// What is known of its kind.
    pub fn profile(&self) -> &'static Profile {
        let connected = self.0.connection.get().map(|connection| connection.profile);
        connected.unwrap_or_else(|| Profile::of_host(&self.0.settings.host))
    }

    /// Whether it keeps lists of referrers itself, as far as that is known by now.
    pub fn referrers_kept(&self) -> ReferrersKept {
        match self.learned().referrers() {
            Ability::Works => ReferrersKept::ByRegistry,
            Ability::Absent => ReferrersKept::ByClients,
            Ability::Unknown => ReferrersKept::Unknown,
        }
    }

    /// How many requests at once it, and the services that it sends us to, get by now.
    pub fn limits(&self) -> Vec<HostLimit> {
        self.0.limits.learned()
    }

    /// What it warned of so far, each text once. Spec: distribution-spec, "Warnings".
    pub fn warnings(&self) -> Vec<String> {
        self.0.notices.warnings()
    }

    /// How many pulls it still allows, where it says so.
    pub fn quota(&self) -> Option<Quota> {
        self.0.notices.quota()
    }

    pub(crate) fn upload_habits(&self) -> &UploadHabits {
        &self.0.upload_habits
    }

    pub(crate) fn patience(&self) -> Patience {
        self.0.settings.patience
    }

    /// Whether there is a login that goes along.
    pub fn has_login(&self) -> bool {
        !matches!(self.0.settings.login, Login::Anonymous)
    }

    /// Who we are there, as whoever keeps the login says by now.
    pub async fn credentials(&self) -> Result<Option<Credentials>, Error> {
        self.0.authenticator.credentials().await
    }

    /// Where the registry answers and the client that reaches it, for what its host offers beside the
    /// protocol: certificates, proxies and plain HTTP are as for the protocol; redirects are not followed.
    pub async fn http(&self) -> Result<(reqwest::Client, Url), Error> {
        let connection = self.connection().await?;
        Ok((connection.client.clone(), connection.url.clone()))
    }

    /// What its token server calls it, which tells Harbor and Alibaba's registries; `None` where it wants no tokens.
    pub async fn service(&self) -> Result<Option<String>, Error> {
        self.connection().await?;
        Ok(self.0.authenticator.service())
    }

    /// The `Authorization` that a request for `scopes` gets; none for an open registry.
    pub(crate) async fn authorization(&self, scopes: &Scopes) -> Result<Option<HeaderValue>, Error> {
        let connection = self.connection().await?;
        self.0.authenticator.header(connection.base(), scopes).await
    }

    /// Whether a proxy stands between us and the registry: then names are the proxy's business.
    pub fn is_proxied(&self) -> bool {
        let url = Url::parse(&format!("https://{}/", self.host().api_host()));
        url.is_ok_and(|url| self.0.transport.is_proxied(&url))
    }

    /// Says early what will be done with a repository: what is known before the first request is sent can be
    /// in one token, and so takes one request to the token server for several repositories.
    pub fn announce(&self, name: &RepositoryName, access: Access) {
        self.0.authenticator.announce(&Scopes::one(name, access));
    }

    /// A repository here, to be read or also to be written. [Announces](Self::announce) it.
    pub fn repository(&self, name: &RepositoryName, access: Access) -> Repository {
        self.announce(name, access);
        let (registry, name) = (self.clone(), name.clone());
        Repository { registry, name, access, largest_manifest: LARGEST_MANIFEST }
    }

    pub(crate) fn learned(&self) -> &Learned {
        &self.0.learned
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.0.transport
    }

    /// The client for one request: other hosts see no certificate of ours, and may be no neighbours of ours.
    fn client_for(
        &self,
        connection: &Connection,
        method: &Method,
        url: &Url,
    ) -> Result<reqwest::Client, Error> {
        if is_same_origin(&connection.url, url) {
            Ok(connection.client.clone())
        } else {
            self.0.transport.storage_client(&self.0.settings, connection.network, method, url)
        }
    }

    /// Takes over what is known of the kind that the first answer showed.
    fn refine(&self, profile: &Profile) {
        self.0.upload_habits.refine(profile);
        self.0.learned.refine(profile);
        self.0.authenticator.limit_scopes(profile.scopes_per_token);
    }

    /// Finds out, once, where and how the registry answers.
    pub(crate) async fn connection(&self) -> Result<&Connection, Error> {
        let Shared { settings, transport, authenticator, failed, .. } = &*self.0;
        let asked = Instant::now();
        let connect = async {
            // A thousand images that wait for a registry that swallows packets wait once.
            if let Some(error) = failed.since(asked) {
                return Err(error);
            }
            let connected = connect::connect(settings, transport).await;
            let (connection, offered) = connected.inspect_err(|error| failed.note(error))?;
            // No login is asked for here: whoever has one may ask us first what we are.
            authenticator.note(&offered);
            self.refine(connection.profile);
            Ok(connection)
        };
        self.0.connection.get_or_try_init(|| connect).await
    }

    /// Sends a request whose body, if any, is in memory: logs in when asked to, follows redirects that
    /// keep the request what it is. Gives the answer whatever its status.
    pub(crate) async fn send(&self, call: &Call) -> Result<reqwest::Response, Error> {
        let (mut refused_logins, mut refusals) = (0, 0);
        loop {
            let Attempt { response, sent, by } = self.attempt(call).await?;
            if response.status() != StatusCode::UNAUTHORIZED || by == AnsweredBy::Another {
                return Ok(response);
            }
            refused_logins += usize::from(sent.is_some());
            refusals += 1;
            let offered = challenges(response.headers());
            let verdict = self.0.authenticator.learn(&offered, &call.scopes, sent.as_ref()).await;
            if verdict == Verdict::Final || refused_logins >= MOST_REFUSED_LOGINS || refusals >= MOST_REFUSALS
            {
                return Ok(response);
            }
        }
    }

    /// Sends a request with the login that there is: a refusal is an answer.
    pub(crate) async fn send_once(&self, call: &Call) -> Result<reqwest::Response, Error> {
        self.follow(call).await.map(|attempt| attempt.response)
    }

    /// Like [`send`](Self::send), but only `expected` statuses are an answer; others are errors.
    pub(crate) async fn expect(
        &self,
        call: &Call,
        expected: &[StatusCode],
    ) -> Result<reqwest::Response, Error> {
        let response = self.send(call).await?;
        if expected.contains(&response.status()) {
            Ok(response)
        } else {
            Err(unexpected(call, response).await)
        }
    }

    /// Sends a body that cannot be sent twice. It may take as long as it moves.
    pub(crate) async fn send_stream(
        &self,
        call: &Call,
        body: reqwest::Body,
        progress: &Progress,
    ) -> Result<reqwest::Response, Error> {
        let connection = self.connection().await?;
        let header = self.0.authenticator.header(connection.base(), &call.scopes).await?;
        let sent = header.filter(|_| is_same_origin(&connection.url, &call.url));
        let client = self.client_for(connection, &call.method, &call.url)?;
        let mut request = client.request(call.method.clone(), call.url.clone()).headers(call.headers.clone());
        if let Some(header) = &sent {
            request = request.header(AUTHORIZATION, header);
        }
        let permit = self.0.limits.acquire(&call.url, call.kind).await;
        progress.begin();
        let answer = while_moving(progress, self.patience(), request.body(body).send()).await;
        let response = self.settle(&call.method, &call.url, permit, answer)?;
        if response.status() == StatusCode::UNAUTHORIZED {
            // The body is gone. A token that was refused is not used again, so the next try has a new one.
            self.0.authenticator.learn(&challenges(response.headers()), &call.scopes, sent.as_ref()).await;
        }
        Ok(response)
    }

    /// Sends a request once, and once more if what answers is a storage service whose link has expired on the way.
    async fn attempt(&self, call: &Call) -> Result<Attempt, Error> {
        let first = self.follow(call).await?;
        let is_expired =
            first.by == AnsweredBy::Another && matches!(first.response.status().as_u16(), 401 | 403 | 410);
        if is_expired { self.follow(call).await } else { Ok(first) }
    }

    async fn follow(&self, call: &Call) -> Result<Attempt, Error> {
        let connection = self.connection().await?;
        let header = self.0.authenticator.header(connection.base(), &call.scopes).await?;
        let mut url = call.url.clone();
        for _ in 0..MOST_HOPS {
            let is_registry = is_same_origin(&connection.url, &url);
            let sent = header.clone().filter(|_| is_registry);
            let client = self.client_for(connection, &call.method, &url)?;
            let response = self.exchange(&client, call, &url, sent.as_ref()).await?;
            let Some(next) = redirect::target(&call.method, &url, response.status(), response.headers())?
            else {
                let by = if is_registry { AnsweredBy::Registry } else { AnsweredBy::Another };
                return Ok(Attempt { response, sent, by });
            };
            url = next;
        }
        Err(call.protocol(Problem::Redirect { to: RedactedUrl::from(&url), why: "too many redirects" }))
    }

    /// One request and its answer, without any judgement.
    async fn exchange(
        &self,
        client: &reqwest::Client,
        call: &Call,
        url: &Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<reqwest::Response, Error> {
        let mut request = client.request(call.method.clone(), url.clone()).headers(call.headers.clone());
        if let Some(header) = authorization {
            request = request.header(AUTHORIZATION, header);
        }
        if let Some(body) = &call.body {
            request = request.body(body.clone());
        }
        // What is stored is checked and moved before the answer comes.
        let patience = self.patience();
        let patience = if call.method == Method::PUT { patience.commit } else { patience.answer };
        let permit = self.0.limits.acquire(url, call.kind).await;
        let answer = tokio::time::timeout(patience, request.send()).await.ok();
        self.settle(&call.method, url, permit, answer)
    }

    /// Tells the limits how a request went, and reads what the registry says by the way. `None` is no answer in time.
    fn settle(
        &self,
        method: &Method,
        url: &Url,
        permit: Permit,
        answer: Option<reqwest::Result<reqwest::Response>>,
    ) -> Result<reqwest::Response, Error> {
        let Some(answer) = answer else {
            permit.taken(Taken::TooMuch(None));
            return Err(stalled(method, url));
        };
        let response = answer.map_err(|error| transport_error(method, url, error))?;
        let wait = retry_after(response.headers(), SystemTime::now());
        permit.taken(Taken::of(response.status(), wait));
        self.0.notices.read(response.headers());
        Ok(response)
    }
}

struct Attempt {
    response: reqwest::Response,
    /// The `Authorization` that the last hop carried.
    sent: Option<HeaderValue>,
    by: AnsweredBy,
}

/// Who gave the answer: what a storage service says of logins is no word of the registry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AnsweredBy {
    Registry,
    Another,
}

/// A status that the step has no use for: a refusal, or nonsense such as 204 for a manifest.
pub(crate) async fn unexpected(call: &Call, response: reqwest::Response) -> Error {
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        refusal(&call.method, response).await
    } else {
        call.protocol(Problem::Status(status))
    }
}

impl Repository {
    /// The registry that it is in.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Its path inside the registry.
    pub fn name(&self) -> &RepositoryName {
        &self.name
    }

    /// The same, reading manifests of up to so many bytes instead of 8 MiB.
    #[must_use]
    pub fn with_largest_manifest(self, bytes: u64) -> Self {
        Self { largest_manifest: bytes, ..self }
    }

    pub(crate) fn largest_manifest(&self) -> u64 {
        self.largest_manifest
    }

    /// One scope for all that is done here, so that one token serves it all.
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
        Ok(Call::new(method, self.url(path).await?, self.scopes()))
    }
}
