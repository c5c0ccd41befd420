//! Sends a blob into an upload session, in the shape that the registry takes.
//!
//! Spec: distribution-spec, end-5 and end-6. What to do after a failure: `resume.rs`.

use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use http::{HeaderValue, Method, StatusCode};
use oci::Digest;
use url::Url;

use super::body::{BlobBody, MOST_IN_MEMORY, Watched, in_memory};
use super::chunk::Cursor;
use super::habits::{SMALLEST_CHUNK, Shape, Wanted};
use super::place::{Place, place};
use super::session::{LastSend, Parts, Suspicion, UploadSession};
use crate::Error;
use crate::client::{Call, unexpected};
use crate::error::Problem;
use crate::http::range;
use crate::http::stall::Progress;
use crate::http::streamed_body::StreamedBody;

enum Patched {
    Open,
    /// The registry says that the blob is complete.
    Created(Box<(Call, reqwest::Response)>),
}

impl UploadSession {
    /// Sends the blob from byte `confirmed` on (all of it, in a new session) and closes the session. `size` is the
    /// whole blob's, in bytes; without it the body goes in an unknown number of chunks.
    ///
    /// # Errors
    /// After one, [`recovery`](Self::recovery) returns whether the upload can continue, and
    /// [`resume`](Self::resume) from which offset.
    pub async fn send(&mut self, digest: &Digest, size: Option<u64>, body: BlobBody) -> Result<(), Error> {
        let progress = Progress::default();
        let largest_body = if self.suspicion == Suspicion::TryChunks { SMALLEST_CHUNK } else { u64::MAX };
        let wanted =
            Wanted { size, confirmed: self.confirmed, smallest_chunk: self.smallest_chunk, largest_body };
        let shape = self.habits().shape(wanted);
        let length = size.map(|size| size.saturating_sub(self.confirmed));
        self.last = LastSend { shape: Some(shape), begun_at: self.confirmed, length, ..LastSend::default() };
        let is_part = self.confirmed > 0 || matches!(shape, Shape::Chunks(_));
        if is_part && self.parts == Parts::Unused {
            self.parts = Parts::Used;
        }
        let sent = match shape {
            // All bytes were sent before; only the closing PUT is missing.
            _ if is_part && length == Some(0) => self.finish(Patched::Open, digest).await,
            Shape::Put => self.put(digest, length, body, &progress).await,
            Shape::Stream => self.stream(digest, length, body, &progress).await,
            Shape::Chunks(chunk) => self.chunks(digest, size, chunk, body, &progress).await,
        };
        self.last.taken = progress.taken();
        self.last.is_complete = match size {
            Some(size) => self.last.begun_at + self.last.taken >= size,
            None => progress.is_complete(),
        };
        match sent {
            Err(error) if self.last.is_complete && is_unknown_session(&error) => {
                self.last.is_complete = false;
                if self.repository.has_blob(digest).await? { Ok(()) } else { Err(error) }
            }
            sent => sent,
        }
    }

    async fn put(
        &mut self,
        digest: &Digest,
        length: Option<u64>,
        body: BlobBody,
        progress: &Progress,
    ) -> Result<(), Error> {
        let call = self.call(Method::PUT, with_digest(&self.place.location, digest));
        let (call, response) = self.send_body(call, length, body, progress).await?;
        committed(&call, response, digest).await
    }

    async fn stream(
        &mut self,
        digest: &Digest,
        length: Option<u64>,
        body: BlobBody,
        progress: &Progress,
    ) -> Result<(), Error> {
        let mut call = self.call(Method::PATCH, self.place.location.clone());
        // A whole blob in one PATCH goes without `Content-Range`: GHCR refuses that above 4 MiB
        // (https://github.com/oras-project/rust-oci-client/issues/35).
        if let Some(length) = length.filter(|_| self.confirmed > 0) {
            call = call.header(CONTENT_RANGE, chunk_range(self.confirmed, length));
        }
        let patched = self.patch(call, length, body, progress).await?;
        self.finish(patched, digest).await
    }

    async fn chunks(
        &mut self,
        digest: &Digest,
        size: Option<u64>,
        chunk: u64,
        body: BlobBody,
        progress: &Progress,
    ) -> Result<(), Error> {
        let cursor = Cursor::new(body);
        let mut patched = Patched::Open;
        loop {
            let (body, length) = if let Some(size) = size {
                let length = chunk.min(size.saturating_sub(self.confirmed));
                (cursor.take(length), length)
            } else {
                // Chunks need their length. If the blob's size is unknown, a chunk is read into memory to find it.
                let length = SMALLEST_CHUNK.max(self.smallest_chunk).min(MOST_IN_MEMORY);
                in_memory(cursor.take(chunk.min(length))).await
            };
            if length == 0 {
                return self.finish(patched, digest).await;
            }
            self.last.length = Some(length);
            let call = self.call(Method::PATCH, self.place.location.clone());
            let call = call.header(CONTENT_RANGE, chunk_range(self.confirmed, length));
            patched = self.patch(call, Some(length), body, progress).await?;
            self.note_progress();
        }
    }

