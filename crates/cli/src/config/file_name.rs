//! How the command line and messages name a file.

use std::borrow::Cow;
use std::path::Path;

/// The name of standard input.
const STANDARD_INPUT: &str = "-";

pub(crate) fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == STANDARD_INPUT
}

/// The file's name for messages.
pub(crate) fn shown(path: &Path) -> Cow<'_, str> {
    if is_standard_input(path) { Cow::Borrowed("standard input") } else { path.to_string_lossy() }
}
