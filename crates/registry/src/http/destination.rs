//! Which connection settings of an auth entry hold for which host: the only place where this is decided.
//!
//! A registry's storage and its token server are run by whoever runs the registry, with the same authority and behind
//! the same proxy, so what the user says of the registry holds for where it sends us for its own work:
//!
//! | | the registry | its token server elsewhere | storage, uploads elsewhere | an address in a manifest |
//! |---|---|---|---|---|
//! | proxy, HTTP version | yes | yes | yes | yes |
//! | any certificate (`insecure`, `skipTlsVerify`) | yes | yes | yes | no |
//! | `ca`, `certs.d` | yes | yes | yes | no |
//! | client certificate | yes | no | no | no |
//! | plain HTTP after TLS (`insecure`) | no | no, but where `realm` names it | yes | no |
//! | the login | yes | as [`realm`](crate::auth::realm) judges | never | never |
//!
//! What any certificate may be shown for is never closer to this machine than the registry itself: see
//! [`Network`](super::network::Network).

use super::host_certificates::HostCertificates;
use crate::settings::{CertificateCheck, Scheme, Settings};

/// Whom a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// The registry's own origin.
    Registry,
    /// A token server on another host.
    TokenServer,
    /// Where the registry sends readers of blobs, and uploads.
    Storage,
    /// A layer's address that the author of an image wrote into its manifest.
    Author,
}

impl Destination {
    /// Whether its certificate must verify.
    pub(crate) fn check(self, settings: &Settings) -> CertificateCheck {
        match self {
            Self::Registry | Self::TokenServer | Self::Storage => settings.security.certificate,
            Self::Author => CertificateCheck::Verified,
        }
    }

    /// The certificates that are trusted and shown there, beside the system's.
    pub(crate) fn certificates(self, settings: &Settings) -> HostCertificates {
        match self {
            Self::Registry => settings.certificates.clone(),
            Self::TokenServer | Self::Storage => settings.certificates.without_identity(),
            Self::Author => HostCertificates::default(),
        }
    }
}

/// Whether a registry that is reached over TLS may send us on to a place without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeavingTls {
    Refused,
    /// Bytes that have a digest, and never a login.
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
