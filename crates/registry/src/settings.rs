//! How one registry is reached, and with which login.

use oci::RegistryHost;

use crate::auth::credential::Login;
use crate::auth::login_search::LoginSearch;
use crate::auth::trusted_realm::TrustedRealm;
use crate::http::host_certificates::HostCertificates;
use crate::http::proxy::Proxies;
use crate::http::stall::Patience;

/// How a registry is reached and with which login: `Settings { login, ..Settings::new(host) }`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The registry's host.
    pub host: RegistryHost,
    /// The login.
    pub login: Login,
    /// Where that login was found, or which places were searched; `None` if unknown.
    pub login_search: Option<LoginSearch>,
    /// How far its TLS is trusted.
    pub security: Security,
    /// Certificates for this registry beside the system's.
    pub certificates: HostCertificates,
    /// The proxies for this registry and the servers to which it redirects; `None` for the transport's own.
    pub proxies: Option<Proxies>,
    /// Which versions of HTTP are offered.
    pub http_version: HttpVersion,
    /// A token server to which the login may go, wherever it is.
    pub trusted_realm: Option<TrustedRealm>,
    /// How long it may be silent.
    pub patience: Patience,
}

impl Settings {
    /// Anonymous, with verified certificates and otherwise default settings.
    pub fn new(host: RegistryHost) -> Self {
        Self {
            host,
            login: Login::Anonymous,
            login_search: None,
            security: Security::VERIFIED,
            certificates: HostCertificates::default(),
            proxies: None,
            http_version: HttpVersion::Newest,
            trusted_realm: None,
            patience: Patience::default(),
        }
    }
}

/// How far a registry's TLS is trusted: two independent settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Security {
    /// Whether its certificate must verify.
    pub certificate: CertificateCheck,
    /// Whether it speaks TLS at all.
    pub scheme: Scheme,
}

impl Security {
    /// TLS with a certificate that verifies.
    pub const VERIFIED: Self = Self { certificate: CertificateCheck::Verified, scheme: Scheme::Tls };
    /// The meaning of `insecure: true`: TLS with any certificate, plain HTTP if the other side speaks no TLS.
    pub const INSECURE: Self = Self { certificate: CertificateCheck::Unverified, scheme: Scheme::TlsOrPlain };
}

/// Whether a registry's certificate must verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateCheck {
    /// It must verify.
    Verified,
    /// Any certificate is accepted.
    Unverified,
}

/// Whether a registry speaks TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// It speaks TLS.
    Tls,
    /// TLS first; plain HTTP if the handshake shows that the other side speaks no TLS.
    TlsOrPlain,
    /// Plain HTTP, and TLS is never tried.
    Plain,
}

/// Which versions of HTTP are offered to a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/2 if the registry speaks it, else HTTP/1.1. Bodies above 256 KiB go over HTTP/1.1 connections of their own.
    Newest,
    /// Only HTTP/1.1. Large bodies always use it.
    Http1,
}
