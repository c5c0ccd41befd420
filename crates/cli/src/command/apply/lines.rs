//! Counts the lines of a text that a parser reads, so that errors can name the line.

use std::cell::Cell;
use std::io::{Read, Result};
use std::rc::Rc;

/// The reader's current line. Clones share it.
#[derive(Clone)]
pub(super) struct Line(Rc<Cell<usize>>);

/// A reader that counts lines. `serde_json` reads it byte by byte, so the count is exact.
pub(super) struct Followed<R> {
    text: R,
    line: Line,
}

impl Line {
    pub(super) fn first() -> Self {
        Self(Rc::new(Cell::new(1)))
    }

    pub(super) fn now(&self) -> usize {
        self.0.get()
    }

    pub(super) fn follow<R: Read>(&self, text: R) -> Followed<R> {
        Followed { text, line: self.clone() }
    }
}

impl<R: Read> Read for Followed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let length = self.text.read(buffer)?;
        for byte in &buffer[..length] {
            self.line.0.set(self.line.0.get() + usize::from(*byte == b'\n'));
        }
        Ok(length)
    }
}
