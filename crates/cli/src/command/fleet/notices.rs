//! What people should know of a fleet, on stderr and in the log.

use std::sync::{Arc, OnceLock};

use crate::args::{LogLevel, ShowArgs};
use crate::output::{LogFile, Volume, note, warn};

/// Says it as loudly as was asked for.
pub(in crate::command) struct Notices {
    volume: Volume,
    log: OnceLock<Arc<LogFile>>,
}

impl Notices {
    /// On stderr alone, until there is a log.
    pub(in crate::command) fn new(show: ShowArgs) -> Arc<Self> {
        Arc::new(Self { volume: Volume::of(show), log: OnceLock::new() })
    }

    /// From now on, in this log, too.
    pub(in crate::command) fn also_to(&self, log: Option<Arc<LogFile>>) {
        if let Some(log) = log {
            let _ = self.log.set(log);
        }
    }

    /// What is odd.
    pub(in crate::command) fn warn(&self, text: &str) {
        warn(text);
        self.write(LogLevel::Warn, text);
    }

    /// What is neither odd nor a failure.
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
