//! Tells people about the fleet, on stderr and in the log.

use std::sync::{Arc, OnceLock};

use crate::args::{LogLevel, ShowArgs};
use crate::config::ConfigError;
use crate::output::{LogFile, Paint, Volume, note, say_lines, warn};

/// Obeys `--quiet` and the log's level.
pub(in crate::command) struct Notices {
    volume: Volume,
    log: OnceLock<Arc<LogFile>>,
}

impl Notices {
    /// On stderr alone, until there is a log.
    pub(in crate::command) fn new(show: ShowArgs) -> Arc<Self> {
        Arc::new(Self { volume: Volume::of(show), log: OnceLock::new() })
    }

    /// Writes notices to this log, too.
    pub(in crate::command) fn also_to(&self, log: Option<Arc<LogFile>>) {
        if let Some(log) = log {
            let _ = self.log.set(log);
        }
    }

    /// An error that ends the run, with its advice.
    pub(in crate::command) fn error(&self, error: &ConfigError) {
        say_lines(&format!("{}: {error}", Paint::for_stderr().red("error")));
        self.write(LogLevel::Error, &error.to_string());
    }

    /// A warning.
    pub(in crate::command) fn warn(&self, text: &str) {
        warn(text);
        self.write(LogLevel::Warn, text);
    }

    /// A note. `--quiet` hides it on stderr.
    pub(in crate::command) fn note(&self, text: &str) {
        if self.volume != Volume::Quiet {
            note(text);
        }
        self.write(LogLevel::Info, text);
    }

    fn write(&self, level: LogLevel, text: &str) {
        if let Some(log) = self.log.get() {
            log.write(level, text);
        }
    }
}
