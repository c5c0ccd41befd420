//! Decides which connection settings of an auth entry apply to which host: no other file decides this.
//!
//! The operator of a registry also runs its storage and its token server, with the same authority and behind
//! the same proxy. So the user's settings for the registry apply to the hosts to which it redirects for its own work:
//!
//! | | the registry | its token server elsewhere | storage, uploads elsewhere | an address in a manifest |
//! |---|---|---|---|---|
//! | proxy, HTTP version | yes | yes | yes | yes |
//! | any certificate (`insecure`, `skipTlsVerify`) | yes | yes | yes | no |
//! | `ca`, `certs.d` | yes | yes | yes | no |
//! | client certificate | yes | no | no | no |
//! | plain HTTP after TLS (`insecure`) | no | no, unless `realm` names it | yes | no |
//! | the login | yes | as [`realm`](crate::auth::realm) judges | never | never |
//!
//! A host whose certificate is not checked is never closer to this machine than the registry itself: see
//! [`Network`](super::network::Network).

use super::host_certificates::HostCertificates;
use crate::settings::{CertificateCheck, Scheme, Settings};

/// The kind of host that a request goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// The registry's own origin.
    Registry,
    /// A token server on another host.
    TokenServer,
    /// A host to which the registry redirects blob reads and uploads.
    Storage,
    /// The address of a layer that the author of an image wrote into its manifest.
    Author,
}

impl Destination {
    /// Whether the host's certificate must verify.
    pub(crate) fn check(self, settings: &Settings) -> CertificateCheck {
        match self {
            Self::Registry | Self::TokenServer | Self::Storage => settings.security.certificate,
            Self::Author => CertificateCheck::Verified,
        }
    }

    /// The authorities and the client certificate for the host, beside the system's.
    pub(crate) fn certificates(self, settings: &Settings) -> HostCertificates {
        match self {
            Self::Registry => settings.certificates.clone(),
            Self::TokenServer | Self::Storage => settings.certificates.without_identity(),
            Self::Author => HostCertificates::default(),
        }
    }
}

/// Whether a registry that is reached over TLS may redirect us to an address without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeavingTls {
    Refused,
    /// Only for bytes that have a digest, and never with a login.
    Allowed,
}

impl LeavingTls {
    pub(crate) fn of(settings: &Settings) -> Self {
        match settings.security.scheme {
            Scheme::Tls => Self::Refused,
            Scheme::TlsOrPlain | Scheme::Plain => Self::Allowed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Security;

    #[test]
    fn p25_what_an_entry_says_holds_where_its_registry_sends_us() {
        use CertificateCheck::{Unverified, Verified};

        let folder = tempfile::tempdir().unwrap();
        let authority = testkit::CertificateAuthority::generate().unwrap();
        let client = authority.issue_client("mirror").unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (certificate, key) = (write("c", &client.certificate_pem), write("k", &client.key_pem));
        let trusted = HostCertificates::default().with_authorities(&authority.ca_file()).unwrap();
        let both = trusted.clone().with_identity(&certificate, &key).unwrap();
        let settings = |security| Settings {
            security,
            certificates: both.clone(),
            ..Settings::new("r.io".parse().unwrap())
        };
        let (insecure, verified) = (settings(Security::INSECURE), settings(Security::VERIFIED));
        for (destination, check, certificates) in [
            (Destination::Registry, Unverified, &both),
            (Destination::TokenServer, Unverified, &trusted),
            (Destination::Storage, Unverified, &trusted),
            (Destination::Author, Verified, &HostCertificates::default()),
        ] {
            assert_eq!(destination.check(&insecure), check, "{destination:?}");
            assert_eq!(destination.check(&verified), Verified, "{destination:?}");
            assert_eq!(destination.certificates(&insecure), *certificates, "{destination:?}");
        }
        assert_eq!(LeavingTls::of(&insecure), LeavingTls::Allowed);
        assert_eq!(LeavingTls::of(&verified), LeavingTls::Refused);
        let half = Security { certificate: Unverified, scheme: Scheme::Tls };
        assert_eq!(LeavingTls::of(&settings(half)), LeavingTls::Refused);
    }
}
