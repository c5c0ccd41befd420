//! Reads a blob, hashing it on the way. Spec: distribution-spec, end-2; RFC 9110, section 14.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_RANGE, RANGE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use oci::{Digest, HashState, Mismatch, Verifier};

use super::history::BlobHistory;
use crate::error::TransportFailure;
use crate::http::body::foreign_encoding;
use crate::http::failure::{stalled, transport_error};
use crate::http::range;
use crate::http::traffic::chunk;
use crate::{Error, Repository};

/// Bytes that are hashed and given out at once: few enough to be in the processor's cache all the while, and for all
/// queues together to stay small.
const PIECE: usize = 64 << 10;

/// The bytes of a blob, piece by piece. The last piece is given only when all of them have the right digest,
/// so whoever passes on what it gets never completes a wrong blob.
///
/// Reading that broke off can go on where it stood: [`resume`](Self::resume).
pub struct BlobReader {
    response: reqwest::Response,
    /// None once the blob is complete.
    verifier: Option<Verifier>,
    /// Why nothing more is given.
    wrong: Option<Mismatch>,
    held: Option<Bytes>,
    /// What has come and is not looked at yet.
    rest: Bytes,
    /// Bytes of this answer that were read before.
    skip: u64,
    /// Where the bytes begin that are given out: those before it are only hashed.
    given_from: u64,
    /// Where reading was resumed last, and nothing has come since.
    resumed_at: Option<u64>,
    /// Whether the rest of an answer that ended too early was asked for at once: more often that is worth a wait.
    has_asked_on: bool,
    /// Names this version of the blob, where the server says so in a way that holds for parts of it.
    entity_tag: Option<HeaderValue>,
    /// None for a blob that was read from elsewhere, and cannot be read in parts.
    history: Option<BlobHistory>,
    repository: Option<Repository>,
    digest: Digest,
}

/// A blob that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundBlob {
    /// Its bytes, where the answer tells how many there are.
    pub length: Option<u64>,
}

/// The length of a compressed answer is not the blob's.
fn told_length(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(CONTENT_LENGTH).filter(|_| foreign_encoding(headers).is_none())?;
    length.to_str().ok()?.trim().parse().ok()
}

impl Repository {
    /// Whether the blob is here.
    pub async fn has_blob(&self, digest: &Digest) -> Result<bool, Error> {
        Ok(self.find_blob(digest).await?.is_some())
    }

    /// What the registry tells of a blob without giving it; `None` if it is not here.
    pub async fn find_blob(&self, digest: &Digest) -> Result<Option<FoundBlob>, Error> {
        let call = self.call(Method::HEAD, &format!("blobs/{digest}")).await?;
        let response = self.registry().send(&call).await?;
        match response.status() {
            StatusCode::OK => Ok(Some(FoundBlob { length: told_length(response.headers()) })),
            // Some registries know no HEAD for blobs: then nothing is known.
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::BAD_REQUEST => Ok(None),
            _ => Err(crate::client::unexpected(&call, response).await),
        }
    }

    /// Begins to read a blob; `size` in bytes is what the descriptor promises.
    pub async fn pull_blob(&self, digest: &Digest, size: Option<u64>) -> Result<BlobReader, Error> {
        let verifier = Verifier::new(digest.clone(), size);
        BlobReader::open(self, digest.clone(), size, verifier, 0).await
    }
}

impl Repository {
    /// Reads a blob from byte `offset` on, and checks the whole blob's digest all the same. Where `state` was kept of
    /// what comes before, little or nothing of that is read again.
    pub async fn pull_blob_from(
        &self,
        digest: &Digest,
        size: Option<u64>,
        offset: u64,
        state: Option<&HashState>,
    ) -> Result<BlobReader, Error> {
        let state = state.filter(|state| state.size() <= offset);
        let restored = state.and_then(|state| Verifier::restored(digest.clone(), size, state));
        let verifier = restored.unwrap_or_else(|| Verifier::new(digest.clone(), size));
        BlobReader::open(self, digest.clone(), size, verifier, offset).await
    }
}

