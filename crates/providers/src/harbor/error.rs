//! Errors of Harbor's API.

use std::time::Duration;

use oci::{ErrorKind, RepositoryName};
use registry::{RedactedUrl, Refusal};

/// Why a request to Harbor's API failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Harbor refused, no answer came, or it makes no sense.
    #[error(transparent)]
    Api(#[from] registry::Error),
    /// The registry answers, but has no Harbor API.
    #[error("{url} is not a Harbor: it answers neither `/api/version` nor `/api/systeminfo` as Harbor does")]
    NotHarbor {
        /// The address at which Harbor was expected.
        url: RedactedUrl,
    },
    /// A web page in place of data: most often a login page of a proxy in front of Harbor.
    #[error("{url} answers with a web page instead of data")]
    WebPage {
        /// The requested URL.
        url: RedactedUrl,
    },
    /// Harbor does not refuse an unknown login, but shows only public data.
    #[error("{url} does not accept the login of `{user}`")]
    LoginIgnored {
        /// The Harbor's address.
        url: RedactedUrl,
        /// The login's user.
        user: String,
    },
    /// The login is a token, which Harbor's API does not take.
    #[error(
        "the API of {url} takes user and password alone, and the login there is a token: name a user or a robot account in an auth entry"
    )]
    TokenOnly {
        /// The Harbor's address.
        url: RedactedUrl,
    },
    /// A proxy in front of Harbor decodes the name, so that Harbor gets another path. The
    /// protocol's own list of tags still works.
    #[error("{repository}: something in front of Harbor changes encoded names, its tags have to be listed")]
    EncodedName {
        /// The repository whose artifacts were requested.
        repository: RepositoryName,
        /// The answer.
        #[source]
        source: Box<registry::Error>,
    },
    /// In Harbor each repository is in a project.
    #[error("{repository} names no project: Harbor's repositories are `project/repository`")]
    NoProject {
        /// The name without a project.
        repository: RepositoryName,
    },
}

impl Error {
    /// The kind of this error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Api(error) => error.kind(),
            Self::LoginIgnored { .. } | Self::TokenOnly { .. } => ErrorKind::Unauthorized,
            Self::EncodedName { .. } | Self::NoProject { .. } => ErrorKind::NotFound,
            Self::NotHarbor { .. } | Self::WebPage { .. } => ErrorKind::Protocol,
        }
    }

    /// Whether the same request may well succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Api(error) if error.is_retryable())
    }

    /// How long Harbor, or a proxy in front of it, asks to wait before the next try.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Api(error) => error.retry_after(),
            _ => None,
        }
    }

    /// The refusal, with Harbor's code, message and request id.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Api(registry::Error::Refused(refusal)) => Some(refusal),
            Self::EncodedName { source, .. } => match &**source {
                registry::Error::Refused(refusal) => Some(refusal),
                _ => None,
            },
            _ => None,
        }
    }

    pub(super) fn has_status(&self, statuses: &[u16]) -> bool {
        self.refusal().is_some_and(|refusal| statuses.contains(&refusal.status.as_u16()))
    }
}
