//! Builds the HTTP clients and shares each between users with the same settings. It knows nothing of registries' protocol.
//!
//! Names with addresses of both kinds are tried over IPv6 and IPv4 at once (RFC 8305, in hyper-util), and
//! small packets are not held back (`TCP_NODELAY`, in reqwest).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method};
use reqwest::{Client, ClientBuilder};
use resolver::Resolver;
use url::Url;

use super::answer_count::AnswerCounts;
use super::destination::Destination;
use super::exchange::{RequestObserver, Watch};
use super::guard::Guard;
use super::host_certificates::HostCertificates;
use super::host_client::HostClient;
use super::large_reads::LargeReads;
use super::limit::Limits;
use super::network::Network;
use super::pause::PauseObserver;
use super::proxy::Proxies;
use super::route::{HostRoutes, Route};
use super::sharers::Sharers;
use super::tls::{self, TrustedRoots};
use super::traffic::TrafficMeter;
use crate::Error;
use crate::error::TransportFailure;
use crate::settings::{CertificateCheck, HttpVersion, Settings};

/// The longest time to establish a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an unused connection is kept: below the 60 s after which many load balancers drop it silently.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);
/// Flow-control window of one HTTP/2 stream: the default of 64 KiB would cap a blob at 64 KiB a round trip.
/// The window is fixed, because adaptive windows begin small and probe with pings, for which some servers end connections.
const STREAM_WINDOW: u32 = 4 << 20;
/// Flow-control window of one HTTP/2 connection.
const CONNECTION_WINDOW: u32 = 16 << 20;

/// Connections to all registries of a run, shared by every [`Registry`](crate::Registry).
///
/// Cheap to clone; clones share their connections, and so do the logins with their registries.
#[derive(Clone)]
pub struct Transport {
    shared: Arc<Shared>,
    proxies: Proxies,
}

struct Shared {
    user_agent: String,
    roots: TrustedRoots,
    resolver: Arc<Resolver>,
    clients: Mutex<Vec<(Kind, Client)>>,
    limits: Limits,
    answer_counts: AnswerCounts,
    host_routes: HostRoutes,
    large_reads: LargeReads,
    watch: Watch,
    sharers: Sharers,
}

/// All settings of a client. A connection made for one kind is never used for another.
#[derive(Clone, PartialEq, Eq)]
struct Kind {
    check: CertificateCheck,
    certificates: HostCertificates,
    proxies: Proxies,
    http_version: HttpVersion,
    /// The network of the registry that redirected us.
    guard: Option<Network>,
}

impl Transport {
    /// Prepares connections with the user agent `user_agent` (tool and version: some
    /// registries' support asks for it). `extra_roots` are PEM certificates to trust beside the system's.
    pub fn new(user_agent: &str, extra_roots: &[Vec<u8>]) -> Result<Self, Error> {
        let roots = TrustedRoots::with(extra_roots)?;
        let (user_agent, resolver) = (user_agent.to_owned(), Arc::new(Resolver::of_system()));
        let (clients, limits, answer_counts, host_routes, large_reads, watch, sharers) = Default::default();
        let shared = Shared {
            user_agent,
            roots,
            resolver,
            clients,
            limits,
            answer_counts,
            host_routes,
            large_reads,
            watch,
            sharers,
        };
        Ok(Self { shared: Arc::new(shared), proxies: Proxies::none() })
    }

    /// The same, through proxies.
    #[must_use]
    pub fn through(&self, proxies: &Proxies) -> Self {
        Self { shared: self.shared.clone(), proxies: proxies.clone() }
    }

    /// From now on, reports each request to `observer`. Only the first observer counts.
    pub fn tell(&self, observer: Arc<dyn RequestObserver>) {
        self.shared.watch.set(observer);
    }

    /// From now on, tells `observer` about hosts that ask for a pause (`Retry-After`). Only the first observer counts.
    pub fn tell_pauses(&self, observer: Arc<dyn PauseObserver>) {
        self.shared.limits.tell_pauses(observer);
    }

    /// Pauses requests to a host (`host:port`) that asked another process to wait: the host's limits apply to all processes
    /// together.
    pub fn hold_back(&self, host: &str, wait: Duration) {
        self.shared.limits.hold_back(host, wait);
    }

    /// Sets how many processes, including this one, share the hosts' limits: each keeps to its part.
    pub fn share_among(&self, processes: usize) {
        self.shared.sharers.set(processes);
    }

    pub(crate) fn sharers(&self) -> Sharers {
        self.shared.sharers.clone()
    }

    /// The observer of requests.
    pub(crate) fn watch(&self) -> Watch {
        self.shared.watch.clone()
    }

    /// The limits of hosts, which all registries of a run share.
    pub(crate) fn limits(&self) -> Limits {
        self.shared.limits.for_registry()
    }

