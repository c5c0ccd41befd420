//! Reads one blob by several ranges at once, and gives its bytes in order.
//!
//! The ranges are small, so that bytes ahead of their turn fit into memory; without memory for another range,
//! none is requested. Bytes are read only while the caller waits for the next ones: a slow upload slows all ranges.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _, try_unfold};
use http::header::{IF_RANGE, RANGE};
use http::{HeaderValue, Method, StatusCode};
use oci::Digest;
use url::Url;

use super::part::{bytes_range, first_byte};
use crate::client::{Call, Party};
use crate::concern::Endpoint;
use crate::error::{Problem, TransportFailure};
use crate::http::body::foreign_encoding;
use crate::http::failure::{stalled, transport_error};
use crate::http::large_reads::{AheadMemory, ReadHost, SEGMENT, UnderWay};
use crate::http::traffic::chunk;
use crate::{Error, Repository};

/// The blob whose ranges are read.
pub(super) struct Whole {
    pub(super) repository: Repository,
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) entity_tag: Option<HeaderValue>,
    /// Where the last answer came from, if not from the registry: the next range is requested there first.
    link: Mutex<Option<Url>>,
}

/// The ranges under way.
pub(super) struct Ahead {
    whole: Arc<Whole>,
    host: ReadHost,
    segments: VecDeque<Segment>,
    /// The first byte of the next range.
    next: u64,
    width: usize,
}

/// The result of waiting for bytes.
pub(super) enum Given {
    Piece(Bytes),
    /// No range is under way any more: the blob has ended, or one stream is enough.
    Nothing,
}

struct Segment {
    pieces: BoxStream<'static, Result<Bytes, Error>>,
    ready: VecDeque<Bytes>,
    left: u64,
    failed: Option<Error>,
    _memory: Option<AheadMemory>,
    _under_way: UnderWay,
}

impl Whole {
    pub(super) fn new(
        repository: Repository,
        (digest, size): (Digest, u64),
        entity_tag: Option<HeaderValue>,
        answered_by: &Url,
    ) -> Self {
        let whole = Self { repository, digest, size, entity_tag, link: Mutex::default() };
        whole.note_link(answered_by);
        whole
    }

    fn note_link(&self, answered_by: &Url) {
        let party = self.repository.registry().party_at(Party::Registry, answered_by);
        let link = (party == Party::Another).then(|| answered_by.clone());
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = link;
    }

    /// The answer with the bytes from `from` to just before `end`.
    async fn ask(&self, from: u64, end: u64) -> Result<reqwest::Response, Error> {
        let link = self.link.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(link) = link {
            let call = Call::new(Method::GET, link, self.repository.scopes());
            let call = self.of_range(call.named_by(Party::Another).endpoint(Endpoint::Blob), from, end);
            let response = self.repository.registry().send_once(&call).await?;
            if response.status().is_success() {
                return checked(&call, response, from).await;
            }
            // The link may have expired: the registry gives a new one.
        }
        let call = self.repository.call(Method::GET, &format!("blobs/{}", self.digest)).await?;
        let call = self.of_range(call, from, end);
        let response = self.repository.registry().send(&call).await?;
        self.note_link(response.url());
        checked(&call, response, from).await
    }

    fn of_range(&self, call: Call, from: u64, end: u64) -> Call {
        let call = call.header(RANGE, bytes_range(from, Some(end))).carrying(Some(end - from));
        match &self.entity_tag {
            Some(entity_tag) => call.header(IF_RANGE, entity_tag.clone()),
            None => call,
        }
    }
}

/// Accepts only the requested range, not encoded.
async fn checked(call: &Call, response: reqwest::Response, from: u64) -> Result<reqwest::Response, Error> {
    match response.status() {
        StatusCode::PARTIAL_CONTENT
            if first_byte(&response) == Some(from) && foreign_encoding(response.headers()).is_none() =>
        {
            Ok(response)
        }
        status @ (StatusCode::OK | StatusCode::PARTIAL_CONTENT) => {
            Err(call.protocol(Problem::Status(status)))
        }
        _ => Err(crate::client::unexpected(call, response).await),
    }
}

