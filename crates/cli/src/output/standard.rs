//! stdout and stderr, whose readers may block. If both are the same file, pipe or terminal, one queue serves both: output stays in order,
//! and lines stay whole.

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

/// How long an immediate end waits for the output.
const AT_ONCE: Duration = Duration::from_millis(200);
/// How long the end waits for a pipe that accepts no data.
const PATIENCE: Duration = Duration::from_secs(5);
/// A stopped terminal has a user who reads it.
const PATIENCE_AT_TERMINAL: Duration = Duration::from_secs(60);

/// Results have no limit: a user in a pager may take an hour.
const FOR_EVER: Duration = Duration::MAX;

static MAY_BE_LOST: AtomicBool = AtomicBool::new(false);
static STDOUT: LazyLock<Option<Stream>> = LazyLock::new(|| open(std::io::stdout(), Screen::NONE));
static STDERR: LazyLock<Option<Stream>> = LazyLock::new(|| {
    let is_terminal = std::io::stderr().is_terminal();
    let screen = if is_terminal { terminal::SCREEN } else { Screen::NONE };
    open(std::io::stderr(), screen).map(|stderr| stderr.noting(json_lines::left_out))
});

/// Opens a separate handle: the standard library's has a lock, which a blocked writer holds.
fn open(standard: impl AsFd, screen: Screen) -> Option<Stream> {
    let handle = standard.as_fd().try_clone_to_owned().ok()?;
    Some(Stream::on_screen(File::from(handle), Box::new(|_| {}), screen))
}

fn stdout() -> Option<&'static Stream> {
    if are_one() { STDERR.as_ref() } else { STDOUT.as_ref() }
}

/// The stream of a file that turned out to be stdout or stderr, such as a log.
pub(super) fn stream(own: OwnStream) -> Option<&'static Stream> {
    match own {
        OwnStream::Stdout => stdout(),
        OwnStream::Stderr => STDERR.as_ref(),
    }
}

/// Draws a picture below all lines of stderr, which is a terminal.
pub(super) fn draw(picture: Picture) {
    if let Some(stderr) = &*STDERR {
        stderr.draw(picture);
    }
}

/// Removes the picture.
pub(super) fn take_away() {
    if let Some(stderr) = &*STDERR {
        stderr.take_away();
    }
}

/// Draws the next picture below other programs' output, after the program was stopped and continued.
pub(crate) fn leave_picture() {
    if let Some(stderr) = &*STDERR {
        stderr.leave_picture();
    }
}

/// Restores the terminal before an immediate end of the program.
pub(crate) fn leave() {
    if let Some(stderr) = &*STDERR {
        stderr.take_away();
        stderr.flush_within(AT_ONCE);
    }
}

/// Prints a line for people. It may be dropped.
pub(super) fn stderr_line(line: &str) {
    if let Some(stderr) = &*STDERR {
        stderr.line(line);
    }
}

/// Prints several lines for people that are never dropped, such as the summary.
pub(super) fn stderr_text(text: &str) {
    if let Some(stderr) = &*STDERR {
        stderr.text(format!("{text}\n"));
    }
}

/// Prints a result for programs, never dropped.
pub(super) fn stdout_text(text: &str) {
    if let Some(stdout) = stdout() {
        stdout.text(format!("{text}\n"));
    }
}

/// Prints a long result for programs as a stream. The end of the program reports write errors; here, a closed pipe only ends the writing.
pub(crate) fn write_to_stdout(
    document: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let Some(stdout) = stdout() else { return Ok(()) };
    let written = write_to(stdout, patience_for_results, document);
    if stdout.has_failed() { Ok(()) } else { written }
}

/// Writes a document to stderr.
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
    // The rest of the buffer is lost with the failed write.
    let _ = pieces.into_parts();
    written
}

/// From now on, the end of the program waits for stdout no longer than for stderr, and ignores lost output: stdout has no requested result,
/// or the user wants the program to end.
pub(crate) fn let_results_go() {
    MAY_BE_LOST.store(true, Ordering::Relaxed);
}

/// Waits until the results are written. Returns how much was.
pub(crate) fn finish_results() -> Flushed {
    let flushed = stdout().map_or(Flushed::All, |stdout| stdout.flush(&patience_for_results));
    if MAY_BE_LOST.load(Ordering::Relaxed) { Flushed::All } else { flushed }
}

/// Like `finish_results`, and first waits for stderr, with a limit.
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
