//! stdout and stderr, neither of which anybody may read.

use std::fs::File;
use std::io::IsTerminal as _;
use std::os::fd::AsFd;
use std::sync::LazyLock;
use std::time::Duration;

use super::stream::{Flushed, Stream};

/// Two streams that end at one terminal keep their order: so long the one waits for the other, unless that is stuck.
const ORDER: Duration = Duration::from_millis(200);
/// So long the end waits for a pipe that takes nothing.
const PATIENCE: Duration = Duration::from_secs(5);
/// Somebody who has stopped a terminal reads it.
const PATIENCE_AT_TERMINAL: Duration = Duration::from_secs(60);

static STDOUT: LazyLock<Option<Stream>> = LazyLock::new(|| open(std::io::stdout()));
static STDERR: LazyLock<Option<Stream>> = LazyLock::new(|| open(std::io::stderr()));

/// With a handle of its own: that of the standard library has a lock, which whoever waits in a write holds.
fn open(standard: impl AsFd) -> Option<Stream> {
    let handle = standard.as_fd().try_clone_to_owned().ok()?;
    Some(Stream::new(File::from(handle), Box::new(|_| {})))
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

/// Lets `other` go first.
fn in_order(other: Option<&Stream>) {
    if let Some(other) = other {
        other.flush_in_order(ORDER);
    }
}

/// Waits until what was said has arrived, but not for ever; says how much of stdout has.
pub(crate) fn finish() -> Flushed {
    let patience = |is_terminal| if is_terminal { PATIENCE_AT_TERMINAL } else { PATIENCE };
    if let Some(stderr) = &*STDERR {
        stderr.flush(patience(std::io::stderr().is_terminal()));
    }
    let stdout = STDOUT.as_ref().map(|stdout| stdout.flush(patience(std::io::stdout().is_terminal())));
    stdout.unwrap_or(Flushed::All)
}
