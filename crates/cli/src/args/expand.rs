//! The flags of `expand`.

use clap::Parser;

use super::config::ConfigArgs;
use super::narrow::NarrowArgs;
use super::only::OnlyArgs;

/// Shows what the config means, asking no registry
///
/// Each rule's source, selection, targets, how it copies, and which entry of `auth` each side uses. Flags show how they
/// narrow it.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer expand", bin_name = "image-syncer expand", after_long_help = EXAMPLES)]
pub(crate) struct ExpandArgs {
    #[command(flatten)]
    pub(crate) only: OnlyArgs,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    #[command(flatten)]
    pub(crate) narrow: NarrowArgs,
}

const EXAMPLES: &str = "\
Examples:
  image-syncer expand
  image-syncer expand --config mirror.yaml --only apps
  image-syncer expand --auth auth.json --images images.json --json";
