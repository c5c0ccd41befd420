//! Finds in the HTTP library's errors the step at which a request broke.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use http::Method;
use url::Url;

use super::guard::LeadsInside;
use super::tls::is_authority_as_server;
use crate::Error;
use crate::error::{CertificateFault, TransportFailure};

/// Turns the HTTP library's error into ours.
pub(crate) fn transport_error(method: &Method, url: &Url, error: reqwest::Error) -> Error {
    Error::Transport {
        method: method.clone(),
        url: url.into(),
        failure: classify(&error),
        // The library's text repeats the URL, whose query may hold secrets.
        source: Some(Box::new(error.without_url())),
    }
}

/// The answer to a request, or a piece of it, unless it takes longer than `limit`.
pub(crate) async fn in_time<T>(
    (method, url): (&Method, &Url),
    limit: Duration,
    work: impl Future<Output = reqwest::Result<T>>,
) -> Result<T, Error> {
    tokio::time::timeout(limit, work)
        .await
        .map_err(|_| stalled(method, url))?
        .map_err(|error| transport_error(method, url, error))
}

/// Nothing moved for too long.
pub(crate) fn stalled(method: &Method, url: &Url) -> Error {
    Error::Transport {
        method: method.clone(),
        url: url.into(),
        failure: TransportFailure::Stalled,
        source: None,
    }
}

fn classify(error: &reqwest::Error) -> TransportFailure {
    if let Some(error) = causes(error).find_map(tls_error) {
        return tls_failure(error);
    }
    if causes(error).any(<dyn StdError>::is::<LeadsInside>) {
        TransportFailure::Inside
    } else if error.is_dns() {
        TransportFailure::Name
    } else if error.is_connect() && error.is_timeout() {
        TransportFailure::Connect
    } else if error.is_timeout() {
        TransportFailure::Stalled
    } else if error.is_connect() && ended_in_handshake(error) {
        TransportFailure::TlsClosed
    } else if error.is_connect() {
        TransportFailure::Connect
    } else {
        TransportFailure::Broken
    }
}

fn tls_failure(error: &rustls::Error) -> TransportFailure {
    use rustls::AlertDescription as Alert;

    match error {
        rustls::Error::InvalidMessage(_) => TransportFailure::PlainHttp,
        rustls::Error::InvalidCertificate(error) => TransportFailure::Certificate(certificate_fault(error)),
        rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(
            // Servers without a common cipher send only the last one.
            Alert::ProtocolVersion | Alert::InsufficientSecurity | Alert::HandshakeFailure,
        ) => TransportFailure::TlsVersion,
        // Alerts about client certificates.
        rustls::Error::AlertReceived(
            Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA,
        ) => TransportFailure::ClientCertificate,
        _ => TransportFailure::Tls,
    }
}

fn certificate_fault(error: &rustls::CertificateError) -> CertificateFault {
    use rustls::CertificateError as Fault;

    match error {
        Fault::Expired | Fault::ExpiredContext { .. } => CertificateFault::Expired,
        Fault::NotValidYet | Fault::NotValidYetContext { .. } => CertificateFault::NotYetValid,
        Fault::NotValidForName | Fault::NotValidForNameContext { .. } => CertificateFault::OtherHost,
        Fault::Revoked => CertificateFault::Revoked,
        // Self-signed certificates that claim to be authorities end in `Other`: rustls does not look
        // for an issuer.
        Fault::UnknownIssuer | Fault::BadSignature => CertificateFault::UnknownAuthority,
        other if is_authority_as_server(other) => CertificateFault::UnknownAuthority,
        _ => CertificateFault::Unusable,
    }
}

/// Finds out from a 400 to the first request that the other side expected TLS, or a client certificate.
///
/// Servers say so only in text: Go's "Client sent an HTTP request to an HTTPS server.", nginx's "The plain HTTP
/// request was sent to HTTPS port", "No required SSL certificate was sent" and "The SSL certificate error", Apache's
/// "speaking plain HTTP to an SSL-enabled server port".
pub(crate) fn misunderstanding(body: &str) -> Option<TransportFailure> {
    let body = body.to_ascii_lowercase();
    let says = |words: &str| body.contains(words);
    if says("http request to an https server")
        || says("plain http request was sent")
        || says("plain http to an ssl")
    {
        Some(TransportFailure::HttpsOnly)
    } else if says("ssl certificate was sent") || says("ssl certificate error") {
        Some(TransportFailure::ClientCertificate)
    } else {
        None
    }
}

/// TLS errors come wrapped in I/O errors.
pub(super) fn tls_error<'a>(cause: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    wrapped(cause).find_map(<dyn StdError>::downcast_ref)
}

fn ended_in_handshake(error: &reqwest::Error) -> bool {
    causes(error)
        .flat_map(wrapped)
        .filter_map(<dyn StdError>::downcast_ref::<io::Error>)
        .any(|cause| matches!(cause.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset))
}

/// An error and the errors that it wraps: an I/O error's `source` skips the error inside, which may be another I/O error.
fn wrapped<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> + use<'a> {
    std::iter::successors(Some(error), |cause| {
        let inner = cause.downcast_ref::<io::Error>()?.get_ref()?;
        Some(inner as &(dyn StdError + 'static))
    })
}

pub(super) fn causes<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let first: Option<&'a (dyn StdError + 'static)> = error.source();
    std::iter::successors(first, |cause: &&'a (dyn StdError + 'static)| StdError::source(*cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c83_what_servers_say_to_the_wrong_scheme() {
        use TransportFailure::{ClientCertificate, HttpsOnly};

        for (body, expected) in [
            ("Client sent an HTTP request to an HTTPS server.\n", Some(HttpsOnly)),
            ("<title>400 The plain HTTP request was sent to HTTPS port</title>", Some(HttpsOnly)),
            ("Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />", Some(HttpsOnly)),
            ("<title>400 No required SSL certificate was sent</title>", Some(ClientCertificate)),
            ("<title>400 The SSL certificate error</title>", Some(ClientCertificate)),
            (r#"{"errors":[{"code":"NAME_INVALID"}]}"#, None),
        ] {
            assert_eq!(misunderstanding(body), expected, "{body}");
        }
    }

    #[test]
    fn c83_alerts_and_versions_are_told_apart() {
        use rustls::{AlertDescription, Error, PeerIncompatible};

        let version = Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13);
        assert_eq!(tls_failure(&version), TransportFailure::TlsVersion);
        let alert = |alert| tls_failure(&Error::AlertReceived(alert));
        assert_eq!(alert(AlertDescription::ProtocolVersion), TransportFailure::TlsVersion);
        assert_eq!(alert(AlertDescription::HandshakeFailure), TransportFailure::TlsVersion);
        assert_eq!(alert(AlertDescription::CertificateRequired), TransportFailure::ClientCertificate);
        assert_eq!(alert(AlertDescription::InternalError), TransportFailure::Tls);
    }
}
