//! Finds a registry's address: TLS as configured, plain HTTP only if the settings allow it.

use std::time::Duration;

use http::{Method, StatusCode, Version};
use oci::RegistryHost;
use url::Url;

use crate::Error;
use crate::auth::authenticator::Base;
use crate::auth::challenge::{Challenge, challenges};
use crate::error::TransportFailure;
use crate::face::Face;
use crate::http::failure::{in_time, misunderstanding};
use crate::http::network::Network;
use crate::http::redirect::Rule;
use crate::http::refusal::refusal;
use crate::http::route::Route;
use crate::http::traffic::TrafficMeter;
use crate::http::transport::Transport;
use crate::http::walk::Walk;
use crate::profile::{Appearance, Profile};
use crate::settings::{Scheme, Settings};

/// The address and properties of a registry.
pub(crate) struct Connection {
    /// `scheme://host:port/`
    pub(crate) url: Url,
    /// The client for this host alone.
    pub(crate) client: reqwest::Client,
    /// Whether it speaks HTTP/2, so that all requests of `client` share one connection.
    pub(crate) is_multiplexed: bool,
    /// The registry's network, which bounds where it may redirect us.
    pub(crate) network: Network,
    /// The profile by its first answer.
    pub(crate) profile: &'static Profile,
    /// What its first answer looks like.
    pub(crate) face: Face,
}

impl Connection {
    pub(crate) fn base(&self) -> Base<'_> {
        Base { url: &self.url, client: &self.client, network: self.network }
    }

    /// The `/v2/` of this registry, which shows whether it is a registry, and takes a login. Spec: end-1.
    pub(crate) fn root(&self) -> Url {
        root(self.url.clone())
    }
}

fn root(mut base: Url) -> Url {
    base.set_path("/v2/");
    base
}

/// Requests `/v2/` once, without a login; also returns the registry's challenges.
pub(crate) async fn connect(
    settings: &Settings,
    transport: &Transport,
    meter: &TrafficMeter,
) -> Result<(Connection, Vec<Challenge>), Error> {
    let client = transport.registry_client(settings, Route::Shared)?;
    let ping = Ping { client, meter, transport, host: &settings.host, patience: settings.patience.answer };
    let (tls, plain) = (base(&settings.host, "https")?, base(&settings.host, "http")?);
    match settings.security.scheme {
        Scheme::Tls => ping.send(tls).await,
        Scheme::Plain => ping.send(plain).await,
        Scheme::TlsOrPlain => match ping.send(tls).await {
            Err(error) if may_be_plain_http(&error) => match ping.send(plain).await {
                // The answer to TLS was HTTP, so the server is there, and the failure may pass. Otherwise, if plain HTTP does not
                // answer either, TLS was the problem. No secret was sent so far.
                Err(Error::Transport { .. }) if !speaks_plain_http(&error) => Err(error),
                answer => answer,
            },
            answer => answer,
        },
    }
}

/// Whether the handshake failed as it does with a server without TLS: an HTTP answer, or a
/// closed connection. A refused connection, an unknown name or an alert is no sign of that.
fn may_be_plain_http(error: &Error) -> bool {
    matches!(
        error,
        Error::Transport { failure: TransportFailure::PlainHttp | TransportFailure::TlsClosed, .. }
    )
}

fn speaks_plain_http(error: &Error) -> bool {
    matches!(error, Error::Transport { failure: TransportFailure::PlainHttp, .. })
}

/// The first request.
struct Ping<'a> {
    client: reqwest::Client,
    meter: &'a TrafficMeter,
    transport: &'a Transport,
    host: &'a RegistryHost,
    /// The longest wait for the answer.
    patience: Duration,
}

impl Ping<'_> {
    /// Asks at `base`, and follows redirects of its own host: port 80 in front of TLS redirects to it.
    async fn send(&self, base: Url) -> Result<(Connection, Vec<Challenge>), Error> {
        let mut walk = Walk::begin(Rule::Ping, &Method::GET, root(base));
        loop {
            let response = self.get(walk.url()).await?;
            if !walk.goes_on((response.status(), response.headers()))? {
                return self.judge(walk.url().clone(), response).await;
            }
        }
    }

    async fn get(&self, url: &Url) -> Result<reqwest::Response, Error> {
        let request = self.meter.send(self.client.get(url.clone()));
        in_time((&Method::GET, url), self.patience, request).await
    }

    async fn judge(
        &self,
        mut url: Url,
        response: reqwest::Response,
    ) -> Result<(Connection, Vec<Challenge>), Error> {
        let network = self.transport.network_of(&response);
        let is_multiplexed = response.version() == Version::HTTP_2;
        let headers = response.headers().clone();
        let face = Face::of(response.status(), &headers);
        let offered = match response.status() {
            StatusCode::UNAUTHORIZED => challenges(response.headers()),
            StatusCode::BAD_REQUEST => return self.judge_bad_request(url, response, network).await,
            StatusCode::TOO_MANY_REQUESTS => return Err(refusal(&Method::GET, response).await),
            status if status.is_server_error() => return Err(refusal(&Method::GET, response).await),
            // Some registries answer 404 here and still serve images: the next request decides.
            _ => Vec::new(),
        };
        url.set_path("/");
        url.set_query(None);
        let service = offered.iter().find_map(|challenge| match challenge {
            Challenge::Bearer { service, .. } => service.as_deref(),
            Challenge::Basic => None,
        });
        let profile = Profile::of(&Appearance { host: self.host, service, headers: Some(&headers) });
        let client = self.client.clone();
        Ok((Connection { url, client, is_multiplexed, network, profile, face }, offered))
    }

    /// A 400 may come from a server that expected TLS, or a client certificate.
    async fn judge_bad_request(
        &self,
        mut url: Url,
        response: reqwest::Response,
        network: Network,
    ) -> Result<(Connection, Vec<Challenge>), Error> {
        let is_multiplexed = response.version() == Version::HTTP_2;
        let face = Face::of(response.status(), response.headers());
        let refused = refusal(&Method::GET, response).await;
        let failure = match &refused {
            Error::Refused(refusal) => refusal.body.as_deref().and_then(misunderstanding),
            _ => None,
        };
        if let Some(failure) = failure {
            let (method, url, source) = (Method::GET, (&url).into(), None);
            return Err(Error::Transport { method, url, failure, source });
        }
        url.set_path("/");
        url.set_query(None);
        let (client, profile) = (self.client.clone(), Profile::of_host(self.host));
        Ok((Connection { url, client, is_multiplexed, network, profile, face }, Vec::new()))
    }
}

fn base(host: &RegistryHost, scheme: &str) -> Result<Url, Error> {
    let text = format!("{scheme}://{}/", host.api_host());
    Url::parse(&text).map_err(|source| Error::Setup { source: Box::new(source) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c85_addresses_of_ipv6_have_brackets() {
        let base = |host: &str| base(&host.parse().unwrap(), "https").unwrap();
        assert_eq!(base("[::1]:5000").as_str(), "https://[::1]:5000/");
        assert_eq!(base("[2001:db8::1]").port_or_known_default(), Some(443));
    }
}
