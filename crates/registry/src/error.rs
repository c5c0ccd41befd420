//! What can go wrong while talking to a registry, in a form that can be asked questions.

use std::time::Duration;

use crate::auth::credential::{CredentialError, Prospect};
use crate::client::Answered;
use crate::foreign_text::{Cleaned, clean, clean_to};
use crate::http::redact::RedactedUrl;
use crate::http::web_page::is_web_page;
use crate::manifest::ManifestError;
use crate::{Digest, MediaType, Mismatch, RegistryHost, Tag};

/// The most bytes of a refusal's words that are shown: several errors in one document are.
const MOST_WORDS: usize = 2048;

/// Why a request to a registry did not do what it was for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The registry answered, and refused.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// No usable answer came: name, connection, TLS, or a body that broke off.
    #[error("{} {url}: {}", method, failure.describe())]
    Transport {
        /// What was asked.
        method: http::Method,
        /// Where.
        url: RedactedUrl,
        /// At which step it broke.
        failure: TransportFailure,
        /// The HTTP library's word for it.
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
        /// The registry that sent us there.
        host: RegistryHost,
        /// The token server.
        realm: RedactedUrl,
        /// What happened there.
        #[source]
        source: Box<Error>,
    },
    /// Whoever keeps the login for this registry does not give it.
    #[error("no login for {host}")]
    Login {
        /// The registry.
        host: RegistryHost,
        /// What the keeper says.
        #[source]
        source: CredentialError,
    },
    /// The registry names a token server to which the credentials must not be sent.
    #[error("{host} wants the credentials sent to {realm}, which is {reason}")]
    RealmNotTrusted {
        /// The registry.
        host: RegistryHost,
        /// Where it wants them.
        realm: RedactedUrl,
        /// Why that is not done.
        reason: &'static str,
    },
    /// Content is not what its digest says.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
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
        /// What was asked.
        method: http::Method,
        /// Where.
        url: RedactedUrl,
        /// What is wrong with the answer.
        problem: Problem,
    },
    /// The HTTP client could not be set up, most often for want of certificates.
    #[error("the HTTP client cannot be set up")]
    Setup {
        /// The HTTP library's word for it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// An answer that says no.
#[derive(Debug, thiserror::Error)]
#[error("{method} {url}: {status}{}", self.words_suffix())]
pub struct Refusal {
    /// What was asked.
    pub method: http::Method,
    /// Where, without secrets.
    pub url: RedactedUrl,
    /// The status of the answer.
    pub status: http::StatusCode,
    /// The registry's own errors, in its order; empty where the body was no error document.
    pub errors: Vec<RegistryMessage>,
    /// The beginning of a body that was no error document.
    pub body: Option<String>,
    /// How the registry names this request, for its operators.
    pub request_id: Option<String>,
    /// How long the registry asks to wait.
    pub retry_after: Option<Duration>,
    /// Who said so, and whether a login had gone along.
    pub answered: Answered,
}

/// One entry of the specification's error document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryMessage {
    /// `MANIFEST_UNKNOWN` and the like.
    pub code: String,
    /// The registry's sentence.
    pub message: String,
}

