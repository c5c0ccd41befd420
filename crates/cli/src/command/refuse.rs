//! Reports that a config cannot be carried out.

use crate::config::ConfigError;
use crate::exit_code;
use crate::output::{Paint, say_lines};

/// Reports the errors of the config; returns the exit status.
pub(super) fn refuse(errors: &[ConfigError]) -> u8 {
    let paint = Paint::for_stderr();
    for error in errors {
        say_lines(&format!("{}: {error}", paint.red("error")));
    }
    exit_code::USAGE
}
