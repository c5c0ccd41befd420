//! The flags of `explain`.

use std::path::PathBuf;

use clap::Parser;

use super::config::ConfigArgs;
use super::file::named;

/// Says why an image was copied, skipped or failed
///
/// From the report of that run and, where one is there, the config: which rule, what selected it, what became of it, which
/// logins, what to do next. Asks no registry.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer explain", bin_name = "image-syncer explain", after_long_help = EXAMPLES)]
pub(crate) struct ExplainArgs {
    /// The image, or the end of its name
    ///
    /// By its name at the source or at a target; the end of the name is enough where no other has it.
    pub(crate) image: String,

    /// What --report of that run wrote
    ///
    /// Or what `--json` printed; - is stdin.
    #[arg(long, value_name = "FILE", value_parser = named(), overrides_with = "report")]
    pub(crate) report: PathBuf,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

const EXAMPLES: &str = "\
Examples:
  image-syncer explain team/app:v1 --report report.json
  image-syncer explain harbor.example.com/team/app:v1 --report report.json --config mirror.yaml

Exit status:
  0  it was explained
  1  nothing is known of it, or several have that name
  2  bad command line, report or config";
