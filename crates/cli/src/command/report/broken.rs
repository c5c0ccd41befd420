//! Reports problems with report files.

use std::path::Path;

use crate::command::refuse::refuse;
use crate::config::ConfigError;
use crate::exit_code;
use crate::output::{Paint, report_json::Unreadable, say};

/// The error for a file that is not a report.
pub(super) fn no_report(file: &Path, unreadable: Unreadable) -> ConfigError {
    let error = ConfigError::new(unreadable.problem).file(file);
    unreadable.line.into_iter().fold(error, ConfigError::line)
}

/// Reports a file that cannot be written; returns the exit status.
pub(super) fn cannot_write(file: &Path, error: &std::io::Error) -> u8 {
    refuse(&[ConfigError::new(format!("it cannot be written: {error}")).file(file)])
}

/// Reports an I/O error; returns the exit status.
pub(super) fn failed(error: &std::io::Error) -> u8 {
    say(&format!("{}: a temporary file for the images failed: {error}", Paint::for_stderr().red("error")));
    exit_code::SOME_FAILED
}
