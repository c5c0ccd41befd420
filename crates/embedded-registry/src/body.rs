//! The body of a request as it comes in, with what faults and proxies do to it.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use crate::answer::{Answer, Refusal};
use crate::log::Entry;

/// How much of a body that nobody wants is read before its request is answered, in bytes. A client that still
/// sends when the connection is closed may not see the answer; this much is what Go's server, and so most
/// registries, read for that.
const LARGEST_UNWANTED: usize = 256 << 10;

/// How long a body is read after its refusal; nginx calls it a lingering close.
const LINGER: Duration = Duration::from_secs(5);

/// The body of a request. The log hears of every byte.
pub(crate) struct RequestBody {
    incoming: Incoming,
    entry: Entry,
    /// What a proxy read before the service saw the request.
    ahead: VecDeque<Bytes>,
    /// Whether the body broke off when it was read ahead.
    is_broken: bool,
    end: Option<EarlyEnd>,
}

/// Where reading ends before the body does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EarlyEnd {
    /// Bytes until then.
    pub(crate) after: usize,
    pub(crate) kind: EarlyEndKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EarlyEndKind {
    /// The connection is reset.
    Reset,
    /// Nobody reads any more.
    Stall,
}

/// A body has more bytes than it may.
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
        // What comes behind an early end was never received, though it may have come with the same piece.
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

    /// What of the piece comes before the early end.
    fn up_to_end(&mut self, mut piece: Bytes) -> Bytes {
        if let Some(end) = &mut self.end {
            piece.truncate(end.after);
            end.after -= piece.len();
        }
        piece
    }

    /// Whether the connection is to be reset now.
    pub(crate) fn is_reset(&self) -> bool {
        self.end.is_some_and(|end| end.after == 0 && end.kind == EarlyEndKind::Reset)
    }

    /// The length of the body, where it is known before its end.
    pub(crate) fn length(&self) -> Option<u64> {
        self.incoming.size_hint().exact()
    }

    /// Reads ahead as a proxy does that passes on whole bodies only, and refuses larger ones.
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

    /// The whole body; an error if it is larger than a manifest may be.
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

    /// Reads what nobody wanted, up to a limit.
    pub(crate) async fn drain(&mut self) {
        let mut drained = 0;
        while drained < LARGEST_UNWANTED
            && let Ok(Some(piece)) = self.next().await
        {
            drained += piece.len();
        }
    }

    /// Reads for a while what was refused already, so that the client has time to see it.
    pub(crate) async fn linger(mut self) {
        let reading = async {
            while let Ok(Some(piece)) = self.read().await {
                self.entry.received(piece.len());
            }
        };
        // Either way nobody waits for it.
        let _ = tokio::time::timeout(LINGER, reading).await;
    }
}