/// At which step no answer came about.
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
    /// The other side wants to see a certificate of ours, or another one.
    ClientCertificate,
    /// The other side speaks plain HTTP where TLS was expected.
    PlainHttp,
    /// The other side speaks TLS where plain HTTP was expected.
    HttpsOnly,
    /// The registry sends us to an address closer to this machine than its own.
    Inside,
    /// Nothing moved for too long.
    Stalled,
    /// The connection broke while a request or an answer was under way.
    Broken,
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFault {
    /// It is signed by nobody who is trusted here, perhaps by itself.
    UnknownAuthority,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// It is for other hosts.
    OtherHost,
    /// Its authority has taken it back.
    Revoked,
    /// It is broken, or not made for servers.
    Unusable,
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

impl TransportFailure {
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

/// How an answer breaks the protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A header that the step needs is not there or not readable.
    #[error("the answer has no usable `{0}` header")]
    Header(&'static str),
    /// The body is not the JSON that the step needs.
    #[error("the answer is not the expected JSON: {}", Cleaned(.0))]
    Json(String),
    /// A page for people, as proxies, firewalls and web sites answer.
    #[error("the answer is a web page")]
    WebPage,
    /// A field of the body is not what the step needs.
    #[error("`{name}` in the answer {why}")]
    Field {
        /// Its key.
        name: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The body is compressed, though that was not asked for.
    #[error("the answer's body has `Content-Encoding: {}`, though it was asked for without any", Cleaned(.0))]
    Encoding(String),
    /// A list has more entries than any real one.
    #[error("the list has more than {0} entries")]
    NoEnd(usize),
    /// The body is larger than we read.
    #[error("the answer has more than {0} bytes")]
    TooLarge(u64),
    /// A status that means nothing here.
    #[error("the answer's status {0} makes no sense here")]
    Status(http::StatusCode),
    /// A redirect that leads to an unencrypted place, in circles or out of the protocol.
    #[error("a redirect to {to} is not followed: {why}")]
    Redirect {
        /// Where it leads.
        to: RedactedUrl,
        /// Why not.
        why: NotFollowed,
    },
    /// The registry wants a body elsewhere that went out already: it has to be sent again.
    #[error("the registry wants the upload at another address")]
    Moved,
    /// The address of a layer that is kept elsewhere is not one that we go to.
    #[error("the layer's own address is not used: {0}")]
    External(&'static str),
    /// The next page of a list is the same page again, or at another host.
    #[error("the link to the next page is not followed: {0}")]
    Page(&'static str),
    /// The tag for a list of referrers is used for something else.
    #[error("the tag {0} should hold a list of referrers, but holds something else")]
    ReferrersTag(Tag),
    /// The registry says that it stored other bytes than were sent.
    #[error("the registry stored {} instead of {expected}", Cleaned(actual))]
    StoredOther {
        /// What was sent.
        expected: Digest,
        /// What it says.
        actual: String,
    },
}

/// Why a redirect is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotFollowed {
    /// From TLS to plain HTTP, which the registry's settings do not allow.
    #[error("it leaves TLS")]
    LeavesTls,
    /// To what is neither `http` nor `https`.
    #[error("it leaves HTTP")]
    LeavesHttp,
    /// It would turn a write into a read, which stores nothing.
    #[error("it asks for another request than the one that was sent")]
    OtherRequest,
    /// The request carries a login that is not for where it leads.
    #[error("the login would go to another server")]
    OtherServer,
    /// It leads in circles.
    #[error("too many redirects")]
    TooMany,
}

/// What to make of an error, whatever its details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Who we are is not accepted, or nobody is logged in.
    Unauthorized,
    /// We are known, but may not do this.
    Denied,
    /// The repository, manifest or blob is not there.
    NotFound,
    /// Too many requests.
    RateLimited,
    /// The server has trouble of its own.
    Unavailable,
    /// Name, connection or body.
    Network,
    /// TLS or certificate.
    Tls,
    /// Nothing moved for too long.
    Stalled,
    /// Bytes do not have the digest or size that they should.
    Mismatch,
    /// What was sent is larger than the other side, or a proxy in front of it, takes.
    TooLarge,
    /// The other side does not accept what was sent.
    Rejected,
    /// The answer makes no sense.
    Protocol,
}

impl Problem {
    /// Why a body is not the JSON that the step needs.
    pub(crate) fn unreadable(body: &[u8], why: &dyn std::fmt::Display) -> Self {
        if is_web_page(body) { Self::WebPage } else { Self::Json(why.to_string()) }
    }
}

impl Error {
    /// What to make of it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused(refusal) | Self::ManifestType { source: refusal, .. } => refusal.kind(),
            Self::Transport { failure, .. } => match failure {
                TransportFailure::Tls
                | TransportFailure::TlsClosed
                | TransportFailure::TlsVersion
                | TransportFailure::Certificate(_)
                | TransportFailure::ClientCertificate
                | TransportFailure::PlainHttp
                | TransportFailure::HttpsOnly => ErrorKind::Tls,
                TransportFailure::Inside => ErrorKind::Protocol,
                TransportFailure::Stalled => ErrorKind::Stalled,
                TransportFailure::Name | TransportFailure::Connect | TransportFailure::Broken => {
                    ErrorKind::Network
                }
            },
            Self::Token { source, .. } => source.kind(),
            Self::Login { source, .. } if source.prospect == Prospect::Passing => ErrorKind::Unavailable,
            Self::RealmNotTrusted { .. } | Self::Login { .. } => ErrorKind::Unauthorized,
            Self::Mismatch(_) => ErrorKind::Mismatch,
            Self::Manifest { .. } | Self::Protocol { .. } | Self::Setup { .. } => ErrorKind::Protocol,
        }
    }

    /// Whether the same request may well succeed later.
    ///
    /// Bytes of a blob that do not match may be read again; a manifest that lies stays a lie.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.is_retryable(),
            Self::Transport { failure, .. } => !matches!(
                failure,
                TransportFailure::TlsVersion
                    | TransportFailure::Certificate(_)
                    | TransportFailure::ClientCertificate
                    | TransportFailure::PlainHttp
                    | TransportFailure::HttpsOnly
                    | TransportFailure::Inside
            ),
            Self::Token { source, .. } => source.is_retryable(),
            Self::Mismatch(_) => true,
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

    /// Whether the registry refuses a manifest because it lacks content that the manifest refers to, though it
    /// was there before: what was believed to be there has to be sent again.
    ///
    /// Harbor has no code for it: it says `NOT_FOUND` of a project, of a repository, and of a part of the manifest
    /// ("artifact library/app@sha256:… not found").
    /// <https://github.com/goharbor/harbor/blob/main/src/pkg/artifact/dao/dao.go>
    pub fn misses_content(&self) -> bool {
        ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN", "MANIFEST_UNKNOWN"].iter().any(|code| self.has_code(code))
            || matches!(self, Self::Refused(refusal) if refusal.names_missing_artifact())
    }

    /// Whether the registry refuses to let a tag point at something else.
    ///
    /// There is no code for it, so its words have to tell: Harbor answers 412 `PRECONDITION` ("configured as
    /// immutable"), Amazon 400 `TAG_INVALID` ("cannot be overwritten because the repository is immutable"),
    /// Google 400 `MANIFEST_INVALID` ("has enabled tag immutability").
    /// <https://github.com/goharbor/harbor/blob/main/src/server/middleware/immutable/pushmf.go>,
    /// <https://github.com/moby/buildkit/issues/3776>,
    /// <https://cloud.google.com/artifact-registry/docs/docker/troubleshoot#push>
    pub fn is_immutable_tag(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.is_immutable_tag())
    }

    /// Whether a write met another one: somebody is storing the same, or has just done it.
    /// <https://github.com/docker/cli/issues/5873>
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.is_conflict())
    }

    /// Whether the registry's error document has this code.
    pub fn has_code(&self, code: &str) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.errors.iter().any(|error| error.code == code))
    }
}

