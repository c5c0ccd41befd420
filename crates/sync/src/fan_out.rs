//! One read, many writers: the bytes of a blob go to all uploads that wait for it.
//!
//! Each upload has a bounded queue. An upload that fails is left out, and the others go on.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use registry::{BrokenOff, Descriptor, Error};
use tokio::sync::mpsc;

use crate::endpoint::{BlobRead, Upload};

/// Pieces that wait for one upload. They share their memory with the other uploads' queues.
const QUEUE: usize = 8;

type Piece = Result<Bytes, BrokenOff>;

/// How a transfer ended.
pub(crate) struct Transferred {
    /// Why reading ended early, if it did: then no upload has succeeded.
    pub(crate) read: Result<(), Error>,
    /// For each upload, in their order.
    pub(crate) uploads: Vec<Result<(), Error>>,
}

/// Sends the blob that `reader` gives into all `uploads`. `moved(index, bytes)` is told what went to which.
pub(crate) async fn fan_out(
    mut reader: Box<dyn BlobRead>,
    blob: &Descriptor,
    uploads: Vec<Box<dyn Upload>>,
    moved: impl Fn(usize, u64) + Send + Sync + 'static,
) -> Transferred {
    let moved = Arc::new(moved);
    let (queues, sends): (Vec<_>, Vec<_>) = uploads
        .into_iter()
        .enumerate()
        .map(|(index, upload)| {
            let (sender, receiver) = mpsc::channel::<Piece>(QUEUE);
            let body = body(receiver, index, moved.clone());
            (sender, upload.send(&blob.digest, blob.size, body))
        })
        .unzip();
    let (read, uploads) = tokio::join!(pump(&mut *reader, queues), join_all(sends));
    Transferred { read, uploads }
}

fn body(
    receiver: mpsc::Receiver<Piece>,
    index: usize,
    moved: Arc<impl Fn(usize, u64) + Send + Sync + 'static>,
) -> registry::BlobBody {
    Box::pin(futures_util::stream::unfold(receiver, move |mut receiver| {
        let moved = moved.clone();
        async move {
            let piece = receiver.recv().await?;
            if let Ok(bytes) = &piece {
                moved(index, bytes.len() as u64);
            }
            Some((piece, receiver))
        }
    }))
}

async fn pump(reader: &mut dyn BlobRead, mut queues: Vec<mpsc::Sender<Piece>>) -> Result<(), Error> {
    loop {
        match reader.next().await {
            Ok(Some(piece)) => {
                let sends = queues.iter().map(|queue| queue.send(Ok(piece.clone())));
                let mut sent = join_all(sends).await.into_iter();
                queues.retain(|_| sent.next().is_some_and(|sent| sent.is_ok()));
                if queues.is_empty() {
                    // Every upload has ended by itself and says why.
                    return Ok(());
                }
            }
            Ok(None) => return Ok(()),
            Err(error) => {
                for queue in queues {
                    let _ = queue.send(Err(BrokenOff)).await;
                }
                return Err(error);
            }
        }
    }
}
