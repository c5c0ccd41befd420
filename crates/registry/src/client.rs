//! Handles to a registry and to its repositories, and the one way in which they send requests.

use std::sync::Arc;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tokio::sync::OnceCell;
use url::Url;

use crate::auth::authenticator::{Authenticator, Verdict};
use crate::auth::challenge::challenges;
use crate::auth::credential::Login;
use crate::auth::scope::{Access, Scopes};
use crate::connect::{self, Connection};
use crate::error::Problem;
use crate::http::failure::{stalled, transport_error};
use crate::http::host_certificates::HostCertificates;
use crate::http::redirect::{self, MOST_HOPS, is_same_origin};
use crate::http::refusal::refusal;
use crate::http::stall::{FIRST_BYTE_TIMEOUT, Progress, while_moving};
use crate::http::transport::{Certificates, Transport};
use crate::{Error, RedactedUrl, RegistryHost, RepositoryName};

/// How a registry is reached and who we are there.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which registry.
    pub host: RegistryHost,
    /// Who we are.
    pub login: Login,
    /// How far its TLS is trusted.
    pub security: Security,
    /// Certificates for this registry beside the system's.
    pub certificates: HostCertificates,
}

/// How far a registry's TLS is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS with a certificate that verifies.
    Verified,
    /// TLS with any certificate; plain HTTP where the other side does not speak TLS.
    Insecure,
}

/// One registry as one user sees it. Cheap to clone; clones share login and connections.
#[derive(Clone)]
pub struct Registry(Arc<Shared>);

struct Shared {
    settings: Settings,
    transport: Transport,
    authenticator: Authenticator,
    connection: OnceCell<Connection>,
}

/// One repository of a registry, with what we mean to do there.
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
    pub(crate) scopes: Scopes,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
}

impl Call {
    pub(crate) fn new(method: Method, url: Url, scopes: Scopes) -> Self {
        Self { method, url, scopes, headers: HeaderMap::new(), body: None }
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
        let authenticator =
            Authenticator::new(settings.host.clone(), settings.login.clone(), transport.clone());
        Self(Arc::new(Shared { settings, transport, authenticator, connection: OnceCell::new() }))
    }

    /// The registry's name, as the user writes it.
    pub fn host(&self) -> &RegistryHost {
        &self.0.settings.host
    }

    /// Whether requests, and the login with them, went over plain HTTP: only where `insecure` allows it.
    pub fn is_unencrypted(&self) -> bool {
        self.0.connection.get().is_some_and(|connection| connection.url.scheme() == "http")
    }

    /// Whether there is a login that goes along.
    pub fn has_login(&self) -> bool {
        !matches!(self.0.settings.login, Login::Anonymous)
    }

    /// A repository here, to be read or also to be written.
    pub fn repository(&self, name: &RepositoryName, access: Access) -> Repository {
        Repository { registry: self.clone(), name: name.clone(), access }
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.0.transport
    }

    /// The client for one request: other hosts see no certificate of ours, and need one that the system trusts.
    fn client_for<'a>(&'a self, connection: &'a Connection, url: &Url) -> Result<&'a reqwest::Client, Error> {
        if is_same_origin(&connection.url, url) {
            Ok(&connection.client)
        } else {
            self.0.transport.client(Certificates::Verified)
        }
    }

    /// Finds out, once, where and how the registry answers.
    pub(crate) async fn connection(&self) -> Result<&Connection, Error> {
        let Shared { settings, transport, authenticator, .. } = &*self.0;
        let connect = async {
            let (connection, offered) = if settings.certificates.is_empty() {
                connect::connect(settings, transport).await?
            } else {
                connect::connect(settings, &transport.with_certificates(&settings.certificates)?).await?
            };
            authenticator.learn(&offered, &Scopes::default(), None).await;
            Ok(connection)
        };
        self.0.connection.get_or_try_init(|| connect).await
    }

    /// Sends a request whose body, if any, is in memory: logs in when asked to, follows redirects of
    /// reads. Gives the answer whatever its status.
    pub(crate) async fn send(&self, call: &Call) -> Result<reqwest::Response, Error> {
        let first = self.attempt(call).await?;
        if first.response.status() != StatusCode::UNAUTHORIZED {
            return Ok(first.response);
        }
        let offered = challenges(first.response.headers());
        let verdict = self.0.authenticator.learn(&offered, &call.scopes, first.sent.as_ref()).await;
        match verdict {
            Verdict::TryAgain => Ok(self.attempt(call).await?.response),
            Verdict::Final => Ok(first.response),
        }
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
        let header = header.filter(|_| is_same_origin(&connection.url, &call.url));
        let client = self.client_for(connection, &call.url)?;
        let mut request = client.request(call.method.clone(), call.url.clone()).headers(call.headers.clone());
        let sent = header;
        if let Some(header) = &sent {
            request = request.header(AUTHORIZATION, header);
        }
        progress.moved();
        let response = while_moving(progress, request.body(body).send())
            .await
            .ok_or_else(|| stalled(&call.method, &call.url))?
            .map_err(|error| transport_error(&call.method, &call.url, error))?;
        if response.status() == StatusCode::UNAUTHORIZED {
            // The body is gone. A token that was refused is not used again, so the next upload has a new one.
            self.0.authenticator.learn(&challenges(response.headers()), &call.scopes, sent.as_ref()).await;
        }
        Ok(response)
    }

    async fn attempt(&self, call: &Call) -> Result<Attempt, Error> {
        let connection = self.connection().await?;
        let header = self.0.authenticator.header(connection.base(), &call.scopes).await?;
        let mut url = call.url.clone();
        for _ in 0..MOST_HOPS {
            let sent = header.clone().filter(|_| is_same_origin(&connection.url, &url));
            let client = self.client_for(connection, &url)?;
            let mut request = client.request(call.method.clone(), url.clone()).headers(call.headers.clone());
            if let Some(header) = &sent {
                request = request.header(AUTHORIZATION, header);
            }
            if let Some(body) = &call.body {
                request = request.body(body.clone());
            }
            let response = tokio::time::timeout(FIRST_BYTE_TIMEOUT, request.send())
                .await
                .map_err(|_| stalled(&call.method, &url))?
                .map_err(|error| transport_error(&call.method, &url, error))?;
            if !is_followed(&call.method, response.status()) {
                return Ok(Attempt { response, sent });
            }
            url = redirect::target(&call.method, &url, response.headers())?;
        }
        Err(call.protocol(Problem::Redirect { to: RedactedUrl::from(&url), why: "too many redirects" }))
    }
}

struct Attempt {
    response: reqwest::Response,
    /// The `Authorization` that the last hop carried.
    sent: Option<HeaderValue>,
}

fn is_followed(method: &Method, status: StatusCode) -> bool {
    matches!(*method, Method::GET | Method::HEAD) && matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
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
