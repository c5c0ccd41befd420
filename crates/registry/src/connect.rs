//! Finds out where a registry answers: TLS as configured, plain HTTP only where `insecure` allows it.

use http::{Method, StatusCode};
use url::Url;

use crate::auth::authenticator::Base;
use crate::auth::challenge::{Challenge, challenges};
use crate::client::{Security, Settings};
use crate::error::TransportFailure;
use crate::http::failure::{stalled, transport_error};
use crate::http::refusal::refusal;
use crate::http::stall::FIRST_BYTE_TIMEOUT;
use crate::http::transport::{Certificates, Transport};
use crate::{Error, RegistryHost};

/// Where a registry answers.
pub(crate) struct Connection {
    /// `scheme://host:port/`
    pub(crate) url: Url,
    /// For this host alone.
    pub(crate) client: reqwest::Client,
}

impl Connection {
    pub(crate) fn base(&self) -> Base<'_> {
        Base { url: &self.url, client: &self.client }
    }
}

/// Asks `/v2/` once, without a login; gives what the registry wants to see, too.
pub(crate) async fn connect(
    settings: &Settings,
    transport: &Transport,
) -> Result<(Connection, Vec<Challenge>), Error> {
    let certificates = match settings.security {
        Security::Verified => Certificates::Verified,
        Security::Insecure => Certificates::Unverified,
    };
    let client = transport.client(certificates)?.clone();
    let tls = Connection { url: base(&settings.host, "https")?, client: client.clone() };
    match ping(&tls).await {
        Ok(offered) => Ok((tls, offered)),
        Err(error) if settings.security == Security::Insecure && may_be_plain_http(&error) => {
            let plain = Connection { url: base(&settings.host, "http")?, client };
            // Nothing secret was sent so far. If plain HTTP does not answer either, TLS was the problem.
            match ping(&plain).await {
                Ok(offered) => Ok((plain, offered)),
                Err(refused @ Error::Refused(_)) => Err(refused),
                // Its answer to TLS was HTTP, so it is there, and what broke may pass.
                Err(broken) if speaks_plain_http(&error) => Err(broken),
                Err(_) => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

/// Whether the handshake failed in a way that a server without TLS makes it fail: an HTTP answer, or a
/// closed connection. A refused connection or an unknown name says nothing about TLS.
fn may_be_plain_http(error: &Error) -> bool {
    matches!(error, Error::Transport { failure: TransportFailure::PlainHttp | TransportFailure::Tls, .. })
}

fn speaks_plain_http(error: &Error) -> bool {
    matches!(error, Error::Transport { failure: TransportFailure::PlainHttp, .. })
}

async fn ping(connection: &Connection) -> Result<Vec<Challenge>, Error> {
    let mut url = connection.url.clone();
    url.set_path("/v2/");
    let request = connection.client.get(url.clone());
    let response = tokio::time::timeout(FIRST_BYTE_TIMEOUT, request.send())
        .await
        .map_err(|_| stalled(&Method::GET, &url))?
        .map_err(|error| transport_error(&Method::GET, &url, error))?;
    match response.status() {
        StatusCode::UNAUTHORIZED => Ok(challenges(response.headers())),
        StatusCode::TOO_MANY_REQUESTS => Err(refusal(&Method::GET, response).await),
        status if status.is_server_error() => Err(refusal(&Method::GET, response).await),
        // Some registries answer 404 here and still serve images: the next request will tell.
        _ => Ok(Vec::new()),
    }
}

fn base(host: &RegistryHost, scheme: &str) -> Result<Url, Error> {
    let text = format!("{scheme}://{}/", host.api_host());
    Url::parse(&text).map_err(|source| Error::Setup { source: Box::new(source) })
}
