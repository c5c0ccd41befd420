//! The body of a request, as faults and proxies change it.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use crate::answer::{Answer, Refusal};
use crate::log::Entry;

/// How many bytes of an unwanted body are read before its request is answered. A client that still
/// sends when the connection is closed may not see the answer; Go's server, and so most
/// registries, read as much for that reason.
const LARGEST_UNWANTED: usize = 256 << 10;

/// How long a body is read after its refusal; nginx calls it a lingering close.
const LINGER: Duration = Duration::from_secs(5);

/// The body of a request. The log counts every byte.
pub(crate) struct RequestBody {
    incoming: Incoming,
    entry: Entry,
    /// The pieces that a proxy read before the service got the request.
    ahead: VecDeque<Bytes>,
    /// Whether the body broke off when it was read ahead.
    is_broken: bool,
    end: Option<EarlyEnd>,
}

/// Where reading stops before the body's end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EarlyEnd {
    /// The number of bytes before that.
    pub(crate) after: usize,
    pub(crate) kind: EarlyEndKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EarlyEndKind {
    /// The connection is reset.
    Reset,
    /// The body is not read any more.
    Stall,
}

/// The body exceeds the limit.
pub(crate) struct TooLarge;

impl RequestBody {
    pub(crate) fn new(incoming: Incoming, entry: Entry, end: Option<EarlyEnd>) -> Self {
        Self { incoming, entry, ahead: VecDeque::new(), is_broken: false, end }
    }

    /// The next piece; an error if the body breaks off.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Answer> {
        match self.end {
            Some(EarlyEnd { after: 0, kind: EarlyEndKind::Reset }) => {
                return Err(Refusal::BodyBrokenOff.into());
            }
            Some(EarlyEnd { after: 0, kind: EarlyEndKind::Stall }) => std::future::pending().await,
            _ => {}
        }
        if let Some(piece) = self.ahead.pop_front() {
            return Ok(Some(self.up_to_end(piece)));
        }
        if self.is_broken {
            return Err(Refusal::BodyBrokenOff.into());
        }
        let Some(piece) = self.read().await? else { return Ok(None) };
        // Bytes after an early end were never received, though they may have come with the same piece.
        let piece = self.up_to_end(piece);
        self.entry.received(piece.len());
        Ok(Some(piece))
    }

    async fn read(&mut self) -> Result<Option<Bytes>, Answer> {
        while let Some(frame) = self.incoming.frame().await {
            let frame = frame.map_err(|_| Refusal::BodyBrokenOff)?;
            if let Ok(piece) = frame.into_data() {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    /// The part of the piece before the early end.
    fn up_to_end(&mut self, mut piece: Bytes) -> Bytes {
        if let Some(end) = &mut self.end {
            piece.truncate(end.after);
            end.after -= piece.len();
        }
        piece
    }

    /// Whether to reset the connection now.
    pub(crate) fn is_reset(&self) -> bool {
        self.end.is_some_and(|end| end.after == 0 && end.kind == EarlyEndKind::Reset)
    }

    /// The length of the body, if it is known before its end.
    pub(crate) fn length(&self) -> Option<u64> {
        self.incoming.size_hint().exact()
    }

    /// Reads ahead like a proxy that only passes on whole bodies, and refuses larger ones.
    pub(crate) async fn read_ahead(&mut self, largest: usize) -> Result<(), TooLarge> {
        if let Some(told) = self.length() {
            return if told > largest as u64 { Err(TooLarge) } else { Ok(()) };
        }
        let mut length = 0;
        loop {
            match self.read().await {
                Ok(Some(piece)) => {
                    length += piece.len();
                    self.entry.received(piece.len());
                    if length > largest {
                        return Err(TooLarge);
                    }
                    self.ahead.push_back(piece);
                }
                Ok(None) => return Ok(()),
                Err(_) => {
                    self.is_broken = true;
                    return Ok(());
                }
            }
        }
    }

    /// The whole body; an error if it exceeds the largest manifest's size.
    pub(crate) async fn whole(&mut self, largest: usize) -> Result<Bytes, Answer> {
        let mut whole = BytesMut::new();
        while let Some(piece) = self.next().await? {
            whole.extend_from_slice(&piece);
            if whole.len() > largest {
                return Err(Refusal::ManifestTooLarge.into());
            }
        }
        Ok(whole.freeze())
    }

    /// Reads an unwanted body, up to a limit.
    pub(crate) async fn drain(&mut self) {
        let mut drained = 0;
        while drained < LARGEST_UNWANTED
            && let Ok(Some(piece)) = self.next().await
        {
            drained += piece.len();
        }
    }

    /// Reads a refused body for a while, so that the client has time to see the answer.
    pub(crate) async fn linger(mut self) {
        let reading = async {
            while let Ok(Some(piece)) = self.read().await {
                self.entry.received(piece.len());
            }
        };
        // The result does not matter: no task waits for it.
        let _ = tokio::time::timeout(LINGER, reading).await;
    }
}