    async fn patch(
        &mut self,
        call: Call,
        length: Option<u64>,
        body: BlobBody,
        progress: &Progress,
    ) -> Result<Patched, Error> {
        let before = progress.taken();
        let (call, response) = self.send_body(call, length, body, progress).await?;
        if !response.status().is_success() {
            return Err(unexpected(&call, response).await);
        }
        // Each answer names the place of the next request.
        match place(self.repository.registry(), &call, &response) {
            Ok(place) => self.goes_on_at(place),
            // A registry that says that the blob is complete may name no location.
            Err(_) if response.status() == StatusCode::CREATED => {}
            Err(error) => return Err(error),
        }
        let sent = self.confirmed + (progress.taken() - before);
        let told = response.headers().get(RANGE).and_then(|value| value.to_str().ok());
        // ECR always reports the first chunk's range: a range that does not grow means nothing.
        let told = told.and_then(|text| range::received(text, self.confirmed + 1, sent));
        self.confirmed = sent;
        if response.status() == StatusCode::CREATED {
            return Ok(Patched::Created(Box::new((call, response))));
        }
        match told.filter(|told| *told < sent) {
            // The registry took only a part. Or the range is its last chunk's, with the same length by chance:
            // a status request decides.
            Some(_) => Err(call.protocol(Problem::Header("Range"))),
            None => Ok(Patched::Open),
        }
    }

    /// Closes the session, unless the registry has done so.
    async fn finish(&mut self, patched: Patched, digest: &Digest) -> Result<(), Error> {
        if let Patched::Created(answer) = patched {
            let (call, response) = *answer;
            // ECR answers 201 to the PATCH that completes the blob, and 404 to a PUT after it. Others answer 201 in place of 202.
            let told = response.headers().contains_key("docker-content-digest");
            if told || self.repository.has_blob(digest).await? {
                return committed(&call, response, digest).await;
            }
        }
        let call = self.call(Method::PUT, with_digest(&self.place.location, digest));
        let call = call.header(CONTENT_LENGTH, HeaderValue::from_static("0"));
        let response = self.repository.registry().send(&call).await?;
        committed(&call, response, digest).await
    }

    async fn send_body(
        &mut self,
        call: Call,
        length: Option<u64>,
        body: BlobBody,
        progress: &Progress,
    ) -> Result<(Call, reqwest::Response), Error> {
        let mut call = call.header(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        if let Some(length) = length {
            call = call.header(CONTENT_LENGTH, HeaderValue::from(length));
        }
        let watched = Watched { body, left: length, progress: progress.clone() };
        let call = call.carrying(length);
        let body = StreamedBody::new(watched, call.route);
        let registry = self.repository.registry();
        let response = registry.send_stream(&call, &body, progress).await?;
        let mut walk = registry.walk(registry.connection().await?, &call);
        if walk.goes_on((response.status(), response.headers()))? {
            let moved_to = Place { location: walk.url().clone(), named_by: walk.party() };
            self.last.moved_to = Some(moved_to);
            return Err(call.protocol(Problem::Moved));
        }
        Ok((call, response))
    }
}

/// A proxy before a registry may send a PUT to it twice: the second closes a session that the first has closed
/// (<https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_next_upstream>).
fn is_unknown_session(error: &Error) -> bool {
    error.status() == Some(StatusCode::NOT_FOUND) && !error.has_code("NAME_UNKNOWN")
}

/// `first-last` without a unit, as the specification and Azure want it.
fn chunk_range(first: u64, length: u64) -> HeaderValue {
    let last = first + length.saturating_sub(1);
    HeaderValue::from_str(&format!("{first}-{last}")).expect("digits and a dash are a header value")
}

/// Adds `digest` to a location. The location's own query must stay byte for byte: it is the session's state. After a
/// redirected PUT, the location has the digest already, perhaps under a signature.
fn with_digest(location: &Url, digest: &Digest) -> Url {
    let mut url = location.clone();
    if url.query_pairs().any(|(name, value)| name == "digest" && value == digest.to_string()) {
        return url;
    }
    let query = match location.query() {
        Some(query) if !query.is_empty() => format!("{query}&digest={digest}"),
        _ => format!("digest={digest}"),
    };
    url.set_query(Some(&query));
    url
}

async fn committed(call: &Call, response: reqwest::Response, digest: &Digest) -> Result<(), Error> {
    match response.status() {
        StatusCode::CREATED | StatusCode::OK | StatusCode::NO_CONTENT => {}
        _ => return Err(unexpected(call, response).await),
    }
    let stored = response.headers().get("docker-content-digest").and_then(|value| value.to_str().ok());
    match stored.and_then(|stored| stored.parse::<Digest>().ok()) {
        // A registry may name the stored blob by another algorithm; that is no contradiction.
        Some(stored) if stored.algorithm() == digest.algorithm() && stored != *digest => {
            let problem = Problem::StoredOther { expected: digest.clone(), actual: stored.to_string() };
            Err(call.protocol(problem))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c32_the_sessions_query_is_kept() {
        let digest = Digest::sha256(b"");
        let url = |text: &str| with_digest(&text.parse().unwrap(), &digest).to_string();
        assert_eq!(
            url("https://r.io/u/1?_state=a%3D%3D&b"),
            format!("https://r.io/u/1?_state=a%3D%3D&b&digest={digest}")
        );
        assert_eq!(url("https://r.io/u/1"), format!("https://r.io/u/1?digest={digest}"));
        let moved =
            format!("https://s.io/u/1?digest={}&Signature=a%2Fb", digest.to_string().replace(':', "%3A"));
        assert_eq!(url(&moved), moved, "what is signed stays as it is");
    }

    #[test]
    fn c35_a_chunks_range_has_no_unit_and_is_inclusive() {
        assert_eq!(chunk_range(0, 1), "0-0");
        assert_eq!(chunk_range(10, 5), "10-14");
    }
}