impl Ahead {
    /// Continues with an answer that has the bytes from `from` to the blob's end: its beginning becomes the first range.
    pub(super) fn of_answer(whole: Whole, host: ReadHost, response: reqwest::Response, from: u64) -> Self {
        let end = (from + SEGMENT).min(whole.size);
        let whole = Arc::new(whole);
        let pieces = pieces(State::Reading { response, left: end - from }, whole.clone(), host.clone());
        let first = Segment {
            pieces,
            ready: VecDeque::new(),
            left: end - from,
            failed: None,
            _memory: host.memory(),
            _under_way: host.begin(),
        };
        Self { whole, host, segments: VecDeque::from([first]), next: end, width: 1 }
    }

    /// Sets how many ranges are read at once.
    pub(super) fn set_width(&mut self, width: usize) {
        self.width = width;
    }

    /// The next bytes.
    ///
    /// # Errors
    /// The error of the range that is due; all bytes before it were returned.
    pub(super) async fn next(&mut self) -> Result<Given, Error> {
        loop {
            while self.segments.front().is_some_and(Segment::is_over) {
                self.segments.pop_front();
            }
            self.begin_more();
            if self.segments.is_empty() {
                return Ok(Given::Nothing);
            }
            if let Some(piece) = std::future::poll_fn(|context| self.poll(context)).await? {
                return Ok(Given::Piece(piece));
            }
        }
    }

    /// One stream needs no ranges: with a width of 1, none are begun.
    fn begin_more(&mut self) {
        while self.width > 1 && self.segments.len() < self.width && self.next < self.whole.size {
            let Some(memory) = self.host.memory() else { return };
            let (from, end) = (self.next, (self.next + SEGMENT).min(self.whole.size));
            self.next = end;
            let pieces = pieces(State::Asking { from, end }, self.whole.clone(), self.host.clone());
            self.segments.push_back(Segment {
                pieces,
                ready: VecDeque::new(),
                left: end - from,
                failed: None,
                _memory: Some(memory),
                _under_way: self.host.begin(),
            });
        }
    }

    /// Polls all ranges; ready with the first one's next piece, or with `None` at its end.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>> {
        for segment in &mut self.segments {
            segment.fill(context);
        }
        let Some(first) = self.segments.front_mut() else { return Poll::Ready(Ok(None)) };
        match (first.ready.pop_front(), first.failed.take()) {
            (Some(piece), failed) => {
                first.failed = failed;
                Poll::Ready(Ok(Some(piece)))
            }
            (None, Some(error)) => Poll::Ready(Err(error)),
            (None, None) if first.is_over() => Poll::Ready(Ok(None)),
            (None, None) => Poll::Pending,
        }
    }
}

impl Segment {
    /// Whether all bytes came and were returned.
    fn is_over(&self) -> bool {
        self.left == 0 && self.ready.is_empty()
    }

    fn fill(&mut self, context: &mut Context<'_>) {
        while self.left > 0 && self.failed.is_none() {
            match self.pieces.poll_next_unpin(context) {
                Poll::Ready(Some(Ok(piece))) => {
                    self.left -= piece.len() as u64;
                    self.ready.push_back(piece);
                }
                Poll::Ready(Some(Err(error))) => self.failed = Some(error),
                // The stream ends with its range, or after an error.
                Poll::Ready(None) => self.left = 0,
                Poll::Pending => return,
            }
        }
    }
}

/// The progress of a range.
enum State {
    Asking { from: u64, end: u64 },
    Reading { response: reqwest::Response, left: u64 },
}

/// The bytes of one range: exactly as many as were requested, or an error.
fn pieces(state: State, whole: Arc<Whole>, host: ReadHost) -> BoxStream<'static, Result<Bytes, Error>> {
    let patience = whole.repository.registry().patience().answer;
    try_unfold(state, move |state| {
        let (whole, host) = (whole.clone(), host.clone());
        async move {
            let (mut response, left) = match state {
                State::Reading { left: 0, .. } => return Ok(None),
                State::Reading { response, left } => (response, left),
                State::Asking { from, end } => (whole.ask(from, end).await?, end - from),
            };
            let url = response.url().clone();
            let came = tokio::time::timeout(patience, chunk(&mut response)).await;
            let came = came.map_err(|_| stalled(&Method::GET, &url))?;
            let Some(mut piece) = came.map_err(|error| transport_error(&Method::GET, &url, error))? else {
                return Err(broken(&url));
            };
            host.came(piece.len());
            // An answer to the blob's end may go beyond its range.
            piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            let left = left - piece.len() as u64;
            Ok(Some((piece, State::Reading { response, left })))
        }
    })
    .boxed()
}

fn broken(url: &Url) -> Error {
    Error::Transport { method: Method::GET, url: url.into(), failure: TransportFailure::Broken, source: None }
}
