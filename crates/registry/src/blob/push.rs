//! Sends a blob into an upload session, in the shape that the registry takes.
//!
//! Spec: distribution-spec, end-5 and end-6. What to do after a failure: `resume.rs`.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use http::{HeaderValue, Method, StatusCode};
use oci::BrokenOff;
use url::Url;

use super::chunk::Cursor;
use super::habits::{SMALLEST_CHUNK, Shape, UploadHabits, Wanted};
use super::mount::place;
use super::resume::Free;
use super::saved::UploadWatch;
use crate::client::{Call, Party, unexpected};

use crate::concern::Endpoint;
use crate::error::Problem;
use crate::http::range;
use crate::http::stall::Progress;
use crate::http::streamed_body::StreamedBody;
use crate::{Error, Repository};
use oci::Digest;

/// The largest chunk that is held in memory, whatever the registry calls its smallest: only an upload of unknown size
/// holds one. In bytes.
pub const MOST_IN_MEMORY: u64 = 32 << 20;

/// The bytes of a blob on their way to a registry. An error in it breaks the upload off.
pub type BlobBody = Pin<Box<dyn Stream<Item = Result<Bytes, BrokenOff>> + Send>>;

/// An upload that the registry has opened. It costs the registry nothing if it is never used.
pub struct UploadSession {
    pub(super) repository: Repository,
    pub(super) place: Place,
    /// What is known of other servers to which the registry sends this upload: it holds for this upload alone.
    elsewhere: UploadHabits,
    /// The smallest chunk that the registry takes, but for the last one.
    pub(super) smallest_chunk: u64,
    /// Bytes that the registry has for sure.
    pub(super) confirmed: u64,
    pub(super) last: LastSend,
    /// The most bytes that the registry had for sure, in any session of this blob.
    pub(super) furthest: u64,
    /// Tries that went on at once, without the registry having got further since.
    pub(super) at_once: u32,
    /// Why it did so, where the registry said nothing new.
    pub(super) free: Vec<Free>,
    /// Whether a broken body is suspected to have been too large.
    pub(super) suspicion: Suspicion,
    pub(super) parts: Parts,
    pub(super) watch: UploadWatch,
}

/// What became of a session that was begun for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withdrawn {
    /// The registry knows it no more.
    Gone,
    /// The registry may keep it until it cleans up by itself.
    Unclear,
}

/// How the last try to send went.
#[derive(Default)]
pub(super) struct LastSend {
    pub(super) shape: Option<Shape>,
    /// Where the body began and what was taken of it, in bytes.
    pub(super) begun_at: u64,
    pub(super) taken: u64,
    /// Length of the request's body in bytes, where it is known.
    pub(super) length: Option<u64>,
    /// Whether the last byte was taken, so that only the answer can be missing.
    pub(super) is_complete: bool,
    /// Whether the registry refused the range that we sent.
    pub(super) range_refused: bool,
    /// Whether the registry says that somebody else is storing the blob, or has just done it.
    pub(super) is_contested: bool,
    /// Where the registry wants the body instead.
    pub(super) moved_to: Option<Place>,
}

/// Where an upload goes on.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) location: Url,
    /// Who named it: an upload that has left the registry's origin does not come back with its login.
    pub(super) named_by: Party,
}

/// Whether the registry puts parts of a blob together rightly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parts {
    /// The blob was sent in one go so far.
    Unused,
    /// It was sent in several requests.
    Used,
    /// What it made of them was wrong: from here on the blob goes in one go.
    Distrusted,
}

/// An early 413 often looks like a reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suspicion {
    None,
    /// The next try goes in the smallest chunks.
    TryChunks,
    /// That was tried.
    Tried,
}

enum Patched {
    Open,
    /// The registry says that the blob is complete.
    Created(Box<(Call, reqwest::Response)>),
}

impl UploadSession {
    pub(super) fn new(repository: Repository, place: Place, smallest_chunk: u64) -> Self {
        let watch = UploadWatch::new(place.location.clone(), smallest_chunk);
        let elsewhere = UploadHabits::new(repository.registry().profile());
        Self {
            repository,
            place,
            elsewhere,
            smallest_chunk,
            confirmed: 0,
            last: LastSend::default(),
            furthest: 0,
            at_once: 0,
            free: Vec::new(),
            suspicion: Suspicion::None,
            parts: Parts::Unused,
            watch,
        }
    }

    /// Sends the blob from byte `confirmed` on (all of it, in a new session) and closes the session. `size` of the
    /// whole blob in bytes; without it the body goes in pieces of unknown number.
    ///
    /// # Errors
    /// After one, [`recovery`](Self::recovery) says whether the upload can go on, and
    /// [`resume`](Self::resume) from where.
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
            // All bytes are there from before; only the end is missing.
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

    /// Bytes that are sent again, into a new session, are no progress.
    pub(super) fn note_progress(&mut self) {
        if self.confirmed > self.furthest {
            self.furthest = self.confirmed;
            self.at_once = 0;
            self.free.clear();
        }
    }

    pub(super) fn goes_on_at(&mut self, place: Place) {
        self.watch.moved(place.location.clone(), self.smallest_chunk);
        self.place = place;
    }

    /// What is known of the server that takes the bytes.
    pub(super) fn habits(&self) -> &UploadHabits {
        match self.place.named_by {
            Party::Registry => self.repository.registry().upload_habits(),
            Party::Another => &self.elsewhere,
        }
    }

