//! The errors of requests to a registry, with methods that classify them.

mod problem;
mod refusal;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use oci::foreign_text::clean;
use oci::{Digest, ErrorKind, ManifestError, MediaType, Mismatch, RegistryHost};

pub use self::problem::{NotFollowed, Problem};
pub use self::refusal::{Refusal, RegistryMessage};
pub use self::transport::{CertificateFault, TransportFailure};
use crate::auth::credential::{CredentialError, Prospect};
use crate::auth::login_search::LoginSearch;
use crate::concern::{Cause, Concern, Endpoint, concern};
use crate::http::redact::RedactedUrl;
use crate::proven::Proven;

/// Why a request to a registry failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The registry answered, and refused.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// No usable answer came: name, connection, TLS, or a body that broke off.
    #[error("{method} {url}: {failure}")]
    Transport {
        /// The request's method.
        method: http::Method,
        /// The request's URL.
        url: RedactedUrl,
        /// At which step it broke.
        failure: TransportFailure,
        /// The HTTP library's error.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The registry takes no manifests of this media type.
    #[error("the registry takes no manifests of the type {}", clean(media_type.as_str()))]
    ManifestType {
        /// The manifest's media type.
        media_type: MediaType,
        /// The registry's words.
        #[source]
        source: Box<Refusal>,
    },
    /// The token server refused, or could not be reached.
    #[error("no token from {realm} for {host}")]
    Token {
        /// The registry that named the token server.
        host: RegistryHost,
        /// The token server.
        realm: RedactedUrl,
        /// The error at the token server.
        #[source]
        source: Arc<Error>,
    },
    /// The credential source of this registry fails.
    #[error("no login for {host}")]
    Login {
        /// The registry.
        host: RegistryHost,
        /// The source of the login.
        search: Option<LoginSearch>,
        /// The source's error.
        #[source]
        source: CredentialError,
    },
    /// The registry names a token server to which the credentials must not be sent.
    #[error("{host} wants the credentials sent to {realm}, which is {reason}")]
    RealmNotTrusted {
        /// The registry.
        host: RegistryHost,
        /// The token server that it names.
        realm: RedactedUrl,
        /// Why the login is not sent there.
        reason: &'static str,
    },
    /// Content does not match its digest.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// A web page came in place of a blob: wrong bytes with a known cause.
    #[error("GET {url}: {problem}")]
    PageForBlob {
        /// The blob's URL.
        url: RedactedUrl,
        /// The page's headline.
        problem: Problem,
        /// How its bytes differ from the blob's.
        wrong: Box<Mismatch>,
    },
    /// A manifest cannot be used.
    #[error("manifest {digest} cannot be used")]
    Manifest {
        /// The digest of the bytes that came.
        digest: Digest,
        /// What is wrong with it.
        #[source]
        source: ManifestError,
    },
    /// The answer breaks the protocol.
    #[error("{method} {url}: {problem}")]
    Protocol {
        /// The request's method.
        method: http::Method,
        /// The request's URL.
        url: RedactedUrl,
        /// What is wrong with the answer.
        problem: Problem,
        /// Whether the registry's host had answered as a registry before.
        proven: Proven,
    },
    /// The HTTP client could not be set up, most often for want of certificates.
    #[error("the HTTP client cannot be set up")]
    Setup {
        /// The HTTP library's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// The kind of this error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused(refusal) | Self::ManifestType { source: refusal, .. } => refusal.kind(),
            Self::Transport { failure, .. } => failure.kind(),
            Self::Token { source, .. } => source.kind(),
            Self::Login { source, .. } if source.prospect == Prospect::Passing => ErrorKind::Unavailable,
            Self::RealmNotTrusted { .. } | Self::Login { .. } => ErrorKind::Unauthorized,
            Self::Mismatch(_) | Self::PageForBlob { .. } => ErrorKind::Mismatch,
            Self::Manifest { .. } | Self::Protocol { .. } | Self::Setup { .. } => ErrorKind::Protocol,
        }
    }

    /// What else fails for the same reason.
    pub fn concern(&self) -> Concern {
        match self {
            Self::Refused(refusal) => refusal.concern(),
            Self::Transport { failure, .. } => concern(Endpoint::Other, Cause::Transport(*failure)),
            Self::Token { source, .. } => match &**source {
                Self::Protocol { problem, .. } => concern(Endpoint::Token, Cause::Nonsense(problem)),
                other => other.concern(),
            },
            // The content breaks the protocol, not the answer.
            Self::Protocol { problem, .. } => concern(Endpoint::Manifest, Cause::Nonsense(problem)),
            Self::Login { .. } | Self::RealmNotTrusted { .. } => Concern::Login,
            Self::Setup { .. } => Concern::Registry,
            Self::ManifestType { .. }
            | Self::Mismatch(_)
            | Self::PageForBlob { .. }
            | Self::Manifest { .. } => Concern::Image,
        }
    }

    /// Whether the same request may well succeed later.
    ///
    /// A blob with wrong bytes may be read again, unless its size was wrong a second time; a manifest with wrong content
    /// stays wrong.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.is_retryable(),
            Self::Transport { failure, .. } => failure.is_passing(),
            Self::Token { source, .. } => source.is_retryable(),
            Self::Mismatch(wrong) => !matches!(wrong, Mismatch::SizeAgain { .. }),
            Self::PageForBlob { wrong, .. } => !matches!(**wrong, Mismatch::SizeAgain { .. }),
            Self::Login { source, .. } => source.prospect == Prospect::Passing,
            Self::RealmNotTrusted { .. }
            | Self::ManifestType { .. }
            | Self::Manifest { .. }
            | Self::Protocol { .. }
            | Self::Setup { .. } => false,
        }
    }

    /// How long the registry asks to wait before the next try.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            Self::Token { source, .. } => source.retry_after(),
            _ => None,
        }
    }

    /// The status of the answer, if one came.
    pub fn status(&self) -> Option<http::StatusCode> {
        match self {
            Self::Refused(refusal) | Self::ManifestType { source: refusal, .. } => Some(refusal.status),
            Self::Token { source, .. } => source.status(),
            _ => None,
        }
    }

    /// Whether the registry refuses a manifest because it lacks content that the manifest refers to, though the
    /// content was there before: the caller must send it again.
    ///
    /// Harbor has no code for it: it says `NOT_FOUND` of a project, of a repository, and of a part of the manifest
    /// ("artifact library/app@sha256:… not found").
    /// <https://github.com/goharbor/harbor/blob/main/src/pkg/artifact/dao/dao.go>
    pub fn misses_content(&self) -> bool {
        ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN", "MANIFEST_UNKNOWN"].iter().any(|code| self.has_code(code))
            || matches!(self, Self::Refused(refusal) if refusal.names_missing_artifact())
    }

    /// Whether the registry refuses to move a tag.
    ///
    /// There is no code for it, so the text decides: Harbor answers 412 `PRECONDITION` ("configured as
    /// immutable"), Amazon 400 `TAG_INVALID` ("cannot be overwritten because the repository is immutable"),
    /// Google 400 `MANIFEST_INVALID` ("has enabled tag immutability").
    /// <https://github.com/goharbor/harbor/blob/main/src/server/middleware/immutable/pushmf.go>,
    /// <https://github.com/moby/buildkit/issues/3776>,
    /// <https://cloud.google.com/artifact-registry/docs/docker/troubleshoot#push>
    pub fn is_immutable_tag(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.is_immutable_tag())
    }

    /// Whether the server's storage is full. Some servers say so by the status, most by their operating system's error text
    /// in a 500.
    pub fn is_storage_full(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.is_storage_full())
    }

    /// Whether a write met another one: another client is storing the same, or has just stored it.
    /// <https://github.com/docker/cli/issues/5873>
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.is_conflict())
    }

    /// Whether the registry's error document has this code.
    pub fn has_code(&self, code: &str) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.errors.iter().any(|error| error.code == code))
    }
}

#[cfg(test)]
mod tests;
