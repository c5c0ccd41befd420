//! A server's id of a request: the server's operator finds the request in the logs by it.

use http::HeaderMap;
use oci::foreign_text::clean_to;

/// The headers in which servers send it.
const HEADERS: [&str; 6] = [
    "x-request-id",
    "x-amzn-requestid",
    "x-amz-request-id",
    "x-ms-request-id",
    "x-github-request-id",
    "x-oss-request-id",
];
/// The most bytes of an id that are kept.
const MOST_SHOWN: usize = 300;

/// The first header that is present.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = HEADERS.iter().find_map(|name| headers.get(*name))?;
    Some(clean_to(&String::from_utf8_lossy(id.as_bytes()), MOST_SHOWN).into_owned())
}
