//! stdout and stderr, neither of which anybody may read.

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::canvas::Picture;
use super::stream::{Columns, Flushed, Pieces, Stream};
use super::{json_lines, terminal};

/// Two streams that end at one terminal keep their order: so long the one waits for the other, unless that is stuck.
const ORDER: Duration = Duration::from_millis(200);
/// So long the end waits for a pipe that takes nothing.
const PATIENCE: Duration = Duration::from_secs(5);
/// Somebody who has stopped a terminal reads it.
const PATIENCE_AT_TERMINAL: Duration = Duration::from_secs(60);

/// Results have no limit: whoever reads them page by page takes an hour.
const FOR_EVER: Duration = Duration::MAX;

static MAY_BE_LOST: AtomicBool = AtomicBool::new(false);
static STDOUT: LazyLock<Option<Stream>> = LazyLock::new(|| open(std::io::stdout(), || 80));
static STDERR: LazyLock<Option<Stream>> = LazyLock::new(|| {
    open(std::io::stderr(), terminal::columns).map(|stderr| stderr.noting(json_lines::left_out))
});

/// With a handle of its own: that of the standard library has a lock, which whoever waits in a write holds.
fn open(standard: impl AsFd, columns: Columns) -> Option<Stream> {
    let handle = standard.as_fd().try_clone_to_owned().ok()?;
    Some(Stream::with_columns(File::from(handle), Box::new(|_| {}), columns))
}

/// Has a picture stand below all lines of stderr, which is a terminal.
pub(super) fn draw(picture: Picture) {
    if let Some(stderr) = &*STDERR {
        stderr.draw(picture);
    }
}

/// Takes it away.
pub(super) fn take_away() {
    if let Some(stderr) = &*STDERR {
        stderr.take_away();
    }
}

/// Draws the next one below what others have written: the program was stopped, and goes on.
pub(crate) fn leave_picture() {
    if let Some(stderr) = &*STDERR {
        stderr.leave_picture();
    }
}

/// Leaves the terminal as it was found, where the program ends at once.
pub(crate) fn leave() {
    if let Some(stderr) = &*STDERR {
        stderr.take_away();
        stderr.flush(ORDER);
    }
}

/// A line for people.
pub(super) fn stderr_line(line: &str) {
    in_order(STDOUT.as_ref());
    if let Some(stderr) = &*STDERR {
        stderr.line(line);
    }
}

/// Several lines for people, such as the summary, that are never left out.
pub(super) fn stderr_text(text: &str) {
    in_order(STDOUT.as_ref());
    if let Some(stderr) = &*STDERR {
        stderr.text(format!("{text}\n"));
    }
}

/// A result for programs, never left out.
pub(super) fn stdout_text(text: &str) {
    in_order(STDERR.as_ref());
    if let Some(stdout) = &*STDOUT {
        stdout.text(format!("{text}\n"));
    }
}

/// A long result for programs, written as it comes. Whether it arrives shows at the end of the program; here a reader that has
/// gone only ends it.
pub(crate) fn write_to_stdout(
    document: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> std::io::Result<()> {
    in_order(STDERR.as_ref());
    let Some(stdout) = &*STDOUT else { return Ok(()) };
    let mut pieces = Pieces::new(stdout, patience_for_results);
    let written = document(&mut pieces).and_then(|()| pieces.flush());
    // What is left in it has nowhere to go.
    let _ = pieces.into_parts();
    if stdout.has_failed() { Ok(()) } else { written }
}

/// Lets `other` go first.
fn in_order(other: Option<&Stream>) {
    if let Some(other) = other {
        other.flush_in_order(ORDER);
    }
}

/// From now on the end waits for stdout no longer than for stderr, and does not miss it: nothing on it is a result that
/// somebody asked for, or the user wants the program to end.
pub(crate) fn let_results_go() {
    MAY_BE_LOST.store(true, Ordering::Relaxed);
}

/// Waits until results have arrived, and for what people read, but for that not for ever. Says how much of the results has.
pub(crate) fn finish() -> Flushed {
    if let Some(stderr) = &*STDERR {
        stderr.flush(patience(&std::io::stderr()));
    }
    let Some(stdout) = &*STDOUT else { return Flushed::All };
    let flushed = stdout.flush(patience_for_results());
    if MAY_BE_LOST.load(Ordering::Relaxed) { Flushed::All } else { flushed }
}

fn patience_for_results() -> Duration {
    if MAY_BE_LOST.load(Ordering::Relaxed) { patience(&std::io::stdout()) } else { FOR_EVER }
}

fn patience(standard: &impl IsTerminal) -> Duration {
    if standard.is_terminal() { PATIENCE_AT_TERMINAL } else { PATIENCE }
}
