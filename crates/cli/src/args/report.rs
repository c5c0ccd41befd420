//! What can be typed behind `image-syncer report`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::file::named;

/// Shows and merges reports of runs
///
/// What `--report FILE` of a run wrote, or `--json` printed.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer report", bin_name = "image-syncer report", after_long_help = EXAMPLES)]
pub(crate) struct ReportArgs {
    #[command(subcommand)]
    pub(crate) command: ReportCommand,
}

/// One of the things that can be done.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ReportCommand {
    /// Makes one report of several
    ///
    /// Of shards, or of a run and what was run again. An image that several reports name ended as the best of them says:
    /// copied, unchanged, skipped, failed, not done. Merged reports can be merged again.
    Merge(MergeArgs),
    /// Shows a report, or makes a page of it
    Show(ShowReportArgs),
}

/// `image-syncer report merge`
#[derive(Clone, Debug, Args)]
pub(crate) struct MergeArgs {
    /// Reports as JSON; - is stdin
    #[arg(required = true, value_name = "FILE", value_parser = named())]
    pub(crate) files: Vec<PathBuf>,

    /// Write it here instead of stdout
    ///
    /// Several are possible; one that ends with .html is a page.
    #[arg(short, long, value_name = "FILE", value_parser = named())]
    pub(crate) out: Vec<PathBuf>,
}

/// `image-syncer report show`
#[derive(Clone, Debug, Args)]
pub(crate) struct ShowReportArgs {
    /// A report as JSON; - is stdin
    #[arg(value_name = "FILE", value_parser = named())]
    pub(crate) file: PathBuf,

    /// Write a page instead; - is stdout
    #[arg(long, value_name = "FILE", value_parser = named(), overrides_with = "html")]
    pub(crate) html: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  image-syncer report show run.json --html run.html
  image-syncer report merge shard-*.json --out all.json --out all.html

Exit status:
  0  it is done, and a single run would have ended well
  2  a file is no report, or cannot be written
  Else, of merge: the one that a single run would have had";
