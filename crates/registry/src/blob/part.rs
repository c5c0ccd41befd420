//! Requests a blob, or a part of it. Spec: distribution-spec, end-2; RFC 9110, section 14.

use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_RANGE, RANGE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use oci::{Digest, Mismatch};

use crate::http::body::foreign_encoding;
use crate::http::range;
use crate::{Error, Repository};

/// An answer with the blob's bytes; the first `skip` bytes are not wanted.
pub(super) struct Part {
    pub(super) response: reqwest::Response,
    pub(super) skip: u64,
    /// The size of the whole blob, if the answer's head states it.
    pub(super) told: Option<u64>,
}

impl Part {
    pub(super) fn new(response: reqwest::Response, skip: u64) -> Self {
        let told = told_whole(&response);
        Self { response, skip, told }
    }
}

/// The blob's size by `Content-Length`; `None` for a compressed answer, whose length differs.
pub(super) fn told_length(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(CONTENT_LENGTH).filter(|_| foreign_encoding(headers).is_none())?;
    length.to_str().ok()?.trim().parse().ok()
}

/// The whole blob's size, as the answer's head states it.
fn told_whole(response: &reqwest::Response) -> Option<u64> {
    let range = || response.headers().get(CONTENT_RANGE)?.to_str().ok();
    match response.status() {
        StatusCode::OK => told_length(response.headers()),
        StatusCode::PARTIAL_CONTENT => range::content_range(range()?)?.total,
        StatusCode::RANGE_NOT_SATISFIABLE => range::whole_length(range()?),
        _ => None,
    }
}

/// Requests the blob from byte `from` on. If the server does not support ranges, or answers with another range,
/// the whole blob is requested.
///
/// # Errors
/// Also if the answer's head states the same wrong size with which the blob came before.
pub(super) async fn ask(
    repository: &Repository,
    (digest, size): (&Digest, Option<u64>),
    from: u64,
    entity_tag: Option<&HeaderValue>,
) -> Result<Part, Error> {
    if from > 0
        && let Some(part) = ask_for_rest(repository, (digest, size), from, entity_tag).await?
    {
        return Ok(part);
    }
    let call = repository.call(Method::GET, &format!("blobs/{digest}")).await?.carrying(size);
    let response = repository.registry().expect(&call, &[StatusCode::OK]).await?;
    refuse_again(repository, (digest, size), told_whole(&response))?;
    Ok(Part::new(response, from))
}

/// Refuses a blob whose size differs from the descriptor's for the second time.
fn refuse_again(
    repository: &Repository,
    (digest, size): (&Digest, Option<u64>),
    told: Option<u64>,
) -> Result<(), Error> {
    // An empty answer may be a temporary failure of the storage: it is not final.
    let is_other = |told: &u64| Some(*told) != size && *told > 0;
    let (Some(expected), Some(actual)) = (size, told.filter(is_other)) else {
        return Ok(());
    };
    let came_before = repository.registry().learned().came_with(repository.name(), digest, actual);
    let wrong = || Mismatch::SizeAgain { digest: digest.clone(), expected, actual };
    if came_before { Err(wrong().into()) } else { Ok(()) }
}

async fn ask_for_rest(
    repository: &Repository,
    (digest, size): (&Digest, Option<u64>),
    from: u64,
    entity_tag: Option<&HeaderValue>,
) -> Result<Option<Part>, Error> {
    let call = repository.call(Method::GET, &format!("blobs/{digest}")).await?;
    let mut call =
        call.header(RANGE, bytes_range(from, None)).carrying(size.map(|size| size.saturating_sub(from)));
    if let Some(entity_tag) = entity_tag {
        call = call.header(IF_RANGE, entity_tag.clone());
    }
    let response = repository.registry().send(&call).await?;
    refuse_again(repository, (digest, size), told_whole(&response))?;
    match response.status() {
        // A wrong range is of no use.
        StatusCode::PARTIAL_CONTENT => {
            Ok((first_byte(&response) == Some(from)).then(|| Part::new(response, 0)))
        }
        StatusCode::OK => Ok(Some(Part::new(response, from))),
        StatusCode::RANGE_NOT_SATISFIABLE => Ok(None),
        _ => Err(crate::client::unexpected(&call, response).await),
    }
}

/// `Range` from `from` to just before `end`, or to the blob's end.
pub(super) fn bytes_range(from: u64, end: Option<u64>) -> HeaderValue {
    let last = end.map(|end| (end.max(from + 1) - 1).to_string()).unwrap_or_default();
    HeaderValue::from_str(&format!("bytes={from}-{last}")).expect("digits are a header value")
}

/// The first byte of the answer's range.
pub(super) fn first_byte(response: &reqwest::Response) -> Option<u64> {
    let told = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    told.and_then(range::content_range).map(|range| range.first)
}

/// Weak tags (`W/"…"`) do not promise the same bytes.
pub(super) fn strong_entity_tag(response: &reqwest::Response) -> Option<HeaderValue> {
    response.headers().get(ETAG).filter(|value| value.as_bytes().starts_with(b"\"")).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_name_their_last_byte() {
        assert_eq!(bytes_range(5, None), "bytes=5-");
        assert_eq!(bytes_range(0, Some(10)), "bytes=0-9");
    }
}
