//! Builds the HTTP clients and sends one request, without any idea of registries.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::{Client, ClientBuilder};

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

struct Clients {
    user_agent: String,
    roots: Vec<reqwest::Certificate>,
    verified: OnceLock<Client>,
    unverified: OnceLock<Client>,
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
        let clients = Clients {
            user_agent: user_agent.to_owned(),
            roots,
            verified: OnceLock::new(),
            unverified: OnceLock::new(),
        };
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
        builder.tls_certs_merge(self.0.roots.clone())
    }
}

fn setup(error: reqwest::Error) -> Error {
    Error::Setup { source: Box::new(error) }
}