    /// The counts of answers of all registries of a run.
    pub(crate) fn answer_counts(&self) -> &AnswerCounts {
        &self.shared.answer_counts
    }

    /// The HTTP versions that hosts proved to speak.
    pub(crate) fn host_routes(&self) -> &HostRoutes {
        &self.shared.host_routes
    }

    /// The large bodies under way from hosts, and how well ranges worked there.
    pub(crate) fn large_reads(&self) -> &LargeReads {
        &self.shared.large_reads
    }

    /// The client for a registry's own host.
    pub(crate) fn registry_client(&self, settings: &Settings, route: Route) -> Result<Client, Error> {
        self.client(Kind {
            check: Destination::Registry.check(settings),
            certificates: Destination::Registry.certificates(settings),
            proxies: self.proxies.clone(),
            http_version: http_version(settings, route),
            guard: None,
        })
    }

    /// The client for a token server at `url`, on another host than its registry, which may get a login. `sent_from` is the network
    /// of the registry that named it; `None` if the user named that token server, which then may be in any network.
    pub(crate) fn token_client(
        &self,
        settings: &Settings,
        sent_from: Option<Network>,
        url: &Url,
    ) -> Result<Client, Error> {
        let check = Destination::TokenServer.check(settings);
        // A host whose certificate verifies may be in any network.
        let is_guarded = check == CertificateCheck::Unverified && !self.is_proxied(url);
        let guard = sent_from.filter(|_| is_guarded);
        if let Some(from) = guard {
            refuse_inside(from, &Method::GET, url)?;
        }
        self.client(Kind {
            check,
            certificates: Destination::TokenServer.certificates(settings),
            proxies: self.proxies.clone(),
            http_version: settings.http_version,
            guard,
        })
    }

    /// The client for services beside a registry that may get a login, such as clouds' APIs: their certificates must verify by
    /// the system's authorities.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn host_client(&self) -> Result<HostClient, Error> {
        let client = self.client(Kind {
            check: CertificateCheck::Verified,
            certificates: HostCertificates::default(),
            proxies: self.proxies.clone(),
            http_version: HttpVersion::Newest,
            guard: None,
        })?;
        Ok(HostClient::new(client, TrafficMeter::telling(self.watch(), None), self.sharers()))
    }

    /// The client for `url`, to which a registry in `from` redirects us. Never for a login.
    ///
    /// # Errors
    /// The registry may not redirect us there ([`TransportFailure::Inside`]). For names this shows when we
    /// resolve them; a proxy resolves names itself.
    pub(crate) fn storage_client(
        &self,
        settings: &Settings,
        from: Network,
        (method, url): (&Method, &Url),
        route: Route,
    ) -> Result<Client, Error> {
        refuse_inside(from, method, url)?;
        let is_proxied = self.is_proxied(url);
        self.client(Kind {
            check: Destination::Storage.check(settings),
            certificates: Destination::Storage.certificates(settings),
            proxies: if is_proxied { self.proxies.clone() } else { Proxies::none() },
            http_version: http_version(settings, self.host_routes().route(url, route)),
            guard: (!is_proxied).then_some(from),
        })
    }

    /// The client for an address from a manifest, which must be in the Internet.
    pub(crate) fn author_client(&self, settings: &Settings, url: &Url) -> Result<Client, Error> {
        let is_proxied = self.is_proxied(url);
        self.client(Kind {
            check: Destination::Author.check(settings),
            certificates: Destination::Author.certificates(settings),
            proxies: if is_proxied { self.proxies.clone() } else { Proxies::none() },
            http_version: settings.http_version,
            // A proxy resolves names itself: behind an air gap only the proxy can.
            guard: (!is_proxied).then_some(Network::Public),
        })
    }

    /// Whether requests to `url` go through a proxy.
    pub(crate) fn is_proxied(&self, url: &Url) -> bool {
        self.proxies.proxy_for(url).is_some()
    }

    /// The network of an answer's server. Behind a proxy it is unknown, and the strictest is assumed.
    pub(crate) fn network_of(&self, response: &reqwest::Response) -> Network {
        if let Some(literal) = Network::of_literal(response.url()) {
            return literal;
        }
        let peer = response.remote_addr().filter(|_| !self.is_proxied(response.url()));
        peer.map_or(Network::Public, |peer| Network::of(peer.ip()))
    }

    /// One client for all users with the same settings: they share its connections.
    fn client(&self, kind: Kind) -> Result<Client, Error> {
        let mut clients = self.shared.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = clients.iter().find(|(known, _)| *known == kind) {
            return Ok(client.clone());
        }
        let client = self.builder(&kind)?.build().map_err(setup)?;
        clients.push((kind, client.clone()));
        Ok(client)
    }

    fn builder(&self, kind: &Kind) -> Result<ClientBuilder, Error> {
        // Compression on the way would change bytes that have a digest.
        let identity = (http::header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let mut builder = Client::builder()
            .user_agent(&self.shared.user_agent)
            .default_headers(HeaderMap::from_iter([identity]))
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .http2_initial_stream_window_size(STREAM_WINDOW)
            .http2_initial_connection_window_size(CONNECTION_WINDOW)
            // The HTTP library's redirects would send secrets to other hosts, so we follow redirects ourselves.
            .redirect(reqwest::redirect::Policy::none())
            // The program reads the environment, not this library.
            .no_proxy()
            .tls_backend_preconfigured(tls::config(
                &self.shared.roots,
                kind.check,
                &kind.certificates,
                kind.http_version,
            )?);
        if let Some(proxy) = kind.proxies.build() {
            builder = builder.proxy(proxy);
        }
        if kind.http_version == HttpVersion::Http1 {
            builder = builder.http1_only();
        }
        let resolver = self.shared.resolver.clone();
        Ok(builder.dns_resolver(Guard { resolver, from: kind.guard }))
    }
}

