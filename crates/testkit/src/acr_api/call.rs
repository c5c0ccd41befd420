//! A request, as the services parse it.

use http::request::Parts;

/// A received request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiRequest {
    /// The HTTP method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The API's action, or the path if there is none.
    pub action: String,
    /// Decoded parameters of the query. Those of the body may be secret and are left out.
    pub query: Vec<(String, String)>,
    /// The access key id of the signature; empty if the request is not signed.
    pub access_key_id: String,
    /// The status of the answer.
    pub status: u16,
}

impl ApiRequest {
    /// A parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A parsed request.
pub(super) struct Call<'a> {
    pub(super) head: &'a Parts,
    pub(super) body: &'a [u8],
    pub(super) query: Vec<(String, String)>,
    pub(super) form: Vec<(String, String)>,
}

impl<'a> Call<'a> {
    pub(super) fn new(head: &'a Parts, body: &'a [u8]) -> Self {
        let is_form = head
            .headers
            .get(http::header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes() == b"application/x-www-form-urlencoded");
        let query = pairs(head.uri.query().unwrap_or_default().as_bytes());
        let form = if is_form { pairs(body) } else { Vec::new() };
        Self { head, body, query, form }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(super) fn path(&self) -> &str {
        self.head.uri.path()
    }

    /// A parameter of the query or form; empty if it is missing.
    pub(super) fn parameter(&self, name: &str) -> &str {
        let both = self.query.iter().chain(&self.form);
        both.filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).next().unwrap_or_default()
    }

    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.parameter(name).parse().ok()
    }

    pub(super) fn action(&self) -> &str {
        match (self.header("x-acs-action"), self.parameter("Action")) {
            (None, "") => self.path(),
            (Some(action), _) | (None, action) => action,
        }
    }
}

/// Plus signs are literal: Alibaba encodes as in RFC 3986.
fn pairs(text: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(text).replace('+', "%2B");
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}
