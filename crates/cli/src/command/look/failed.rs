//! Reports failures of looks, and chooses the exit status.

use ::sync::Error;
use oci::ErrorKind;
use oci::foreign_text::Cleaned;

use crate::command::refuse::refuse;
use crate::config::{ConfigError, NameError};
use crate::diagnostic::diagnose;
use crate::exit_code;
use crate::output::{Paint, say_lines};

/// Reports the failure, its cause, and what to do; returns the exit status.
pub(in crate::command) fn tell(error: &Error) -> u8 {
    let diagnosis = diagnose(error);
    let (red, place) = (Paint::for_stderr().red("error"), Cleaned(&error.place));
    let (operation, why, next) = (&error.operation, diagnosis.why, diagnosis.next);
    say_lines(&format!("{red}: {place}: {operation} failed: {why}\n  help: {next}"));
    match error.kind() {
        Some(ErrorKind::Unauthorized | ErrorKind::Denied) => exit_code::ALL_REFUSED,
        _ => exit_code::SOME_FAILED,
    }
}

/// Reports an invalid name; returns the exit status.
pub(in crate::command) fn unnamed(error: &NameError) -> u8 {
    refuse(&[ConfigError::new(error.to_string())])
}
