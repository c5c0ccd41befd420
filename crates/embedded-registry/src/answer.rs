//! Answers before they are sent, and refusals as the distribution specification defines them.

use bytes::Bytes;
use http::{HeaderName, StatusCode};
use serde_json::{Value, json};

/// An answer before it is sent: faults may still change it.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, String)>,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn new(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((HeaderName::from_static(name), value.into()));
        self
    }

    /// Sets the header, and replaces an existing one.
    pub(crate) fn replace_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.omit_header(name);
        self.header(name, value)
    }

    pub(crate) fn has_header(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known == name)
    }

    pub(crate) fn is_page(&self) -> bool {
        self.headers.iter().any(|(name, value)| name == "content-type" && value.starts_with("text/html"))
    }

    /// Sets the body's length, unless it is set already, or must not be set.
    pub(crate) fn with_length(self) -> Self {
        if self.status == StatusCode::NO_CONTENT || self.has_header("content-length") {
            return self;
        }
        let length = self.body.len().to_string();
        self.header("content-length", length)
    }

    pub(crate) fn omit_header(&mut self, name: &str) {
        self.headers.retain(|(known, _)| !known.as_str().eq_ignore_ascii_case(name));
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn json(value: &Value) -> Self {
        Self::json_as("application/json", value)
    }

    pub(crate) fn json_as(media_type: &str, value: &Value) -> Self {
        Self::new(StatusCode::OK).header("content-type", media_type).body(value.to_string())
    }

    /// A web page.
    pub(crate) fn html(status: StatusCode, text: &str) -> Self {
        let page = format!("<!DOCTYPE html>\n<html><body><h1>{text}</h1></body></html>\n");
        Self::new(status).header("content-type", "text/html; charset=utf-8").body(page)
    }

    /// The specification's error document.
    pub(crate) fn errors(status: StatusCode, errors: &[Value]) -> Self {
        Self { status, ..Self::json(&json!({"errors": errors})) }
    }
}

/// The reason of a refusal. Names and statuses are those of distribution 2.8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    BlobUnknown,
    BodyBrokenOff,
    BodyTooLarge,
    ChunkTooLarge,
    ChunkTooSmall,
    Denied,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestTooLarge,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    NoSuchEndpoint,
    PageTooLarge,
    PageInvalid,
    ReferencedByList,
    ReferencedByOthers,
    SizeInvalid,
    TagInvalid,
    TooManyRequests,
    Unsupported,
    UploadOutdated,
    UploadUnknown,
}

impl Refusal {
    fn row(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::BlobUnknown => (S::NOT_FOUND, "BLOB_UNKNOWN", "blob unknown to registry"),
            Self::BodyBrokenOff => (S::BAD_REQUEST, "BLOB_UPLOAD_INVALID", "the body ended early"),
            Self::BodyTooLarge => (S::PAYLOAD_TOO_LARGE, "SIZE_INVALID", "the body is too large"),
            Self::ChunkTooLarge => {
                (S::RANGE_NOT_SATISFIABLE, "REQUESTED_RANGE_NOT_SATISFIABLE", "the request body is too large")
            }
            Self::ChunkTooSmall => {
                (S::BAD_REQUEST, "SIZE_INVALID", "a chunk before the last one was too small")
            }
            Self::Denied => (S::FORBIDDEN, "DENIED", "requested access to the resource is denied"),
            Self::DigestInvalid => {
                (S::BAD_REQUEST, "DIGEST_INVALID", "provided digest did not match uploaded content")
            }
            Self::ManifestBlobUnknown => {
                (S::BAD_REQUEST, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry")
            }
            Self::ManifestInvalid => (S::BAD_REQUEST, "MANIFEST_INVALID", "manifest invalid"),
            Self::ManifestTooLarge => (S::PAYLOAD_TOO_LARGE, "SIZE_INVALID", "manifest too large"),
            Self::ManifestUnknown => (S::NOT_FOUND, "MANIFEST_UNKNOWN", "manifest unknown"),
            Self::NameInvalid => (S::BAD_REQUEST, "NAME_INVALID", "invalid repository name"),
            Self::NameUnknown => (S::NOT_FOUND, "NAME_UNKNOWN", "repository name not known to registry"),
            Self::NoSuchEndpoint => (S::NOT_FOUND, "UNSUPPORTED", "no such endpoint"),
            Self::PageTooLarge => (
                S::METHOD_NOT_ALLOWED,
                "UNSUPPORTED",
                "Invalid parameter at 'maxResults' failed to satisfy constraint: 'Member must have value less \
                 than or equal to 1000'",
            ),
            Self::PageInvalid => {
                (S::BAD_REQUEST, "PAGINATION_NUMBER_INVALID", "invalid number of results requested")
            }
            Self::ReferencedByList => (
                S::BAD_REQUEST,
                "ImageReferencedByManifestList",
                "Requested image referenced by manifest list",
            ),
            Self::ReferencedByOthers => (
                S::PRECONDITION_FAILED,
                "VIOLATE_FOREIGN_KEY_CONSTRAINT",
                "the deleting artifact is referenced by others",
            ),
            Self::SizeInvalid => {
                (S::BAD_REQUEST, "SIZE_INVALID", "provided length did not match content length")
            }
            Self::TagInvalid => (S::BAD_REQUEST, "TAG_INVALID", "manifest tag did not match URI"),
            Self::TooManyRequests => (S::TOO_MANY_REQUESTS, "TOOMANYREQUESTS", "too many requests"),
            Self::Unsupported => (S::METHOD_NOT_ALLOWED, "UNSUPPORTED", "the operation is unsupported"),
            Self::UploadOutdated => {
                (S::BAD_REQUEST, "BLOB_UPLOAD_INVALID", "the location is not the newest of this upload")
            }
            Self::UploadUnknown => (S::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry"),
        }
    }

    /// The refusal with another status.
    pub(crate) fn with_status(self, status: u16) -> Answer {
        let mut answer = self.of(Value::Null);
        answer.status = StatusCode::from_u16(status).unwrap_or(answer.status);
        answer
    }

    /// The refusal with another message than distribution's.
    pub(crate) fn in_words(self, message: &str) -> Answer {
        let (status, code, _) = self.row();
        Answer::errors(status, &[json!({"code": code, "message": message})])
    }

    /// The refusal with a detail.
    pub(crate) fn of(self, detail: impl Into<Value>) -> Answer {
        let (status, code, message) = self.row();
        let detail = detail.into();
        Answer::errors(status, &[json!({"code": code, "message": message, "detail": detail})])
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        refusal.of(Value::Null)
    }
}
