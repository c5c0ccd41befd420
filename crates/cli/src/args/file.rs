//! Names of files on the command line.

use std::path::{Path, PathBuf};

use clap::builder::{OsStringValueParser, TypedValueParser};

/// Any text, the empty one too: it counts as not given, as it did for the Go tool, so that scripts may write
/// `--log="$LOG"`. clap's own reader of paths refuses it.
pub(super) fn file() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// A file that is given, and not with an empty name.
pub(crate) fn given(path: Option<&Path>) -> Option<&Path> {
    path.filter(|path| !path.as_os_str().is_empty())
}
