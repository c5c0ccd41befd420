//! Queues the pieces of a read for its uploads. An upload that is too slow for the others is left behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use oci::{BrokenOff, Digest};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::Event;
use crate::endpoint::{BlobBody, BlobRead};
use crate::engine::run::{ImageCopy, Run};
use crate::memory::state::Journal;

/// How many pieces wait for one upload. The queues of all uploads share the pieces' memory.
const QUEUE: usize = 2;

type Piece = Result<Bytes, BrokenOff>;

/// The queue of pieces for one upload.
pub(super) struct Queue {
    pieces: mpsc::Sender<Piece>,
    /// Set when the other uploads could not wait for this one: it goes on with its own read.
    left_behind: Arc<AtomicBool>,
    journal: Option<Journal>,
    copy: Arc<ImageCopy>,
}

/// Whether an upload was left behind.
pub(super) struct LeftBehind(Arc<AtomicBool>);

impl Queue {
    /// A queue, and its receiving end as the body of an upload.
    pub(super) fn open(
        run: &Run,
        digest: &Digest,
        copy: &Arc<ImageCopy>,
        journal: Option<Journal>,
    ) -> (Self, BlobBody) {
        let (pieces, receiver) = mpsc::channel::<Piece>(QUEUE);
        let (whose, copy, teller) = (copy.clone(), copy.clone(), run.teller.clone());
        let digest = digest.clone();
        let left_behind = Arc::new(AtomicBool::new(false));
        let is_left = left_behind.clone();
        let body = futures_util::stream::unfold(Some(receiver), move |receiver| {
            let (copy, teller, is_left) = (copy.clone(), teller.clone(), is_left.clone());
            let digest = digest.clone();
            async move {
                let mut receiver = receiver?;
                let Some(piece) = receiver.recv().await else {
                    // The blob is incomplete here: end the body with an error.
                    return is_left.load(Ordering::Acquire).then_some((Err(BrokenOff), None));
                };
                if let Ok(bytes) = &piece {
                    let bytes = bytes.len() as u64;
                    copy.amounts.moved(bytes);
                    teller.tell(&Event::BytesMoved { image: copy.image.clone(), digest, bytes });
                }
                Some((piece, Some(receiver)))
            }
        });
        (Self { pieces, left_behind, journal, copy: whose }, Box::pin(body))
    }

    /// The flag that tells the sending task whether the upload was left behind.
    pub(super) fn left_behind(&self) -> LeftBehind {
        LeftBehind(self.left_behind.clone())
    }

    /// The read ends before the blob does.
    pub(super) async fn break_off(self) {
        let _ = self.pieces.send(Err(BrokenOff)).await;
    }
}

impl LeftBehind {
    /// Whether the upload was left behind since the last call. Its broken request is then no failure of the target.
    pub(super) fn since_last_look(&self) -> bool {
        self.0.swap(false, Ordering::AcqRel)
    }
}

/// How long the other uploads wait for one that takes nothing: one second, plus at most a third of the elapsed time.
pub(super) struct Patience {
    began: Instant,
    waited: Duration,
}

impl Patience {
    /// The minimum wait.
    const LEAST: Duration = Duration::from_secs(1);

    pub(super) fn new() -> Self {
        Self { began: Instant::now(), waited: Duration::ZERO }
    }

    /// How much longer they may wait now.
    fn left(&self) -> Duration {
        (Self::LEAST + self.began.elapsed() / 3).saturating_sub(self.waited)
    }
}

/// Saves the hash state for all uploads that have a journal.
pub(super) fn note_state(reader: &dyn BlobRead, queues: &[Queue]) -> bool {
    let state = reader.hash_state();
    if let Some(state) = &state {
        queues.iter().filter_map(|queue| queue.journal.as_ref()).for_each(|journal| journal.note(state));
    }
    state.is_some()
}

/// Sends a piece to all open queues.
///
/// If one upload has taken the piece and another takes nothing until the patience is used up, the latter is left
/// behind: it may be slow, or it waits for a turn at a host that the other upload uses.
pub(super) async fn send_to_all(queues: &mut Vec<Queue>, piece: &Bytes, patience: Option<&mut Patience>) {
    let Some(patience) = patience.filter(|_| queues.len() > 1) else {
        let sent = join_all(queues.iter().map(|queue| queue.pieces.send(Ok(piece.clone())))).await;
        let mut sent = sent.into_iter();
        queues.retain(|_| sent.next().is_some_and(|sent| sent.is_ok()));
        return;
    };
    let mut sends: FuturesUnordered<_> = std::mem::take(queues)
        .into_iter()
        .map(|queue| {
            let piece = piece.clone();
            async move {
                let mut late = Late(Some(queue));
                let sent = late.0.as_ref()?.pieces.send(Ok(piece)).await;
                late.0.take().filter(|_| sent.is_ok())
            }
        })
        .collect();
    // The first upload that takes the piece sets the pace.
    while queues.is_empty() {
        let Some(taken) = sends.next().await else { return };
        queues.extend(taken);
    }
    let waiting_since = Instant::now();
    let until = waiting_since + patience.left();
    while let Ok(Some(taken)) = tokio::time::timeout_at(until, sends.next()).await {
        queues.extend(taken);
    }
    patience.waited += waiting_since.elapsed();
}

/// An upload that has not taken its piece. Dropping it leaves the upload behind: its request breaks off, and it goes
/// on with its own read.
struct Late(Option<Queue>);

impl Drop for Late {
    fn drop(&mut self) {
        if let Some(queue) = &self.0 {
            queue.copy.repository.note_lag();
            queue.left_behind.store(true, Ordering::Release);
        }
    }
}
