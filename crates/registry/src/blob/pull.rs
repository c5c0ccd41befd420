//! Reads a blob and hashes it: as one stream, or as several ranges at once if one stream has proved too
//! slow for the upload. Spec: distribution-spec, end-2; RFC 9110, section 14.

use std::time::Instant;

use bytes::Bytes;
use http::{HeaderValue, Method};
use oci::{Digest, HashState, Mismatch, Verifier};
use url::Url;

use super::ahead::{Ahead, Given, Whole};
use super::history::BlobHistory;
use super::page::Beginning;
use super::part::{Part, ask, strong_entity_tag};
use super::watch::Watch;
use super::width::Verdict;
use crate::error::TransportFailure;
use crate::http::body::foreign_encoding;
use crate::http::failure::{stalled, transport_error};
use crate::http::route::Route;
use crate::http::traffic::chunk;
use crate::{Error, Repository};

/// Bytes that are hashed and returned at once: few enough to stay in the processor's cache, and to keep all
/// queues together small. 256 KiB would take a tenth less processor time, and 10 MiB more memory with ten
/// layers in progress.
const PIECE: usize = 64 << 10;

/// Noted as the size of a blob that was too long and whose end was not read.
const TOO_MANY: u64 = u64::MAX;

/// The bytes of a blob, piece by piece. The last piece is returned only after the digest of all bytes was checked,
/// so a caller that passes pieces on never completes a wrong blob.
///
/// A broken read can be continued where it stopped: [`resume`](Self::resume).
pub struct BlobReader {
    body: Body,
    /// Where the answer came from.
    url: Url,
    /// The answer's content encoding, though we accept none.
    encoding: Option<String>,
    /// `None` if the blob cannot be read by ranges.
    watch: Option<Watch>,
    beginning: Beginning,
    /// `None` once the blob is complete.
    verifier: Option<Verifier>,
    /// Why no more bytes are returned.
    wrong: Option<Mismatch>,
    held: Option<Bytes>,
    /// Received bytes that are not hashed yet.
    rest: Bytes,
    /// Bytes of this answer that were read before and are skipped.
    skip: u64,
    /// The blob's size, if this answer's head states it.
    told: Option<u64>,
    /// The first byte that is returned: those before it are only hashed.
    given_from: u64,
    /// The offset of the last resume, if no bytes have come since.
    resumed_at: Option<u64>,
    /// Whether the rest of a short answer was already requested at once: the next time, the caller waits first.
    has_asked_on: bool,
    /// The strong entity tag of this version of the blob, if the server sent one.
    entity_tag: Option<HeaderValue>,
    /// `None` for a blob from an external address, which cannot be read in parts.
    history: Option<BlobHistory>,
    repository: Option<Repository>,
    digest: Digest,
}

/// Where the bytes come from.
enum Body {
    One(Box<reqwest::Response>),
    Several(Ahead),
    /// Ranges failed, and no stream has replaced them yet.
    Ended,
}

impl Repository {
    /// Begins to read a blob; `size` in bytes is what the descriptor promises.
    pub async fn pull_blob(&self, digest: &Digest, size: Option<u64>) -> Result<BlobReader, Error> {
        let verifier = Verifier::new(digest.clone(), size);
        BlobReader::open(self, digest.clone(), size, verifier, 0).await
    }

    /// Reads a blob from byte `offset` on, and still checks the whole blob's digest. With a saved `state` of
    /// the bytes before, few or none of them are read again.
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
    /// Opens the blob at the offset of `verifier`, and returns the bytes from `given_from` on.
    async fn open(
        repository: &Repository,
        digest: Digest,
        size: Option<u64>,
        verifier: Verifier,
        given_from: u64,
    ) -> Result<Self, Error> {
        let part = ask(repository, (&digest, size), verifier.size(), None).await?;
        let history = BlobHistory::new(repository.clone(), digest.clone(), size);
        let mut reader = Self::new(part, digest, verifier);
        let is_large = size.is_some() && Route::for_bytes(size) == Route::Own;
        reader.watch = is_large.then(|| Watch::new(repository.registry().large_reads().host(&reader.url)));
        reader.given_from = given_from;
        reader.history = Some(history);
        reader.repository = Some(repository.clone());
        Ok(reader)
    }