impl Refusal {
    /// What to make of it.
    pub fn kind(&self) -> ErrorKind {
        match self.status.as_u16() {
            200..=299 => self.kind_by_code(),
            // Several registries, Harbor among them, answer 401 to somebody whom they know.
            401 if self.errors.iter().any(|error| error.code == "DENIED") => ErrorKind::Denied,
            401 => ErrorKind::Unauthorized,
            403 if self.is_attestation() => ErrorKind::Rejected,
            403 => ErrorKind::Denied,
            404 => ErrorKind::NotFound,
            413 => ErrorKind::TooLarge,
            429 => ErrorKind::RateLimited,
            408 | 425 | 499 | 500..=599 => ErrorKind::Unavailable,
            _ => ErrorKind::Rejected,
        }
    }

    fn names_missing_artifact(&self) -> bool {
        let names = |error: &RegistryMessage| {
            error.code == "NOT_FOUND"
                && (error.message.starts_with("artifact ") || error.message.starts_with("blob "))
        };
        self.method == http::Method::PUT
            && self.status == http::StatusCode::NOT_FOUND
            && self.errors.iter().any(names)
    }

    /// Whether the registry takes no attestations: ACR's Personal Edition answers so to an index's child that is one,
    /// and it is no matter of rights.
    pub fn is_attestation(&self) -> bool {
        let names =
            |error: &RegistryMessage| error.message.to_ascii_lowercase().contains("unknown manifest class");
        self.method == http::Method::PUT
            && matches!(self.status.as_u16(), 400 | 403)
            && self.errors.iter().any(names)
    }

