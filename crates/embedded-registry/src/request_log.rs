//! The logged requests, for tests that count them.

use http::header::HeaderMap;
use http::header::{self, HeaderName};
use http::request::Parts;
use http::{HeaderValue, Method};

use crate::place::Place;

/// One request with its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRequest {
    /// The method.
    pub method: Method,
    /// The path.
    pub path: String,
    /// The query, if there was one.
    pub query: Option<String>,
    /// The status of the answer; 0 as long as none was sent.
    pub status: u16,
    /// The kind of login; never the login itself.
    pub authorization: Authorization,
    /// The client's user agent.
    pub user_agent: Option<String>,
    /// The content type that the client stated.
    pub content_type: Option<String>,
    /// All headers; of `Authorization` only the scheme, such as `Bearer`.
    pub headers: HeaderMap,
    /// Bytes of the request's body that were read.
    pub received_bytes: u64,
    /// Bytes of the answer's body, as passed to the connection.
    pub sent_bytes: u64,
}

/// The kind of a request's login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// None.
    Absent,
    /// User and password.
    Basic,
    /// A token.
    Bearer,
}

impl Authorization {
    fn of(header: Option<&str>) -> Self {
        match header.and_then(|header| header.split_once(' ')) {
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("bearer") => Self::Bearer,
            _ if header.is_some() => Self::Basic,
            _ => Self::Absent,
        }
    }
}

impl LoggedRequest {
    pub(crate) fn begin(head: &Parts) -> Self {
        let text = |name: HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            method: head.method.clone(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().map(str::to_owned),
            status: 0,
            authorization: Authorization::of(text(header::AUTHORIZATION)),
            user_agent: text(header::USER_AGENT).map(str::to_owned),
            content_type: text(header::CONTENT_TYPE).map(str::to_owned),
            headers: without_login(head.headers.clone()),
            received_bytes: 0,
            sent_bytes: 0,
        }
    }

    /// The text of a header; `None` if it is missing. For the requested host, use `host`.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A parameter of the query, decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let query = self.query.as_deref().unwrap_or_default();
        let mut parameters = url::form_urlencoded::parse(query.as_bytes());
        parameters.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// `GET /v2/`
    pub fn is_ping(&self) -> bool {
        self.place() == Place::Root
    }

    /// A request to the token server: only these are outside of `/v2/`.
    pub fn is_token(&self) -> bool {
        !self.path.starts_with("/v2")
    }

    /// A page of repositories.
    pub fn is_catalog(&self) -> bool {
        self.place() == Place::Catalog
    }

    /// A page of tags.
    pub fn is_tag_list(&self) -> bool {
        matches!(self.place(), Place::Tags { .. })
    }

    /// The list of a manifest's referrers.
    pub fn is_referrer_list(&self) -> bool {
        matches!(self.place(), Place::Referrers { .. })
    }

    /// A manifest, requested with this method.
    pub fn is_manifest(&self, method: &Method) -> bool {
        self.method == *method && matches!(self.place(), Place::Manifest { .. })
    }

    /// A blob, requested with this method: not an upload.
    pub fn is_blob(&self, method: &Method) -> bool {
        self.method == *method && matches!(self.place(), Place::Blob { .. })
    }

    /// `GET` of a blob.
    pub fn is_blob_read(&self) -> bool {
        self.is_blob(&Method::GET)
    }

    /// Any step of an upload.
    pub fn is_upload(&self) -> bool {
        matches!(self.place(), Place::Uploads { .. } | Place::Upload { .. })
    }

    /// The opening of an upload, or a mount.
    pub fn is_upload_start(&self) -> bool {
        self.method == Method::POST && self.is_upload()
    }

    /// A mount, whatever the answer was.
    pub fn is_mount(&self) -> bool {
        let query = self.query.as_deref().unwrap_or_default();
        self.is_upload_start() && query.split('&').any(|parameter| parameter.starts_with("mount="))
    }

    /// `PATCH`, `PUT`, `GET` or `DELETE` of an open upload: chunk, close, status or cancellation.
    pub fn is_upload_step(&self, method: &Method) -> bool {
        self.method == *method && matches!(self.place(), Place::Upload { .. })
    }

    /// The repository in the path.
    pub fn repository(&self) -> Option<&str> {
        self.place().repository()
    }

    /// Method, path, query and status in a line.
    pub fn line(&self) -> String {
        let query = self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{} {}{query} {}", self.method, self.path, self.status)
    }

    fn place(&self) -> Place<'_> {
        Place::of(&self.path)
    }
}

fn without_login(mut headers: HeaderMap) -> HeaderMap {
    if let Some(login) = headers.get_mut(header::AUTHORIZATION) {
        let scheme = login.to_str().ok().and_then(|login| login.split_once(' '));
        let scheme = scheme.map_or("unreadable", |(scheme, _)| scheme);
        *login = HeaderValue::from_str(scheme).unwrap_or_else(|_| HeaderValue::from_static("unreadable"));
    }
    headers
}