    /// A blob from an external address, read in one answer.
    pub(super) fn of_answer(response: reqwest::Response, digest: &Digest, size: Option<u64>) -> Self {
        Self::new(Part::new(response, 0), digest.clone(), Verifier::new(digest.clone(), size))
    }

    fn new(part: Part, digest: Digest, verifier: Verifier) -> Self {
        let Part { response, skip, told } = part;
        Self {
            url: response.url().clone(),
            encoding: foreign_encoding(response.headers()),
            entity_tag: strong_entity_tag(&response),
            body: Body::One(Box::new(response)),
            watch: None,
            beginning: Beginning::default(),
            verifier: Some(verifier),
            wrong: None,
            held: None,
            rest: Bytes::new(),
            skip,
            told,
            given_from: 0,
            resumed_at: None,
            has_asked_on: false,
            history: None,
            repository: None,
            digest,
        }
    }

    /// The states for reading parts of the blob again, if that is possible.
    pub fn history(&self) -> Option<BlobHistory> {
        self.history.clone()
    }

    /// The state of the hash. `None` at the end, when there is nothing left to resume.
    pub fn hash_state(&self) -> Option<HashState> {
        self.verifier.as_ref().filter(|verifier| !verifier.has_all()).map(Verifier::state)
    }

    /// The next piece; `None` after the last one.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            if let Some(wrong) = &self.wrong {
                return Err(self.beginning.told_as(wrong.clone(), &self.url));
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
                // Too few bytes, but no broken connection: the rest is requested, or the registry says that there is none.
                Ok(None) if self.ends_short() && !self.has_asked_on => {
                    self.has_asked_on = true;
                    self.note_short();
                    self.resume().await?;
                }
                Ok(None) => self.end()?,
                // All bytes are here: a wrong announced length does no harm.
                Err(_) if self.verifier.as_ref().is_some_and(Verifier::has_all) => self.end()?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Resumes after an error in [`next`](Self::next), from the registry's address again: a link to a storage
    /// service may have expired. The hash state is kept.
    ///
    /// # Errors
    /// As of any request; if the blob cannot be read in parts, the error of the broken connection.
    pub async fn resume(&mut self) -> Result<(), Error> {
        let Some(repository) = &self.repository else { return Err(self.broken()) };
        let Some(verifier) = &self.verifier else { return Ok(()) };
        let blob = (&self.digest, verifier.expected_size());
        let part = match ask(repository, blob, verifier.size(), self.entity_tag.as_ref()).await {
            Err(Error::Mismatch(wrong)) => return Err(self.refuse(wrong)),
            asked => asked?,
        };
        if part.skip > 0 {
            self.entity_tag = strong_entity_tag(&part.response);
        }
        self.resumed_at = Some(verifier.size());
        self.url = part.response.url().clone();
        self.encoding = foreign_encoding(part.response.headers());
        self.body = Body::One(Box::new(part.response));
        (self.rest, self.beginning) = Default::default();
        (self.skip, self.told) = (part.skip, part.told);
        Ok(())
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, Error> {
        if self.rest.is_empty() {
            self.look();
            match self.come().await? {
                Some(bytes) => {
                    self.beginning.note(&bytes);
                    self.rest = bytes;
                }
                None => return Ok(None),
            }
        }
        Ok(Some(self.rest.split_to(self.rest.len().min(PIECE))))
    }

    /// Changes the number of ranges, if the last half second suggests it.
    fn look(&mut self) {
        let (Some(watch), Some(verifier), Some(repository)) =
            (&mut self.watch, &self.verifier, &self.repository)
        else {
            return;
        };
        let Some(size) = verifier.expected_size().filter(|_| self.skip == 0 && self.encoding.is_none())
        else {
            return;
        };
        let width = match watch.look(size.saturating_sub(verifier.size())) {
            Verdict::Widen(width) | Verdict::Narrow(width) => width,
            Verdict::Keep(_) | Verdict::Stay => return,
        };
        self.body = match std::mem::replace(&mut self.body, Body::Ended) {
            Body::One(response) => {
                let blob = (self.digest.clone(), size);
                let whole = Whole::new(repository.clone(), blob, self.entity_tag.clone(), &self.url);
                watch.is_several();
                Body::Several(Ahead::of_answer(whole, watch.host.clone(), *response, verifier.size()))
            }
            other => other,
        };
        if let Body::Several(ahead) = &mut self.body {
            ahead.set_width(width);
        }
    }

    /// Waits for the next bytes, from the stream or the ranges.
    async fn come(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let begun = Instant::now();
            let came = match &mut self.body {
                Body::One(response) => {
                    let patience =
                        self.repository.as_ref().map(|repository| repository.registry().patience());
                    let next =
                        tokio::time::timeout(patience.unwrap_or_default().answer, chunk(response)).await;
                    let came = next.map_err(|_| stalled(&Method::GET, &self.url))?;
                    came.map_err(|error| transport_error(&Method::GET, &self.url, error))?
                }
                Body::Several(ahead) => match ahead.next().await {
                    Ok(Given::Piece(piece)) => Some(piece),
                    Ok(Given::Nothing) if self.verifier.as_ref().is_some_and(Verifier::has_all) => None,
                    ended => {
                        self.leave_ranges(ended.err().as_ref());
                        // Also if a range broke: the stream may still bring the rest of the blob.
                        self.resume().await?;
                        continue;
                    }
                },
                Body::Ended => None,
            };
            if let (Some(watch), Some(bytes)) = (&mut self.watch, &came) {
                watch.came(bytes.len(), begun.elapsed());
            }
            return Ok(came);
        }
    }

