//! What waits to be written, and how long somebody waits for that.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::canvas::{Change, Picture};

/// Whoever waits looks so often how long he still may.
const LOOK: Duration = Duration::from_millis(200);
/// So much is written at once, where it waits.
const BATCH: usize = 64 << 10;

/// What waits, for one thread that writes and all who have something to say.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
pub(super) struct State {
    waiting: VecDeque<Vec<u8>>,
    pub(super) waiting_bytes: usize,
    /// What is to become of the picture: the last word counts.
    change: Option<Change>,
    /// Somebody else wrote to the terminal.
    is_left: bool,
    /// Lines that were left out since the last one that was taken.
    pub(super) left_out: usize,
    is_writing: bool,
    /// Pieces that were written: what grows is not stuck.
    written: u64,
    /// A write failed: the rest is thrown away.
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

/// How much of what was handed in has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flushed {
    All,
    /// Whoever read has gone.
    Gone,
    /// A write failed.
    Failed(ErrorKind),
    /// Nobody reads.
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

/// How long somebody waits.
#[derive(Clone, Copy)]
pub(super) enum Limit<'a> {
    /// For as long as something is taken: so long may pass without a piece. It may become less meanwhile.
    WithoutAPiece(&'a dyn Fn() -> Duration),
    /// However much is taken.
    InAll(Duration),
}

/// What is to be written next: some texts, and what becomes of the picture.
pub(super) struct Next {
    pub(super) text: Vec<u8>,
    pub(super) change: Option<Change>,
    pub(super) is_left: bool,
}

impl Queue {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what waits, and tells all who wait for a change.
    pub(super) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Waits until there is something.
    pub(super) fn next(&self) -> Next {
        let mut state = self.lock();
        loop {
            if !state.waiting.is_empty() || state.change.is_some() {
                state.is_writing = true;
                let mut text = state.waiting.pop_front().unwrap_or_default();
                while state.waiting.front().is_some_and(|next| text.len() + next.len() <= BATCH) {
                    text.extend(state.waiting.pop_front().unwrap_or_default());
                }
                // What was said before the end of the picture goes in above it.
                let change = if state.waiting.is_empty() { state.change.take() } else { None };
                return Next { text, change, is_left: std::mem::take(&mut state.is_left) };
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A piece has gone out.
    pub(super) fn piece_written(&self) {
        self.change(|state| state.written += 1);
    }

    /// So many bytes of texts have gone out, or are lost for this reason.
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
