//! Maps providers' errors to the engine's.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use oci::{ErrorKind, with_sources};
use providers::{alibaba, harbor};
use registry::LoginSearch;
use sync::endpoint::EndpointError;

use crate::judge::{judged, scope_by_kind};

/// A failure of an API beside the protocol, as a text.
#[derive(Debug)]
pub struct Trouble {
    text: String,
    /// Where the login was found, or which places were searched.
    pub login: Option<LoginSearch>,
    /// The credentials that were sent to the API.
    pub shown: Shown,
}

/// The kind of credentials that an API gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// User and password, as for the registry itself.
    Login,
    /// A cloud's access key, which is traded for a login.
    AccessKey,
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl Error for Trouble {}

/// Adds to an error which login was used.
pub(super) fn asked_with(mut error: EndpointError, login: Option<&LoginSearch>) -> EndpointError {
    let Some(login) = login.cloned() else { return error };
    // The error is not shared yet.
    if let Some(own) = Arc::get_mut(&mut error.own) {
        if let Some(registry::Error::Refused(refusal)) = own.downcast_mut() {
            refusal.answered.search.get_or_insert(login);
        } else if let Some(trouble) = own.downcast_mut::<Trouble>() {
            trouble.login.get_or_insert(login);
        }
    }
    error
}

/// A lasting condition, which is no other component's error.
pub(super) fn permanent(kind: ErrorKind, text: String) -> EndpointError {
    trouble(kind, false, None, text, Shown::Login)
}

pub(super) fn harbor(error: harbor::Error) -> EndpointError {
    match error {
        harbor::Error::Api(error) => EndpointError { scope: scope_by_kind(error.kind()), ..judged(error) },
        other => trouble(
            other.kind(),
            other.is_retryable(),
            other.retry_after(),
            with_sources(&other),
            Shown::Login,
        ),
    }
}

pub(super) fn acr(error: &alibaba::Error) -> EndpointError {
    trouble(acr_kind(error.kind()), error.is_retryable(), None, with_sources(error), Shown::AccessKey)
}

fn trouble(
    kind: ErrorKind,
    is_retryable: bool,
    wait: Option<Duration>,
    text: String,
    shown: Shown,
) -> EndpointError {
    let scope = scope_by_kind(kind);
    EndpointError {
        scope,
        is_retryable,
        wait,
        ..EndpointError::new(kind, Trouble { text, login: None, shown })
    }
}

fn acr_kind(kind: alibaba::ErrorKind) -> ErrorKind {
    use alibaba::ErrorKind as Acr;

    match kind {
        Acr::InvalidKey | Acr::WrongSecret | Acr::ExpiredToken | Acr::ClockSkew | Acr::NoKey => {
            ErrorKind::Unauthorized
        }
        Acr::NoPermission => ErrorKind::Denied,
        Acr::NotFound => ErrorKind::NotFound,
        Acr::Throttled => ErrorKind::RateLimited,
        Acr::Unavailable => ErrorKind::Unavailable,
        Acr::Network => ErrorKind::Network,
        Acr::NoApi => ErrorKind::Protocol,
        _ => ErrorKind::Rejected,
    }
}
