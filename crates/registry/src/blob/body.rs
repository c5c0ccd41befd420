//! The bytes of a blob on their way to a registry.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use oci::BrokenOff;

use crate::http::stall::Progress;

/// The largest chunk that is held in memory, even if the registry demands a larger minimum: only an upload of unknown size
/// holds one. In bytes.
pub const MOST_IN_MEMORY: u64 = 32 << 20;

/// The bytes of a blob on their way to a registry. An error in it aborts the upload.
pub type BlobBody = Pin<Box<dyn Stream<Item = Result<Bytes, BrokenOff>> + Send>>;

/// Reads a chunk into memory, to know its length. An error of the source aborts the chunk, too.
pub(super) async fn in_memory(mut body: BlobBody) -> (BlobBody, u64) {
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

/// Reports each piece that is sent to the upload's progress.
pub(super) struct Watched {
    pub(super) body: BlobBody,
    /// Bytes still to come, if known: the HTTP client does not poll for the end once all announced bytes are sent.
    pub(super) left: Option<u64>,
    pub(super) progress: Progress,
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
