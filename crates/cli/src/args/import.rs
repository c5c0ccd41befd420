//! What can be typed behind `image-syncer import`.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use super::file;

/// Makes a config of another tool's, and prints it
///
/// What was kept, changed in meaning and left out is told on stderr; nothing is asked of any registry.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer import", bin_name = "image-syncer import", after_long_help = EXAMPLES)]
pub(crate) struct ImportArgs {
    /// The other tool's file, YAML or JSON; - is stdin
    #[arg(value_parser = file::named())]
    pub(crate) file: PathBuf,

    /// Whose file: regsync, skopeo, dregsy, ocync, harbor
    ///
    /// Without it, what it shows itself to be.
    #[arg(long, value_name = "TOOL", value_enum, hide_possible_values = true, overrides_with = "from")]
    pub(crate) from: Option<Tool>,

    /// Where skopeo's images go: HOST or HOST/PREFIX
    ///
    /// Its file does not say it.
    #[arg(long, value_name = "PLACE", overrides_with = "to")]
    pub(crate) to: Option<String>,

    /// skopeo is run with --scoped
    ///
    /// Then the whole source stands behind the target.
    #[arg(long)]
    pub(crate) scoped: bool,

    /// skopeo is run with --all
    ///
    /// Then every platform is meant.
    #[arg(long)]
    pub(crate) all: bool,

    /// The Harbor whose policies these are
    #[arg(long, value_name = "HOST", overrides_with = "harbor")]
    pub(crate) harbor: Option<String>,
}

/// Whose files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tool {
    Regsync,
    Skopeo,
    Dregsy,
    Ocync,
    Harbor,
}

const EXAMPLES: &str = "\
Examples:
  image-syncer import regsync.yml > image-syncer.yaml
  image-syncer import skopeo.yaml --to r.example.com/mirror --scoped --all > image-syncer.yaml
  curl -su admin https://HARBOR/api/v2.0/replication/policies | image-syncer import - --harbor HARBOR

Look at what became of it:
  image-syncer expand --config image-syncer.yaml

Exit status:
  0  printed
  2  bad command line, or no file of that tool, or no rule could be made of it";
