//! At which step a request broke without an answer, and what kind of error that is.

use oci::ErrorKind;

/// At which step a request broke without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportFailure {
    /// The host name is not known.
    Name,
    /// No connection: refused, reset or unreachable.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// The other side closed the connection in the TLS handshake: it speaks no TLS, or does not let us in.
    TlsClosed,
    /// The other side speaks no version or no cipher of TLS that we offer: [`offered_tls`](crate::offered_tls).
    TlsVersion,
    /// The registry's certificate is not accepted.
    Certificate(CertificateFault),
    /// The other side wants a client certificate, or another one.
    ClientCertificate,
    /// The other side speaks plain HTTP where TLS was expected.
    PlainHttp,
    /// The other side speaks TLS where plain HTTP was expected.
    HttpsOnly,
    /// The registry redirects us to an address closer to this machine than its own.
    Inside,
    /// Nothing moved for too long.
    Stalled,
    /// The connection broke while a request or an answer was under way.
    Broken,
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFault {
    /// No trusted authority signed it; it may be self-signed.
    UnknownAuthority,
    /// It has expired.
    Expired,
    /// It is not valid yet.
    NotYetValid,
    /// It is for other hosts.
    OtherHost,
    /// Its authority has revoked it.
    Revoked,
    /// It is broken, or not made for servers.
    Unusable,
}

impl std::fmt::Display for TransportFailure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.describe())
    }
}

impl TransportFailure {
    pub(super) fn kind(self) -> ErrorKind {
        match self {
            Self::Tls
            | Self::TlsClosed
            | Self::TlsVersion
            | Self::Certificate(_)
            | Self::ClientCertificate
            | Self::PlainHttp
            | Self::HttpsOnly => ErrorKind::Tls,
            Self::Inside => ErrorKind::Protocol,
            Self::Stalled => ErrorKind::Stalled,
            Self::Name | Self::Connect | Self::Broken => ErrorKind::Network,
        }
    }

    /// Whether the same request may well succeed later.
    pub(super) fn is_passing(self) -> bool {
        !matches!(
            self,
            Self::TlsVersion
                | Self::Certificate(_)
                | Self::ClientCertificate
                | Self::PlainHttp
                | Self::HttpsOnly
                | Self::Inside
        )
    }

    fn describe(self) -> &'static str {
        match self {
            Self::Name => "the host name cannot be resolved",
            Self::Connect => "no connection",
            Self::Tls => "the TLS handshake failed",
            Self::TlsClosed => "the server closed the connection in the TLS handshake",
            Self::TlsVersion => {
                "the server takes no version or cipher of TLS that is offered (1.2 and 1.3, with ECDHE and AES-GCM or ChaCha20-Poly1305)"
            }
            Self::Certificate(fault) => fault.describe(),
            Self::ClientCertificate => "the server wants a client certificate that it knows",
            Self::PlainHttp => "the server gave an HTTP answer to an HTTPS client",
            Self::HttpsOnly => "the server speaks HTTPS, but was asked over plain HTTP",
            Self::Inside => {
                "the registry sends us to an address closer to this machine than its own, which is refused"
            }
            Self::Stalled => "nothing moved for too long",
            Self::Broken => "the connection broke",
        }
    }
}

impl CertificateFault {
    fn describe(self) -> &'static str {
        match self {
            Self::UnknownAuthority => {
                "the certificate is not accepted: no authority that is trusted here has signed it"
            }
            Self::Expired => {
                "the certificate is not accepted: it has expired (or this machine's clock is wrong)"
            }
            Self::NotYetValid => {
                "the certificate is not accepted: it is not valid yet (or this machine's clock is wrong)"
            }
            Self::OtherHost => "the certificate is not accepted: it is for another host",
            Self::Revoked => "the certificate is not accepted: its authority has taken it back",
            Self::Unusable => "the certificate is not accepted: it is not one for a server, or broken",
        }
    }
}
