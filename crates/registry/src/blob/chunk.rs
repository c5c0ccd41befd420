//! Cuts the stream of a blob into bodies of a given length, without holding them in memory.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;

use oci::BrokenOff;

use super::body::BlobBody;

/// The bytes that are still to be sent, shared between the bodies that take turns with them.
#[derive(Clone)]
pub(super) struct Cursor(Arc<Mutex<Rest>>);

struct Rest {
    body: BlobBody,
    /// The rest of a piece after the last chunk.
    piece: Bytes,
}

impl Cursor {
    pub(super) fn new(body: BlobBody) -> Self {
        Self(Arc::new(Mutex::new(Rest { body, piece: Bytes::new() })))
    }

    /// The next `length` bytes as a body; fewer if the blob ends before.
    pub(super) fn take(&self, length: u64) -> BlobBody {
        Box::pin(Chunk { cursor: self.clone(), left: length })
    }
}

impl Rest {
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, BrokenOff>>> {
        while self.piece.is_empty() {
            match ready!(self.body.as_mut().poll_next(context)) {
                Some(Ok(piece)) => self.piece = piece,
                end => return Poll::Ready(end),
            }
        }
        Poll::Ready(Some(Ok(std::mem::take(&mut self.piece))))
    }
}

struct Chunk {
    cursor: Cursor,
    left: u64,
}

impl Stream for Chunk {
    type Item = Result<Bytes, BrokenOff>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let cursor = self.cursor.clone();
        let mut rest = cursor.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut piece = match ready!(rest.poll_piece(context)) {
            Some(Ok(piece)) => piece,
            end => return Poll::Ready(end),
        };
        if piece.len() as u64 > self.left {
            // `left` is smaller than a length in memory, so it fits.
            rest.piece = piece.split_off(usize::try_from(self.left).unwrap_or(usize::MAX));
        }
        self.left -= piece.len() as u64;
        Poll::Ready(Some(Ok(piece)))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, StreamExt as _, stream};
    use proptest::prelude::*;

    use super::*;

    fn collect(body: BlobBody) -> Vec<u8> {
        let pieces = body.collect::<Vec<_>>().now_or_never().unwrap();
        pieces.into_iter().flat_map(|piece| piece.unwrap().to_vec()).collect()
    }

    proptest! {
        #[test]
        fn c35_every_byte_is_in_one_chunk_and_in_order(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9), 0..9),
            length in 1u64..12,
        ) {
            let whole: Vec<u8> = pieces.concat();
            let cursor = Cursor::new(Box::pin(stream::iter(pieces.into_iter().map(|piece| Ok(piece.into())))));
            let mut chunks = Vec::new();
            loop {
                let chunk = collect(cursor.take(length));
                if chunk.is_empty() { break; }
                chunks.push(chunk);
            }
            prop_assert!(chunks.iter().rev().skip(1).all(|chunk| chunk.len() as u64 == length));
            prop_assert_eq!(chunks.concat(), whole);
        }
    }
}
