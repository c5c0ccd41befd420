//! An answer that refuses a request, and the meaning of its status, codes and text.

use std::time::Duration;

use oci::ErrorKind;
use oci::foreign_text::clean_to;

use crate::client::Answered;
use crate::concern::{Cause, Concern, concern};
use crate::face::Face;
use crate::http::redact::RedactedUrl;
use crate::http::web_page::{MOST_HEADLINE, headline, is_web_page};

/// The most bytes of a refusal's text that are shown: one document may have several errors.
const MOST_WORDS: usize = 2048;

/// An answer that refuses a request.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{method} {url}: {status}{}", self.words_suffix())]
pub struct Refusal {
    /// The request's method.
    pub method: http::Method,
    /// The request's URL, without secrets.
    pub url: RedactedUrl,
    /// The status of the answer.
    pub status: http::StatusCode,
    /// The registry's own errors, in its order; empty if the body was no error document.
    pub errors: Vec<RegistryMessage>,
    /// The beginning of a body that was no error document.
    pub body: Option<String>,
    /// What the answer looks like, by its status and headers.
    pub face: Face,
    /// The registry's id of this request, for its operators.
    pub request_id: Option<String>,
    /// How long the registry asks to wait.
    pub retry_after: Option<Duration>,
    /// Which server answered, and whether the request carried a login.
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

impl Refusal {
    /// The kind of this refusal.
    pub fn kind(&self) -> ErrorKind {
        match self.status.as_u16() {
            200..=299 => self.kind_by_code(),
            // Several registries, Harbor among them, answer 401 to a user that they know.
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

    /// What else fails for the same reason.
    pub fn concern(&self) -> Concern {
        let codes: Vec<_> = self.errors.iter().map(|error| error.code.as_str()).collect();
        concern(self.answered.endpoint, Cause::Answer(self.status, &codes))
    }

    pub(super) fn names_missing_artifact(&self) -> bool {
        let names = |error: &RegistryMessage| {
            error.code == "NOT_FOUND"
                && (error.message.starts_with("artifact ") || error.message.starts_with("blob "))
        };
        self.method == http::Method::PUT
            && self.status == http::StatusCode::NOT_FOUND
            && self.errors.iter().any(names)
    }

    /// Whether the registry takes no attestations: ACR's Personal Edition refuses an index's child that is one with this
    /// answer, which has nothing to do with rights.
    pub fn is_attestation(&self) -> bool {
        let names =
            |error: &RegistryMessage| error.message.to_ascii_lowercase().contains("unknown manifest class");
        self.method == http::Method::PUT
            && matches!(self.status.as_u16(), 400 | 403)
            && self.errors.iter().any(names)
    }

    /// Whether the answer is a web page: a proxy, a firewall or a web site answered, not a registry. The answer to HEAD has no body:
    /// its headers tell.
    pub fn is_web_page(&self) -> bool {
        let is_announced = || self.method == http::Method::HEAD && self.face == Face::WebPage;
        self.body.as_deref().map_or_else(is_announced, |body| is_web_page(body.as_bytes()))
    }

    /// The kind of an error document that came with a success status.
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

    pub(super) fn is_immutable_tag(&self) -> bool {
        let tells = |error: &RegistryMessage| {
            let code = error.code.to_ascii_uppercase();
            let message = error.message.to_ascii_lowercase();
            // Amazon's own API uses this name, and so do registries that imitate it.
            code.contains("IMAGETAGALREADYEXISTS")
                || code.contains("IMMUTABLE")
                || message.contains("immutab")
        };
        self.method == http::Method::PUT
            && matches!(self.status.as_u16(), 400 | 403 | 405 | 409 | 412)
            && self.errors.iter().any(tells)
    }

    pub(super) fn is_storage_full(&self) -> bool {
        let says_so = |text: &str| text.to_ascii_lowercase().contains("no space left on device");
        self.status == http::StatusCode::INSUFFICIENT_STORAGE
            || self.errors.iter().any(|error| says_so(&error.message))
            || self.body.as_deref().is_some_and(says_so)
    }

    pub(super) fn is_conflict(&self) -> bool {
        self.method != http::Method::GET
            && self.method != http::Method::HEAD
            && self.status == http::StatusCode::CONFLICT
            && !self.is_immutable_tag()
    }

    /// Whether the same request may well succeed later.
    pub fn is_retryable(&self) -> bool {
        let is_passing = matches!(self.kind(), ErrorKind::RateLimited | ErrorKind::Unavailable)
            // 501 and 505 are about what the server supports, not about its current state.
            && !matches!(self.status.as_u16(), 501 | 505);
        is_passing || self.is_conflict()
    }

    /// The registry's own text, fit to be shown: codes and messages, or else the beginning of the body; for a web page its
    /// headline.
    pub fn words(&self) -> Option<String> {
        let words = if !self.errors.is_empty() {
            Some(self.error_words())
        } else if self.is_web_page() {
            Some(self.page_words())
        } else {
            self.body.clone()
        };
        let words = words.filter(|words| !words.trim().is_empty())?;
        Some(clean_to(&words, MOST_WORDS).into_owned())
    }

    /// The page's headline without the status, which is shown before it anyway.
    fn page_words(&self) -> String {
        let headline = self.body.as_deref().and_then(headline).unwrap_or_default();
        let told = headline.strip_prefix(self.status.as_str()).unwrap_or(&headline).trim();
        let is_more = !told.is_empty()
            && self.status.canonical_reason().is_none_or(|reason| !told.eq_ignore_ascii_case(reason));
        if is_more { format!("web page: {}", clean_to(told, MOST_HEADLINE)) } else { "web page".to_owned() }
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