    /// Whether a page for people explains it: a proxy, a firewall or a web site speaks, and no registry.
    pub fn is_web_page(&self) -> bool {
        self.body.as_deref().is_some_and(|body| is_web_page(body.as_bytes()))
    }

    /// What an error document says that came as a success.
    fn kind_by_code(&self) -> ErrorKind {
        let has = |codes: &[&str]| self.errors.iter().any(|error| codes.contains(&error.code.as_str()));
        if has(&["DENIED"]) {
            ErrorKind::Denied
        } else if has(&["UNAUTHORIZED"]) {
            ErrorKind::Unauthorized
        } else if has(&["TOOMANYREQUESTS"]) {
            ErrorKind::RateLimited
        } else if has(&["NAME_UNKNOWN", "MANIFEST_UNKNOWN", "BLOB_UNKNOWN"]) {
            ErrorKind::NotFound
        } else {
            ErrorKind::Rejected
        }
    }

    fn is_immutable_tag(&self) -> bool {
        let tells = |error: &RegistryMessage| {
            let code = error.code.to_ascii_uppercase();
            let message = error.message.to_ascii_lowercase();
            // Amazon's own API calls it by this name, and so do registries that imitate it.
            code.contains("IMAGETAGALREADYEXISTS")
                || code.contains("IMMUTABLE")
                || message.contains("immutab")
        };
        self.method == http::Method::PUT
            && matches!(self.status.as_u16(), 400 | 403 | 405 | 409 | 412)
            && self.errors.iter().any(tells)
    }

    fn is_conflict(&self) -> bool {
        self.method != http::Method::GET
            && self.method != http::Method::HEAD
            && self.status == http::StatusCode::CONFLICT
            && !self.is_immutable_tag()
    }

    /// Whether the same request may well succeed later.
    pub fn is_retryable(&self) -> bool {
        let is_passing = matches!(self.kind(), ErrorKind::RateLimited | ErrorKind::Unavailable)
            // 501 and 505 are about what the server can do at all, not about now.
            && !matches!(self.status.as_u16(), 501 | 505);
        is_passing || self.is_conflict()
    }

    /// The registry's own words, fit to be shown: codes and messages, else the beginning of the body.
    pub fn words(&self) -> Option<String> {
        let words = if self.errors.is_empty() { self.body.clone() } else { Some(self.error_words()) };
        let words = words.filter(|words| !words.trim().is_empty())?;
        Some(clean_to(&words, MOST_WORDS).into_owned())
    }

    fn error_words(&self) -> String {
        let words = self.errors.iter().map(|error| match (error.code.as_str(), error.message.as_str()) {
            (code, "") => code.to_owned(),
            ("", message) => message.to_owned(),
            (code, message) => format!("{code}: {message}"),
        });
        words.collect::<Vec<_>>().join("; ")
    }

    fn words_suffix(&self) -> String {
        self.words().map(|words| format!(" ({words})")).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