    /// How many bytes the registry has for sure.
    pub fn confirmed(&self) -> u64 {
        self.confirmed
    }

    /// Tells the registry to forget the session. Its answer does not matter.
    pub async fn cancel(self) {
        self.forget().await;
    }

    /// Makes the registry forget the session, and tells whether it did. Registries built on distribution want the
    /// right to delete for it: [`Access::PullPushDelete`](crate::Access::PullPushDelete).
    ///
    /// # Errors
    /// No answer comes, so nothing is known.
    pub async fn withdraw(self) -> Result<Withdrawn, Error> {
        let call = self.call(Method::DELETE, self.place.location.clone());
        let status = self.repository.registry().send_once(&call).await?.status();
        let is_gone = status.is_success() || status == StatusCode::NOT_FOUND;
        Ok(if is_gone { Withdrawn::Gone } else { Withdrawn::Unclear })
    }

    pub(super) async fn forget(&self) {
        let call = self.call(Method::DELETE, self.place.location.clone());
        // Its answer does not matter.
        let _ = self.repository.registry().send_once(&call).await;
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
                // Chunks carry their length, which only memory can tell where the blob's size is not known.
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
            // Who says that the blob is complete may have no more to say.
            Err(_) if response.status() == StatusCode::CREATED => {}
            Err(error) => return Err(error),
        }
        let sent = self.confirmed + (progress.taken() - before);
        let told = response.headers().get(RANGE).and_then(|value| value.to_str().ok());
        // ECR tells the first chunk's range for ever: what stands still says nothing.
        let told = told.and_then(|text| range::received(text, self.confirmed + 1, sent));
        self.confirmed = sent;
        if response.status() == StatusCode::CREATED {
            return Ok(Patched::Created(Box::new((call, response))));
        }
        match told.filter(|told| *told < sent) {
            // It took a part only. What it says may also be its last chunk, which is the same length by chance:
            // asking for the status settles it.
            Some(_) => Err(call.protocol(Problem::Header("Range"))),
            None => Ok(Patched::Open),
        }
    }

    /// Closes the session, unless the registry has done so.
    async fn finish(&mut self, patched: Patched, digest: &Digest) -> Result<(), Error> {
        if let Patched::Created(answer) = patched {
            let (call, response) = *answer;
            // ECR says 201 to a PATCH that completes the blob, and to the PUT after it 404. Others say 201 for 202.
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

    pub(super) fn call(&self, method: Method, url: Url) -> Call {
        let call = Call::new(method, url, self.repository.scopes()).endpoint(Endpoint::Upload);
        call.named_by(self.place.named_by)
    }
}

/// What stands before a registry may send a PUT to it twice: the second closes a session that the first has closed
/// (<https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_next_upstream>).
fn is_unknown_session(error: &Error) -> bool {
    error.status() == Some(StatusCode::NOT_FOUND) && !error.has_code("NAME_UNKNOWN")
}

/// `first-last` without a unit, as the specification and Azure want it.
fn chunk_range(first: u64, length: u64) -> HeaderValue {
    let last = first + length.saturating_sub(1);
    HeaderValue::from_str(&format!("{first}-{last}")).expect("digits and a dash are a header value")
}

/// Reads a chunk into memory, to know its length. A source that breaks off breaks the chunk off, too.
async fn in_memory(mut body: BlobBody) -> (BlobBody, u64) {
    let mut bytes = BytesMut::new();
    let mut end = Ok(());
    while let Some(piece) = body.next().await {
        match piece {
            Ok(piece) => bytes.extend_from_slice(&piece),
            Err(error) => {
                end = Err(error);
                break;
            }
        }
    }
    let broken = end.is_err();
    let length = (bytes.len() as u64).max(u64::from(broken));
    let pieces = [Some(Ok(bytes.freeze())), end.err().map(Err)];
    (Box::pin(futures_util::stream::iter(pieces.into_iter().flatten())), length)
}

/// Adds `digest` to a location whose own query must stay byte for byte: it is the session's state. Where a PUT was
/// redirected to, the digest is in it already, perhaps under a signature.
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
        // A registry may name what it stored by another algorithm; that is no contradiction.
        Some(stored) if stored.algorithm() == digest.algorithm() && stored != *digest => {
            let problem = Problem::StoredOther { expected: digest.clone(), actual: stored.to_string() };
            Err(call.protocol(problem))
        }
        _ => Ok(()),
    }
}

/// Tells the watch of the upload what went by.
struct Watched {
    body: BlobBody,
    /// Bytes that are still to come, where it is known: nobody asks for an end that the length tells.
    left: Option<u64>,
    progress: Progress,
}

impl Stream for Watched {
    type Item = Result<Bytes, BrokenOff>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.body.as_mut().poll_next(context);
        match &polled {
            Poll::Ready(Some(Ok(piece))) => {
                let bytes = piece.len() as u64;
                self.progress.moved(bytes);
                self.left = self.left.map(|left| left.saturating_sub(bytes));
                if self.left == Some(0) {
                    self.progress.complete();
                }
            }
            Poll::Ready(Some(Err(_))) => self.progress.break_off(),
            Poll::Ready(None) => self.progress.complete(),
            Poll::Pending => self.progress.wait(),
        }
        polled
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