impl BlobReader {
    /// Begins to read where `verifier` stands, and gives out what comes from `given_from` on.
    async fn open(
        repository: &Repository,
        digest: Digest,
        size: Option<u64>,
        verifier: Verifier,
        given_from: u64,
    ) -> Result<Self, Error> {
        let part = ask(repository, (&digest, size), verifier.size(), None).await?;
        let history = BlobHistory::new(repository.clone(), digest.clone(), size);
        Ok(Self {
            entity_tag: strong_entity_tag(&part.response),
            response: part.response,
            verifier: Some(verifier),
            wrong: None,
            held: None,
            rest: Bytes::new(),
            skip: part.skip,
            given_from,
            resumed_at: None,
            has_asked_on: false,
            history: Some(history),
            repository: Some(repository.clone()),
            digest,
        })
    }

    /// A blob that is read from elsewhere, and in one go.
    pub(super) fn of_answer(response: reqwest::Response, digest: &Digest, size: Option<u64>) -> Self {
        Self {
            response,
            verifier: Some(Verifier::new(digest.clone(), size)),
            wrong: None,
            held: None,
            rest: Bytes::new(),
            skip: 0,
            given_from: 0,
            resumed_at: None,
            has_asked_on: false,
            entity_tag: None,
            history: None,
            repository: None,
            digest: digest.clone(),
        }
    }

    /// What is needed to read parts of the blob again, where that can be done.
    pub fn history(&self) -> Option<BlobHistory> {
        self.history.clone()
    }

    /// Where the hashing stands. `None` at the end, when nothing is left to go on with.
    pub fn hash_state(&self) -> Option<HashState> {
        self.verifier.as_ref().filter(|verifier| !verifier.has_all()).map(Verifier::state)
    }

