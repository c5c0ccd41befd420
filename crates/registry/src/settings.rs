//! How one registry is reached, and who we are there.

use oci::RegistryHost;

use crate::auth::credential::Login;
use crate::auth::login_search::LoginSearch;
use crate::auth::trusted_realm::TrustedRealm;
use crate::http::host_certificates::HostCertificates;
use crate::http::proxy::Proxies;
use crate::http::stall::Patience;

/// How a registry is reached and who we are there: `Settings { login, ..Settings::new(host) }`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which registry.
    pub host: RegistryHost,
    /// Who we are.
    pub login: Login,
    /// Where that login comes from, or was looked for; `None` where nobody said.
    pub login_search: Option<LoginSearch>,
    /// How far its TLS is trusted.
    pub security: Security,
    /// Certificates for this registry beside the system's.
    pub certificates: HostCertificates,
    /// The way to this registry and to where it sends us; `None` for the way that the transport goes.
    pub proxies: Option<Proxies>,
    /// Which versions of HTTP are offered.
    pub http_version: HttpVersion,
    /// A token server to which the login may go, wherever it is.
    pub trusted_realm: Option<TrustedRealm>,
    /// How long it may let us wait.
    pub patience: Patience,
}

impl Settings {
    /// Nobody is logged in, certificates are verified, and nothing is out of the ordinary.
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

/// How far a registry's TLS is trusted: two questions that have nothing to do with each other.
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
    /// What `insecure: true` always meant: TLS with any certificate, plain HTTP where the other side speaks no TLS.
    pub const INSECURE: Self = Self { certificate: CertificateCheck::Unverified, scheme: Scheme::TlsOrPlain };
}

/// Whether a registry's certificate must verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateCheck {
    /// It must.
    Verified,
    /// Any certificate will do.
    Unverified,
}

/// Whether a registry speaks TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// It does.
    Tls,
    /// TLS first; plain HTTP where the handshake shows that the other side speaks none.
    TlsOrPlain,
    /// Plain HTTP, and TLS is never tried.
    Plain,
}

/// Which versions of HTTP are offered to a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/2 where the registry wants it, else HTTP/1.1. Bodies above 256 KiB go over HTTP/1.1 connections of their own.
    Newest,
    /// HTTP/1.1 alone. Large bodies go over it in any case.
    Http1,
}
