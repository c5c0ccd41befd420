//! What a server calls a request: whoever runs it finds it in his logs by that.

use http::HeaderMap;
use oci::foreign_text::clean_to;

/// The headers in which servers say so.
const HEADERS: [&str; 6] = [
    "x-request-id",
    "x-amzn-requestid",
    "x-amz-request-id",
    "x-ms-request-id",
    "x-github-request-id",
    "x-oss-request-id",
];
/// The most bytes of one that are kept.
const MOST_SHOWN: usize = 300;

/// The first that is there.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<String> {
    let id = HEADERS.iter().find_map(|name| headers.get(*name))?;
    Some(clean_to(&String::from_utf8_lossy(id.as_bytes()), MOST_SHOWN).into_owned())
}
