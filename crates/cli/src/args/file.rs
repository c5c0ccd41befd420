//! Names of files on the command line.

use std::path::{Path, PathBuf};

use clap::builder::{OsStringValueParser, TypedValueParser};

/// Any text, the empty one too: it counts as not given, as it did for the Go tool, so that scripts may write
/// `--log="$LOG"`. clap's own reader of paths refuses it.
pub(super) fn file() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// A file that must have a name: where none counts as not given, the program would do far more than was meant.
pub(super) fn named() -> impl TypedValueParser<Value = PathBuf> {
    file().try_map(|path| {
        if path.as_os_str().is_empty() {
            Err("the name of the file is empty: in a script, see which variable is")
        } else {
            Ok(path)
        }
    })
}

/// A file that is kept: neither stdin nor stdout is one.
pub(super) fn kept() -> impl TypedValueParser<Value = PathBuf> {
    file().try_map(|path| {
        if path.as_os_str() == "-" { Err("it is read and written, so it must be a file") } else { Ok(path) }
    })
}

/// A file that is given, and not with an empty name.
pub(crate) fn given(path: Option<&Path>) -> Option<&Path> {
    path.filter(|path| !path.as_os_str().is_empty())
}

/// A file, with the flag or the word that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedFile {
    pub(crate) name: &'static str,
    pub(crate) path: PathBuf,
}

impl NamedFile {
    /// Those of the flags that are given.
    pub(crate) fn all<'a>(flags: impl IntoIterator<Item = (&'static str, Option<&'a Path>)>) -> Vec<Self> {
        let named = |(name, path)| Some(Self { name, path: given(path)?.to_owned() });
        flags.into_iter().filter_map(named).collect()
    }
}
