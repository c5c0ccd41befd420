//! The writer thread.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::sync::Arc;
use std::time::Duration;

use super::super::canvas::Canvas;
use super::queue::{Next, Queue};

/// A pipe writes up to `PIPE_BUF` bytes atomically: other programs' bytes do not come in between, and progress is visible soon.
const PIECE: usize = 4096;
/// The retry interval for a pipe that another program has made non-blocking.
const AGAIN: Duration = Duration::from_millis(10);

/// Receives the first write error.
pub(crate) type OnError = Box<dyn Fn(&std::io::Error) + Send>;

/// The terminal behind a stream, as far as pictures need it.
#[derive(Clone, Copy)]
pub(crate) struct Screen {
    /// Its width.
    pub(crate) columns: fn() -> usize,
    /// Whether this process may draw there now: a terminal belongs to one job of its shell at a time.
    pub(crate) is_ours: fn() -> bool,
}

impl Screen {
    /// Not a terminal.
    pub(crate) const NONE: Self = Self { columns: || 80, is_ours: || true };
}

pub(super) struct Writer {
    pub(super) queue: Arc<Queue>,
    pub(super) file: File,
    pub(super) on_error: OnError,
    pub(super) canvas: Canvas,
    pub(super) screen: Screen,
}

impl Writer {
    /// Runs until the process ends; only `Stream::flush` waits for it.
    pub(super) fn run(mut self) {
        loop {
            let Next { text, change, is_left } = self.queue.next();
            if is_left {
                self.canvas.leave();
            }
            let bytes = if (self.screen.is_ours)() {
                self.canvas.compose(&text, change, (self.screen.columns)())
            } else {
                self.canvas.stand_back(&text, change)
            };
            let result = if self.queue.has_failed() { Ok(()) } else { self.write(&bytes) };
            // Reported first, so that a waiting thread finds it reported.
            if let Err(error) = &result {
                (self.on_error)(error);
            }
            self.queue.texts_written(text.len(), result.err().map(|error| error.kind()));
        }
    }

    fn write(&mut self, mut text: &[u8]) -> std::io::Result<()> {
        while !text.is_empty() {
            match self.file.write(piece(text)) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    text = &text[count..];
                    self.queue.piece_written();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(AGAIN),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The next piece to write: whole lines if one fits, because another program may write to the same pipe before the next piece.
fn piece(text: &[u8]) -> &[u8] {
    let most = &text[..text.len().min(PIECE)];
    let is_all = most.len() == text.len();
    let end = most.iter().rposition(|byte| *byte == b'\n').filter(|_| !is_all);
    end.map_or(most, |end| &most[..=end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_end_where_lines_do() {
        let text: String = "{\"line\":12345}\n".repeat(2000);
        let (mut rest, mut pieces) = (text.as_bytes(), Vec::new());
        while !rest.is_empty() {
            let piece = piece(rest);
            assert!(piece.len() <= PIECE && piece.ends_with(b"\n"), "{}", piece.len());
            pieces.extend_from_slice(piece);
            rest = &rest[piece.len()..];
        }
        assert_eq!(pieces, text.as_bytes());
        let long = "x".repeat(2 * PIECE);
        assert_eq!(piece(long.as_bytes()).len(), PIECE, "a line that has no room is cut");
        assert_eq!(piece(b"a\nb"), b"a\nb");
    }
}