    /// The next piece; `None` after the last one.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            if let Some(wrong) = &self.wrong {
                return Err(wrong.clone().into());
            }
            if self.verifier.is_none() {
                return Ok(self.held.take());
            }
            match self.piece().await {
                Ok(Some(piece)) => {
                    if let Some(given) = self.take(piece)? {
                        return Ok(Some(given));
                    }
                }
                // Too few bytes, and no break: the registry is asked for the rest, or says that there is none.
                Ok(None) if self.ends_short() && !self.has_asked_on => {
                    self.has_asked_on = true;
                    self.resume().await?;
                }
                Ok(None) => self.end()?,
                // All bytes are here: that the announced length was another one does no harm.
                Err(_) if self.verifier.as_ref().is_some_and(Verifier::has_all) => self.end()?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Goes on after an error in [`next`](Self::next), from the registry's address again: a link to a storage
    /// service may have expired. What was hashed stays hashed.
    ///
    /// # Errors
    /// As of any request; and where the blob cannot be read in parts, the connection's end stays its end.
    pub async fn resume(&mut self) -> Result<(), Error> {
        let Some(repository) = &self.repository else { return Err(self.broken()) };
        let Some(verifier) = &self.verifier else { return Ok(()) };
        let part = ask(
            repository,
            (&self.digest, verifier.expected_size()),
            verifier.size(),
            self.entity_tag.as_ref(),
        )
        .await?;
        if part.skip > 0 {
            self.entity_tag = strong_entity_tag(&part.response);
        }
        self.resumed_at = Some(verifier.size());
        self.response = part.response;
        self.rest = Bytes::new();
        self.skip = part.skip;
        Ok(())
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, Error> {
        if self.rest.is_empty() {
            let patience = self.repository.as_ref().map(|repository| repository.registry().patience());
            let next = tokio::time::timeout(patience.unwrap_or_default().answer, chunk(&mut self.response));
            match next.await {
                Ok(Ok(Some(chunk))) => self.rest = chunk,
                Ok(Ok(None)) => return Ok(None),
                Ok(Err(error)) => return Err(transport_error(&Method::GET, self.response.url(), error)),
                Err(_) => return Err(stalled(&Method::GET, self.response.url())),
            }
        }
        Ok(Some(self.rest.split_to(self.rest.len().min(PIECE))))
    }

    /// Hashes a piece; gives out the one before.
    fn take(&mut self, mut piece: Bytes) -> Result<Option<Bytes>, Error> {
        let old = self.skip.min(piece.len() as u64);
        self.skip -= old;
        drop(piece.split_to(usize::try_from(old).unwrap_or(usize::MAX)));
        let Some(verifier) = &mut self.verifier else { return Ok(None) };
        let begins_at = verifier.size();
        if let Err(wrong) = verifier.update(&piece) {
            return Err(self.refuse(wrong));
        }
        if let Some(history) = &self.history {
            history.note(verifier);
        }
        let early = self.given_from.saturating_sub(begins_at).min(piece.len() as u64);
        drop(piece.split_to(usize::try_from(early).unwrap_or(usize::MAX)));
        if piece.is_empty() {
            return Ok(None);
        }
        // A copy, because a part of the connection's buffer would keep all of it from being freed.
        Ok(self.held.replace(Bytes::copy_from_slice(&piece)))
    }

    /// The body is over: right, wrong, or too early. A server that has no more to give when it is asked again has a
    /// smaller blob than was promised.
    fn end(&mut self) -> Result<(), Error> {
        if self.ends_short() {
            return Err(self.broken());
        }
        let finished = self.verifier.take().map_or(Ok(()), Verifier::finish);
        finished.map_err(|wrong| self.refuse(wrong))
    }

    /// Whether bytes are missing that the registry may still have.
    fn ends_short(&self) -> bool {
        let lacking = self.verifier.as_ref().filter(|verifier| verifier.lacks_bytes());
        lacking.is_some_and(|verifier| self.resumed_at != Some(verifier.size()))
            && self.repository.is_some()
            && foreign_encoding(self.response.headers()).is_none()
    }

    /// Wrong bytes are never given out, whatever is asked afterwards.
    fn refuse(&mut self, wrong: Mismatch) -> Error {
        let wrong = match foreign_encoding(self.response.headers()) {
            Some(encoding) => Mismatch::Encoded { digest: self.digest.clone(), encoding },
            None => wrong,
        };
        self.held = None;
        self.wrong = Some(wrong.clone());
        wrong.into()
    }

    fn broken(&self) -> Error {
        Error::Transport {
            method: Method::GET,
            url: self.response.url().into(),
            failure: TransportFailure::Broken,
            source: None,
        }
    }
}

/// An answer with the blob's bytes, the first `skip` of which are not wanted.
struct Part {
    response: reqwest::Response,
    skip: u64,
}

/// Asks for the blob from byte `from` on. A server that does not know ranges, or gives another one than was
/// asked for, is asked for the whole.
async fn ask(
    repository: &Repository,
    (digest, size): (&Digest, Option<u64>),
    from: u64,
    entity_tag: Option<&HeaderValue>,
) -> Result<Part, Error> {
    if from > 0
        && let Some(part) = ask_for_part(repository, (digest, size), from, entity_tag).await?
    {
        return Ok(part);
    }
    let call = repository.call(Method::GET, &format!("blobs/{digest}")).await?.carrying(size);
    let response = repository.registry().expect(&call, &[StatusCode::OK]).await?;
    Ok(Part { response, skip: from })
}

async fn ask_for_part(
    repository: &Repository,
    (digest, size): (&Digest, Option<u64>),
    from: u64,
    entity_tag: Option<&HeaderValue>,
) -> Result<Option<Part>, Error> {
    let range = HeaderValue::from_str(&format!("bytes={from}-")).expect("digits are a header value");
    let call = repository.call(Method::GET, &format!("blobs/{digest}")).await?;
    let mut call = call.header(RANGE, range).carrying(size.map(|size| size.saturating_sub(from)));
    if let Some(entity_tag) = entity_tag {
        call = call.header(IF_RANGE, entity_tag.clone());
    }
    let response = repository.registry().send(&call).await?;
    match response.status() {
        StatusCode::PARTIAL_CONTENT => {
            let told = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
            let first = told.and_then(range::content_range).map(|range| range.first);
            // Another part than was asked for is of no use.
            Ok((first == Some(from)).then_some(Part { response, skip: 0 }))
        }
        StatusCode::OK => Ok(Some(Part { response, skip: from })),
        StatusCode::RANGE_NOT_SATISFIABLE => Ok(None),
        _ => Err(crate::client::unexpected(&call, response).await),
    }
}

/// Weak tags (`W/"…"`) do not promise the same bytes.
fn strong_entity_tag(response: &reqwest::Response) -> Option<HeaderValue> {
    response.headers().get(ETAG).filter(|value| value.as_bytes().starts_with(b"\"")).cloned()
}
