//! The kind of server that an answer looks like, by its status and headers.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};

use crate::auth::challenge::challenges;

/// The kind of server that an answer looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// It speaks the distribution protocol.
    Registry,
    /// It answers with a web page.
    WebPage,
    /// It redirects, or gives an answer that no registry gives.
    Unclear,
}

impl Face {
    pub(crate) fn of(status: StatusCode, headers: &HeaderMap) -> Self {
        let has_challenge = || status == StatusCode::UNAUTHORIZED && !challenges(headers).is_empty();
        if headers.contains_key("docker-distribution-api-version") || has_challenge() {
            Self::Registry
        } else if is_html(headers) {
            Self::WebPage
        } else if status == StatusCode::OK {
            Self::Registry
        } else {
            Self::Unclear
        }
    }
}

/// Whether the headers announce a web page.
pub(crate) fn is_html(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.to_ascii_lowercase().starts_with("text/html")
}
