//! The log file: one line for each event, in the form of the Go tool's last releases.

mod line;
mod request;
mod told;

use std::fs::OpenOptions;
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use registry::{Exchange, Purpose, RequestObserver};
use sync::{Event, Observer, RunId, Stamp};

use self::line::Entry;
use super::own_stream::OwnStream;
use super::rule_names::RuleNames;
use super::standard;
use super::stream::{Notice, Stream, unread};
use crate::args::{LogFormat, LogLevel};

/// How long the end of the program waits for a log that does not accept data, such as a full pipe.
const PATIENCE: Duration = Duration::from_secs(5);

/// Appends to a file.
pub(crate) struct LogFile {
    place: Place,
    form: LogForm,
    run: RunId,
    names: RuleNames,
}

/// The destination of lines.
enum Place {
    /// A file of its own.
    File(Stream),
    /// One of this process's own streams, whose other output goes through the same queue.
    Own(&'static Stream, Box<dyn Fn(&Error) + Send + Sync>),
}

/// The level and format.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogForm {
    pub(crate) format: LogFormat,
    /// Less important lines are omitted.
    pub(crate) level: LogLevel,
}

impl LogFile {
    /// Opens the file for appending; missing folders are not created. `on_error` receives the error of the first line that cannot be
    /// written: a full disk must not stop a copy, but the loss of the log must be reported.
    pub(crate) fn open(
        path: &Path,
        form: LogForm,
        run: RunId,
        on_error: impl Fn(&Error) + Send + Sync + 'static,
    ) -> Result<Self> {
        let place = match OwnStream::ending_at(path).and_then(standard::stream) {
            Some(own) => Place::Own(own, Box::new(on_error)),
            None => Place::File(open(path, form.format, on_error)?),
        };
        Ok(Self { place, form, run, names: RuleNames::default() })
    }

    /// Whether a log with this name goes to stderr.
    pub(crate) fn is_on_stderr(path: &Path) -> bool {
        let stderr = standard::stream(OwnStream::Stderr);
        let own = OwnStream::ending_at(path).and_then(standard::stream);
        own.zip(stderr).is_some_and(|(own, stderr)| std::ptr::eq(own, stderr))
    }

    /// The same log, with the names of the run's rules.
    pub(crate) fn naming(self, names: RuleNames) -> Self {
        Self { names, ..self }
    }

    /// Whether requests are logged.
    pub(crate) fn tells_requests(&self) -> bool {
        self.form.level >= LogLevel::Debug
    }

    /// Adds a line.
    pub(crate) fn write(&self, level: LogLevel, message: &str) {
        self.add(SystemTime::now(), &Entry::new(level, message));
    }

    fn add(&self, at: SystemTime, entry: &Entry) {
        if entry.level > self.form.level {
            return;
        }
        let line = entry.line(self.form.format, at, Some(&self.run));
        if entry.level == LogLevel::Error {
            // Lines about failures are never dropped.
            self.stream().text(line);
        } else {
            self.stream().line(line.trim_end_matches('\n'));
        }
    }

    fn stream(&self) -> &Stream {
        match &self.place {
            Place::File(stream) => stream,
            Place::Own(stream, _) => stream,
        }
    }

    /// Waits until all lines are in the file.
    pub(crate) fn finish(&self) {
        let flushed = self.stream().flush(&|| PATIENCE).result();
        match (&self.place, flushed) {
            (Place::Own(_, on_error), Err(error)) if error.kind() != ErrorKind::TimedOut => on_error(&error),
            _ => {}
        }
    }
}

fn open(path: &Path, format: LogFormat, on_error: impl Fn(&Error) + Send + 'static) -> Result<Stream> {
    // For a pipe without a reader, opening fails instead of blocking.
    let file = OpenOptions::new().append(true).create(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let left_out: Notice = match format {
        LogFormat::Text => |count| left_out(LogFormat::Text, count),
        LogFormat::Json => |count| left_out(LogFormat::Json, count),
    };
    Ok(Stream::new(file, Box::new(on_error)).noting(left_out))
}

fn left_out(format: LogFormat, count: usize) -> String {
    let entry = Entry::new(LogLevel::Warn, unread(count));
    entry.line(format, SystemTime::now(), None).trim_end_matches('\n').to_owned()
}

impl Observer for LogFile {
    fn event(&self, stamp: &Stamp, event: &Event) {
        if let Some(entry) = told::entry(event, &self.names) {
            self.add(stamp.at, &entry);
        }
    }
}

impl RequestObserver for LogFile {
    fn exchanged(&self, exchange: &Exchange) {
        self.add(SystemTime::now(), &request::entry(exchange, &self.names));
    }

    fn purpose(&self) -> Option<Purpose> {
        sync::worked_on().map(|image| Arc::new(image) as Purpose)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    /// A pipe is full after 64 KiB, and the queue holds at most 4 MiB.
    #[test]
    fn s5_a_log_that_nobody_reads_holds_nobody_up_and_loses_no_failure() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        // Opening the pipe needs a reader.
        let held = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&pipe).unwrap();
        let form = LogForm { format: LogFormat::Text, level: LogLevel::Info };
        let log = LogFile::open(&pipe, form, RunId::new("r"), |_| {}).unwrap();
        for number in 0..60_000 {
            log.write(LogLevel::Info, &format!("copied {}", "x".repeat(100)));
            if number % 100 == 0 {
                log.write(LogLevel::Error, &format!("failed {number}"));
            }
        }
        log.write(LogLevel::Error, "the end");
        // Nothing has been read yet.
        let lines = std::io::BufRead::lines(std::io::BufReader::new(File::open(&pipe).unwrap()));
        let lines = lines.map(Result::unwrap).take_while(|line| !line.contains("the end"));
        let (mut failed, mut left_out) = (0, false);
        for line in lines {
            left_out |= line.contains("lines are left out here: nobody read them");
            failed += usize::from(line.contains("level=error msg=\"failed "));
        }
        drop(held);
        assert_eq!(failed, 600);
        assert!(left_out, "or this shows nothing");
    }
}
