//! How a file is named on the command line and for people.

use std::borrow::Cow;
use std::path::Path;

/// Stands for standard input.
const STANDARD_INPUT: &str = "-";

pub(crate) fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == STANDARD_INPUT
}

/// The name of a file for people.
pub(crate) fn shown(path: &Path) -> Cow<'_, str> {
    if is_standard_input(path) { Cow::Borrowed("standard input") } else { path.to_string_lossy() }
}
