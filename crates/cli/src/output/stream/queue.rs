//! The queue of output, and waiting for it.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::canvas::{Change, Picture};

/// The interval at which a waiting thread checks its limit.
const LOOK: Duration = Duration::from_millis(200);
/// The most bytes that are written in one batch.
const BATCH: usize = 64 << 10;

/// The queue between all threads with output and the writer thread.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
pub(super) struct State {
    waiting: VecDeque<Vec<u8>>,
    pub(super) waiting_bytes: usize,
    /// The next change of the picture; a later one replaces it.
    change: Option<Change>,
    /// Another program wrote to the terminal.
    is_left: bool,
    /// Lines that were dropped since the last queued one.
    pub(super) left_out: usize,
    is_writing: bool,
    /// The number of written pieces: if it grows, the reader is not stuck.
    written: u64,
    /// A write failed: further output is discarded.
    error: Option<ErrorKind>,
}

impl State {
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.change.is_none() && !self.is_writing
    }

    pub(super) fn push(&mut self, text: Vec<u8>) {
        self.waiting_bytes += text.len();
        self.waiting.push_back(text);
    }

    pub(super) fn draw(&mut self, picture: Picture) {
        self.change = Some(Change::Draw(picture));
    }

    pub(super) fn take_away(&mut self) {
        self.change = Some(Change::TakeAway);
    }

    pub(super) fn leave(&mut self) {
        self.is_left = true;
    }
}

/// How much of the output was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flushed {
    All,
    /// The reader has closed the pipe.
    Gone,
    /// A write failed.
    Failed(ErrorKind),
    /// The reader does not read.
    Stuck,
}

impl Flushed {
    pub(in super::super) fn result(self) -> std::io::Result<()> {
        match self {
            Self::All => Ok(()),
            Self::Gone => Err(ErrorKind::BrokenPipe.into()),
            Self::Failed(kind) => Err(kind.into()),
            Self::Stuck => Err(std::io::Error::new(ErrorKind::TimedOut, "nobody reads it")),
        }
    }
}

/// How long to wait.
#[derive(Clone, Copy)]
pub(super) enum Limit<'a> {
    /// The longest time between two written pieces. It may shrink meanwhile.
    WithoutAPiece(&'a dyn Fn() -> Duration),
    /// The total time, whatever the progress.
    InAll(Duration),
}

/// The next work of the writer: some text, and a change of the picture.
pub(super) struct Next {
    pub(super) text: Vec<u8>,
    pub(super) change: Option<Change>,
    pub(super) is_left: bool,
}

impl Queue {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and wakes all waiting threads.
    pub(super) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Waits for work.
    pub(super) fn next(&self) -> Next {
        let mut state = self.lock();
        loop {
            if !state.waiting.is_empty() || state.change.is_some() {
                state.is_writing = true;
                let mut text = state.waiting.pop_front().unwrap_or_default();
                while state.waiting.front().is_some_and(|next| text.len() + next.len() <= BATCH) {
                    text.extend(state.waiting.pop_front().unwrap_or_default());
                }
                // Text that was queued before the picture changes goes above it first.
                let change = if state.waiting.is_empty() { state.change.take() } else { None };
                return Next { text, change, is_left: std::mem::take(&mut state.is_left) };
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A piece was written.
    pub(super) fn piece_written(&self) {
        self.change(|state| state.written += 1);
    }

    /// This many bytes of text were written, or lost because of `error`.
    pub(super) fn texts_written(&self, bytes: usize, error: Option<ErrorKind>) {
        self.change(|state| {
            state.is_writing = false;
            state.waiting_bytes = state.waiting_bytes.saturating_sub(bytes);
            state.error = state.error.or(error);
        });
    }

    pub(super) fn has_failed(&self) -> bool {
        self.lock().error.is_some()
    }

    pub(super) fn wait(&self, limit: Limit<'_>, is_done: fn(&State) -> bool) -> Flushed {
        let mut state = self.lock();
        let (mut written, mut since) = (state.written, Instant::now());
        loop {
            match state.error {
                Some(ErrorKind::BrokenPipe) => return Flushed::Gone,
                Some(error) => return Flushed::Failed(error),
                None if is_done(&state) => return Flushed::All,
                None => {}
            }
            let most = match limit {
                Limit::InAll(most) => most,
                Limit::WithoutAPiece(most) => {
                    if state.written != written {
                        (written, since) = (state.written, Instant::now());
                    }
                    most()
                }
            };
            let Some(left) = most.checked_sub(since.elapsed()) else { return Flushed::Stuck };
            state =
                self.changed.wait_timeout(state, left.min(LOOK)).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
