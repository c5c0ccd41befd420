//! Reads from the HTTP library's errors at which step a request broke.

use std::error::Error as StdError;
use std::io;

use http::Method;
use url::Url;

use crate::Error;
use crate::error::TransportFailure;

/// Turns the HTTP library's error into ours.
pub(crate) fn transport_error(method: &Method, url: &Url, error: reqwest::Error) -> Error {
    Error::Transport {
        method: method.clone(),
        url: url.into(),
        failure: classify(&error),
        // The library's text repeats the URL, and with it what the query may hide.
        source: Some(Box::new(error.without_url())),
    }
}

impl Error {
    /// For those who ask a registry's host for more than the protocol: why no usable answer came.
    pub fn transport(method: &Method, url: &Url, error: reqwest::Error) -> Self {
        transport_error(method, url, error)
    }
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
    if let Some(failure) = tls_failure(error) {
        return failure;
    }
    if error.is_dns() {
        TransportFailure::Name
    } else if error.is_connect() && error.is_timeout() {
        TransportFailure::Connect
    } else if error.is_timeout() {
        TransportFailure::Stalled
    } else if error.is_connect() && ended_in_handshake(error) {
        TransportFailure::Tls
    } else if error.is_connect() {
        TransportFailure::Connect
    } else {
        TransportFailure::Broken
    }
}

fn tls_failure(error: &reqwest::Error) -> Option<TransportFailure> {
    Some(match causes(error).find_map(tls_error)? {
        rustls::Error::InvalidMessage(_) => TransportFailure::PlainHttp,
        rustls::Error::InvalidCertificate(_) => TransportFailure::Certificate,
        _ => TransportFailure::Tls,
    })
}

/// TLS errors come wrapped in I/O errors, sometimes in several; an I/O error's `source` skips what it wraps.
fn tls_error<'a>(mut cause: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    loop {
        if let Some(error) = cause.downcast_ref::<rustls::Error>() {
            return Some(error);
        }
        cause = cause.downcast_ref::<io::Error>()?.get_ref()?;
    }
}

fn ended_in_handshake(error: &reqwest::Error) -> bool {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| matches!(cause.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset))
}

fn causes<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let first: Option<&'a (dyn StdError + 'static)> = error.source();
    std::iter::successors(first, |cause: &&'a (dyn StdError + 'static)| StdError::source(*cause))
}
