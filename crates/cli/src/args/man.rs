//! What can be typed behind `man`.

use std::path::PathBuf;

use clap::Parser;

use super::file::named;

/// Prints the manual page
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer man", bin_name = "image-syncer man", after_long_help = EXAMPLES)]
pub(crate) struct ManArgs {
    /// Write a page for each verb there
    ///
    /// image-syncer.1, image-syncer-sync.1 and so on, in a folder that is there.
    #[arg(long, value_name = "FOLDER", value_parser = named(), overrides_with = "dir")]
    pub(crate) dir: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  image-syncer man | man -l -
  image-syncer man --dir /usr/local/share/man/man1";