    /// Goes back to one stream: because ranges brought no gain, or because one failed.
    fn leave_ranges(&mut self, wrong: Option<&Error>) {
        self.body = Body::Ended;
        let Some(watch) = &mut self.watch else { return };
        match wrong {
            // The answer was not the requested range: the next one would not be either.
            Some(Error::Protocol { .. }) => watch.host.note_without_ranges(),
            Some(_) => watch.host.note_broken(),
            None => {}
        }
        watch.is_one_stream(wrong.is_some());
    }

    /// Hashes a piece; returns the previous one.
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

    /// Handles the body's end: right, wrong, or too early. If the server has no more bytes when asked again, the blob is
    /// smaller than the descriptor says.
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
            && self.encoding.is_none()
    }

    /// The answer was complete by its own length, but too short by the descriptor's: a second such answer is final.
    fn note_short(&self) {
        if let (Some(repository), Some(verifier)) = (&self.repository, &self.verifier) {
            let length = self.told.filter(|told| Some(*told) != verifier.expected_size());
            let length = length.unwrap_or(verifier.size());
            repository.registry().learned().note_other_length(repository.name(), &self.digest, length);
        }
    }

    /// Wrong bytes are never returned, in later calls either.
    fn refuse(&mut self, wrong: Mismatch) -> Error {
        let wrong = match self.encoding.clone() {
            Some(encoding) => Mismatch::Encoded { digest: self.digest.clone(), encoding },
            None => self.again(wrong),
        };
        if let Some(watch) = &self.watch {
            watch.note_wrong_bytes();
        }
        self.held = None;
        self.wrong = Some(wrong.clone());
        self.beginning.told_as(wrong, &self.url)
    }

    /// The same, or `SizeAgain` if the blob came with this wrong size before.
    fn again(&self, wrong: Mismatch) -> Mismatch {
        let (Mismatch::Size { digest, expected, actual }, Some(repository)) = (&wrong, &self.repository)
        else {
            return wrong;
        };
        // Reading stops at the first byte too many, so the real size is unknown.
        let came = if actual > expected { TOO_MANY } else { *actual };
        let length = self.told.filter(|told| told != expected).unwrap_or(came);
        let learned = repository.registry().learned();
        if learned.came_with(repository.name(), digest, length) {
            return Mismatch::SizeAgain { digest: digest.clone(), expected: *expected, actual: *actual };
        }
        learned.note_other_length(repository.name(), digest, length);
        wrong
    }

    fn broken(&self) -> Error {
        Error::Transport {
            method: Method::GET,
            url: (&self.url).into(),
            failure: TransportFailure::Broken,
            source: None,
        }
    }
}
