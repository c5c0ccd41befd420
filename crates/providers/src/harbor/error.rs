//! What can go wrong while talking to Harbor's API.

use std::time::Duration;

use oci::{ErrorKind, RepositoryName};
use registry::{RedactedUrl, Refusal};

/// Why a request to Harbor's API did not do what it was for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Harbor refused, no answer came, or it makes no sense.
    #[error(transparent)]
    Api(#[from] registry::Error),
    /// The registry answers, but has no API of Harbor.
    #[error("{url} is not a Harbor: it answers neither `/api/version` nor `/api/systeminfo` as Harbor does")]
    NotHarbor {
        /// Where Harbor was looked for.
        url: RedactedUrl,
    },
    /// A page for people in place of data: most often a login page of something in front of Harbor.
    #[error("{url} answers with a web page instead of data")]
    WebPage {
        /// What was asked.
        url: RedactedUrl,
    },
    /// Harbor does not refuse a login that it does not know, but shows what it shows to everybody.
    #[error("{url} does not accept the login of `{user}`")]
    LoginIgnored {
        /// Which Harbor.
        url: RedactedUrl,
        /// Whose login.
        user: String,
    },
    /// The login is a token, which Harbor's API does not take.
    #[error(
        "the API of {url} takes user and password alone, and the login there is a token: name a user or a robot account in an auth entry"
    )]
    TokenOnly {
        /// Which Harbor.
        url: RedactedUrl,
    },
    /// Something between us and Harbor decodes the name, so that Harbor sees another path. The
    /// protocol's own list of tags still works.
    #[error("{repository}: something in front of Harbor changes encoded names, its tags have to be listed")]
    EncodedName {
        /// Whose artifacts were asked for.
        repository: RepositoryName,
        /// What came.
        #[source]
        source: Box<registry::Error>,
    },
    /// In Harbor each repository lies in a project.
    #[error("{repository} names no project: Harbor's repositories are `project/repository`")]
    NoProject {
        /// The name without a project.
        repository: RepositoryName,
    },
}

impl Error {
    /// What to make of it.
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

    /// How long Harbor, or what stands in front of it, asks to wait before the next try.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Api(error) => error.retry_after(),
            _ => None,
        }
    }

    /// The answer that says no, with Harbor's code, message and request id.
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
