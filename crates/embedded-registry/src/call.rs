//! A request for an endpoint: its head and its caller.

use http::header;
use http::request::Parts;

use crate::gate::Caller;
use crate::server::Shared;

/// A request whose caller has the right to make it.
pub(crate) struct Call<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) head: &'a Parts,
    pub(crate) caller: Caller,
}

impl Call<'_> {
    /// A parameter of the query, decoded.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        parameters(self.head).find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub(crate) fn header(&self, name: header::HeaderName) -> Option<&str> {
        text_header(self.head, name)
    }
}

pub(crate) fn parameters(head: &Parts) -> impl Iterator<Item = (String, String)> {
    url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()).into_owned()
}

pub(crate) fn text_header(head: &Parts, name: header::HeaderName) -> Option<&str> {
    head.headers.get(name).and_then(|value| value.to_str().ok())
}

/// The path with unescaped colons of digests, which clients may escape. Nothing else in an API path ever needs escaping.
pub(crate) fn unescaped_path(head: &Parts) -> String {
    head.uri.path().replace("%3A", ":").replace("%3a", ":")
}