/// Over HTTP/1.1 each request under way has its own connection.
fn http_version(settings: &Settings, route: Route) -> HttpVersion {
    match route {
        Route::Own => HttpVersion::Http1,
        Route::Shared => settings.http_version,
    }
}

/// Refuses an address that is closer to this machine than the registry's network.
fn refuse_inside(from: Network, method: &Method, url: &Url) -> Result<(), Error> {
    if Network::of_literal(url).is_none_or(|to| from.may_send_to(to)) {
        return Ok(());
    }
    let (method, url, failure) = (method.clone(), url.into(), TransportFailure::Inside);
    Err(Error::Transport { method, url, failure, source: None })
}

fn setup(error: reqwest::Error) -> Error {
    Error::Setup { source: Box::new(error.without_url()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Security;

    fn kinds(transport: &Transport) -> usize {
        transport.shared.clients.lock().unwrap().len()
    }

    #[test]
    fn clients_are_shared_by_all_who_need_the_same_and_by_nobody_else() {
        let transport = Transport::new("test", &[]).unwrap();
        let settings = |host: &str| Settings::new(host.parse().unwrap());
        transport.registry_client(&settings("a.io"), Route::Shared).unwrap();
        transport.registry_client(&settings("b.io"), Route::Shared).unwrap();
        let (token, url) = (settings("c.io"), "https://t.io/".parse().unwrap());
        transport.token_client(&token, Some(Network::Public), &url).unwrap();
        assert_eq!(kinds(&transport), 1);
        let insecure = Settings { security: Security::INSECURE, ..settings("a.io") };
        transport.registry_client(&insecure, Route::Shared).unwrap();
        assert_eq!(kinds(&transport), 2);
        let http1 = Settings { http_version: HttpVersion::Http1, ..settings("a.io") };
        transport.registry_client(&http1, Route::Shared).unwrap();
        assert_eq!(kinds(&transport), 3);
        let proxied = transport.through(&Proxies::one("http://p.io:1").unwrap());
        proxied.registry_client(&settings("a.io"), Route::Shared).unwrap();
        proxied
            .through(&Proxies::one("http://p.io:1").unwrap())
            .registry_client(&settings("b.io"), Route::Shared)
            .unwrap();
        assert_eq!(kinds(&transport), 4);
        let url = "https://s.io/".parse().unwrap();
        let storage = |from| {
            transport.storage_client(&settings("a.io"), from, (&Method::GET, &url), Route::Shared).unwrap()
        };
        storage(Network::Public);
        storage(Network::Private);
        storage(Network::Public);
        assert_eq!(kinds(&transport), 6);
    }

    #[test]
    fn c28_addresses_closer_than_the_registry_are_refused_before_anything_is_sent() {
        let transport = Transport::new("test", &[]).unwrap();
        let settings = Settings::new("a.io".parse().unwrap());
        let ask = |from, url: &str| {
            let url = url.parse().unwrap();
            transport.storage_client(&settings, from, (&Method::GET, &url), Route::Shared)
        };
        let error = ask(Network::Public, "https://169.254.169.254/latest?sig=secret").unwrap_err();
        assert!(matches!(error, Error::Transport { failure: TransportFailure::Inside, .. }), "{error:?}");
        assert!(!error.is_retryable() && !format!("{error} {error:?}").contains("secret"), "{error:?}");
        assert!(ask(Network::Private, "https://100.100.100.200/latest").is_err());
        assert!(ask(Network::Private, "https://127.0.0.1/").is_err());
        assert!(ask(Network::Private, "https://100.118.28.45/").is_ok());
    }
}
