//! Errors of providers as causes that the engine can ask.

use std::fmt;
use std::time::Duration;

use providers::{alibaba, harbor};
use registry::{ErrorKind, LoginSearch};
use sync::Cause;
use sync::listing::ProviderError;

use crate::diagnostic::with_sources;

/// What a provider says, with what to make of it.
#[derive(Debug)]
pub(crate) struct Trouble {
    text: String,
    kind: ErrorKind,
    is_retryable: bool,
    retry_after: Option<Duration>,
}

impl Trouble {
    /// Something that is as it is: no error of anybody.
    pub(crate) fn permanent(kind: ErrorKind, text: String) -> Cause {
        Cause::Provider(Box::new(Self { text, kind, is_retryable: false, retry_after: None }))
    }

    pub(crate) fn harbor(error: harbor::Error) -> Cause {
        match error {
            harbor::Error::Api(error) => error.into(),
            other => Cause::Provider(Box::new(Self {
                kind: other.kind(),
                is_retryable: other.is_retryable(),
                retry_after: other.retry_after(),
                text: with_sources(&other),
            })),
        }
    }

    pub(crate) fn acr(error: &alibaba::Error) -> Cause {
        Cause::Provider(Box::new(Self {
            kind: acr_kind(error.kind()),
            is_retryable: error.is_retryable(),
            retry_after: None,
            text: with_sources(error),
        }))
    }
}

/// An error of a provider, with the login that it was asked with.
#[derive(Debug)]
struct Asked {
    error: Box<dyn ProviderError>,
    login: LoginSearch,
}

/// Says of an error which login was used.
pub(super) fn asked_with(cause: Cause, login: Option<&LoginSearch>) -> Cause {
    let Some(login) = login.cloned() else { return cause };
    match cause {
        Cause::Registry(mut error) => {
            if let registry::Error::Refused(refusal) = &mut *error {
                refusal.answered.search.get_or_insert(login);
            }
            Cause::Registry(error)
        }
        Cause::Provider(error) => Cause::Provider(Box::new(Asked { error, login })),
        other => other,
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

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl std::error::Error for Trouble {}

impl ProviderError for Trouble {
    fn kind(&self) -> ErrorKind {
        self.kind
    }

    fn is_retryable(&self) -> bool {
        self.is_retryable
    }

    fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(formatter)
    }
}

impl std::error::Error for Asked {}

impl ProviderError for Asked {
    fn kind(&self) -> ErrorKind {
        self.error.kind()
    }

    fn is_retryable(&self) -> bool {
        self.error.is_retryable()
    }

    fn retry_after(&self) -> Option<Duration> {
        self.error.retry_after()
    }

    fn login_search(&self) -> Option<&LoginSearch> {
        Some(&self.login)
    }
}
