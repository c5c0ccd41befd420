//! stdout and stderr, neither of which anybody may read. Where they end at one file, pipe or terminal, one queue has what goes to
//! both: in order, and nothing torn.

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::canvas::Picture;
use super::own_stream::{OwnStream, are_one};
use super::stream::{Flushed, Pieces, Screen, Stream};
use super::{json_lines, terminal};

/// So long the end waits where nothing may hold it up.
const AT_ONCE: Duration = Duration::from_millis(200);
/// So long the end waits for a pipe that takes nothing.
const PATIENCE: Duration = Duration::from_secs(5);
/// Somebody who has stopped a terminal reads it.
const PATIENCE_AT_TERMINAL: Duration = Duration::from_secs(60);

/// Results have no limit: whoever reads them page by page takes an hour.
const FOR_EVER: Duration = Duration::MAX;

static MAY_BE_LOST: AtomicBool = AtomicBool::new(false);
static STDOUT: LazyLock<Option<Stream>> = LazyLock::new(|| open(std::io::stdout(), Screen::NONE));
static STDERR: LazyLock<Option<Stream>> = LazyLock::new(|| {
    let is_terminal = std::io::stderr().is_terminal();
    let screen = if is_terminal { terminal::SCREEN } else { Screen::NONE };
    open(std::io::stderr(), screen).map(|stderr| stderr.noting(json_lines::left_out))
});

/// With a handle of its own: that of the standard library has a lock, which whoever waits in a write holds.
fn open(standard: impl AsFd, screen: Screen) -> Option<Stream> {
    let handle = standard.as_fd().try_clone_to_owned().ok()?;
    Some(Stream::on_screen(File::from(handle), Box::new(|_| {}), screen))
}

fn stdout() -> Option<&'static Stream> {
    if are_one() { STDERR.as_ref() } else { STDOUT.as_ref() }
}

/// Where lines go in that others have for it, such as a log.
pub(super) fn stream(own: OwnStream) -> Option<&'static Stream> {
    match own {
        OwnStream::Stdout => stdout(),
        OwnStream::Stderr => STDERR.as_ref(),
    }
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

/// Leaves the terminal as it was found, where the program may end at once.
pub(crate) fn leave() {
    if let Some(stderr) = &*STDERR {
        stderr.take_away();
        stderr.flush_within(AT_ONCE);
    }
}

/// A line for people.
pub(super) fn stderr_line(line: &str) {
    if let Some(stderr) = &*STDERR {
        stderr.line(line);
    }
}

/// Several lines for people, such as the summary, that are never left out.
pub(super) fn stderr_text(text: &str) {
    if let Some(stderr) = &*STDERR {
        stderr.text(format!("{text}\n"));
    }
}

/// A result for programs, never left out.
pub(super) fn stdout_text(text: &str) {
    if let Some(stdout) = stdout() {
        stdout.text(format!("{text}\n"));
    }
}

/// A long result for programs, written as it comes. Whether it arrives shows at the end of the program; here a reader that has
/// gone only ends it.
pub(crate) fn write_to_stdout(
    document: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let Some(stdout) = stdout() else { return Ok(()) };
    let written = write_to(stdout, patience_for_results, document);
    if stdout.has_failed() { Ok(()) } else { written }
}

/// A document that somebody wants on stderr.
pub(super) fn write_to_stderr(
    document: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let Some(stderr) = &*STDERR else { return Ok(()) };
    write_to(stderr, patience_for_people, document)?;
    stderr.flush(&patience_for_people).result()
}

fn write_to(
    stream: &Stream,
    patience: fn() -> Duration,
    document: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut pieces = Pieces::new(stream, patience);
    let written = document(&mut pieces).and_then(|()| pieces.flush());
    // What is left in it has nowhere to go.
    let _ = pieces.into_parts();
    written
}

/// From now on the end waits for stdout no longer than for stderr, and does not miss it: nothing on it is a result that
/// somebody asked for, or the user wants the program to end.
pub(crate) fn let_results_go() {
    MAY_BE_LOST.store(true, Ordering::Relaxed);
}

/// Waits until results have arrived. Says how much of them has.
pub(crate) fn finish_results() -> Flushed {
    let flushed = stdout().map_or(Flushed::All, |stdout| stdout.flush(&patience_for_results));
    if MAY_BE_LOST.load(Ordering::Relaxed) { Flushed::All } else { flushed }
}

/// The same, and waits for what people read, but for that not for ever.
pub(crate) fn finish() -> Flushed {
    if let Some(stderr) = &*STDERR {
        stderr.flush(&patience_for_people);
    }
    finish_results()
}

fn patience_for_people() -> Duration {
    patience(&std::io::stderr())
}

fn patience_for_results() -> Duration {
    if MAY_BE_LOST.load(Ordering::Relaxed) { patience(&std::io::stdout()) } else { FOR_EVER }
}

fn patience(standard: &impl IsTerminal) -> Duration {
    if standard.is_terminal() { PATIENCE_AT_TERMINAL } else { PATIENCE }
}
