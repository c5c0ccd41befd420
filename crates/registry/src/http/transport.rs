//! Builds the HTTP clients and sends one request, without any idea of registries.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::{Client, ClientBuilder};

use secrecy::ExposeSecret as _;

use super::host_certificates::HostCertificates;
use super::proxy::Proxies;
use crate::Error;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an unused connection is kept: below the 60 s after which many load balancers drop it silently.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);
/// Flow-control window of one HTTP/2 stream: the default of 64 KiB would cap a blob at 64 KiB a round trip.
const STREAM_WINDOW: u32 = 4 << 20;
/// Flow-control window of one HTTP/2 connection.
const CONNECTION_WINDOW: u32 = 16 << 20;

/// Connections to all registries of a run, shared by every [`Registry`](crate::Registry).
///
/// Cheap to clone; clones share one pool.
#[derive(Clone)]
pub struct Transport(Arc<Clients>);

#[derive(Default)]
struct Clients {
    user_agent: String,
    roots: Vec<reqwest::Certificate>,
    identity: Option<reqwest::Identity>,
    proxies: Vec<reqwest::Proxy>,
    verified: OnceLock<Client>,
    unverified: OnceLock<Client>,
}

impl Clients {
    /// What was set, without the clients that were built of it.
    fn settings(&self) -> Self {
        let (user_agent, roots) = (self.user_agent.clone(), self.roots.clone());
        let (identity, proxies) = (self.identity.clone(), self.proxies.clone());
        Self { user_agent, roots, identity, proxies, ..Self::default() }
    }
}

/// Whether certificates are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Certificates {
    Verified,
    Unverified,
}

impl Transport {
    /// Prepares connections that introduce themselves as `user_agent` (tool and version: some
    /// registries' support asks for it). `extra_roots` are PEM certificates to trust beside the system's.
    pub fn new(user_agent: &str, extra_roots: &[Vec<u8>]) -> Result<Self, Error> {
        let mut roots = Vec::new();
        for pem in extra_roots {
            roots.extend(reqwest::Certificate::from_pem_bundle(pem).map_err(setup)?);
        }
        Ok(Self(Arc::new(Clients { user_agent: user_agent.to_owned(), roots, ..Clients::default() })))
    }

    /// The same, through proxies.
    pub fn through(&self, proxies: &Proxies) -> Result<Self, Error> {
        Ok(Self(Arc::new(Clients { proxies: proxies.build()?, ..self.0.settings() })))
    }

    /// The same for one registry that has certificates of its own.
    pub(crate) fn with_certificates(&self, certificates: &HostCertificates) -> Result<Self, Error> {
        let mut clients = self.0.settings();
        for pem in &certificates.authorities {
            clients.roots.extend(reqwest::Certificate::from_pem_bundle(pem).map_err(setup)?);
        }
        if let Some(pem) = &certificates.identity {
            clients.identity =
                Some(reqwest::Identity::from_pem(pem.expose_secret().as_bytes()).map_err(setup)?);
        }
        Ok(Self(Arc::new(clients)))
    }

    /// The client to use: two pools, so that an unverified connection is never used where
    /// verification was asked for.
    pub(crate) fn client(&self, certificates: Certificates) -> Result<&Client, Error> {
        let slot = match certificates {
            Certificates::Verified => &self.0.verified,
            Certificates::Unverified => &self.0.unverified,
        };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let client = self.build(certificates)?;
        Ok(slot.get_or_init(|| client))
    }

    /// A client of its own for an address that a manifest names: it connects to `addresses` and nowhere else.
    pub(crate) fn external_client(&self, host: &str, addresses: &[SocketAddr]) -> Result<Client, Error> {
        self.builder(Certificates::Verified).resolve_to_addrs(host, addresses).build().map_err(setup)
    }

    fn build(&self, certificates: Certificates) -> Result<Client, Error> {
        self.builder(certificates).build().map_err(setup)
    }

    fn builder(&self, certificates: Certificates) -> ClientBuilder {
        let builder = Client::builder()
            .user_agent(&self.0.user_agent)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .http2_initial_stream_window_size(STREAM_WINDOW)
            .http2_initial_connection_window_size(CONNECTION_WINDOW)
            // Redirects carry secrets to strangers unless we follow them ourselves.
            .redirect(reqwest::redirect::Policy::none())
            // The environment is read by the program, not by this library.
            .no_proxy()
            .tls_danger_accept_invalid_certs(certificates == Certificates::Unverified);
        let builder = self.0.proxies.iter().cloned().fold(builder, ClientBuilder::proxy);
        let builder = match &self.0.identity {
            Some(identity) => builder.identity(identity.clone()),
            None => builder,
        };
        builder.tls_certs_merge(self.0.roots.clone())
    }
}

fn setup(error: reqwest::Error) -> Error {
    Error::Setup { source: Box::new(error) }
}
