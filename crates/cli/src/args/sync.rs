//! The flags of `sync`.

use clap::Parser;

use super::fleet::FleetArgs;
use super::job::JobArgs;
use super::only::OnlyArgs;
use super::shard::ShardArgs;

/// Copies what the config's rules select and targets lack
///
/// The main job. Without --config, `./image-syncer.yaml` is read.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer sync", bin_name = "image-syncer sync", after_long_help = EXAMPLES)]
pub(crate) struct SyncArgs {
    #[command(flatten)]
    pub(crate) only: OnlyArgs,

    #[command(flatten)]
    pub(crate) shard: ShardArgs,

    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) job: JobArgs,

    #[command(flatten)]
    pub(crate) fleet: FleetArgs,
}

const EXAMPLES: &str = "\
Examples:
  image-syncer sync
  image-syncer sync --config mirror.yaml --only apps --report report.json
  image-syncer sync --include 'v1.*' --platform linux/amd64 --bandwidth 50MB/s
  image-syncer sync --config mirror.yaml --retry-failed failed.yaml
  image-syncer sync --config mirror.yaml --fleet nats://127.0.0.1:4222

Exit status:
  0  all well
  1  some images failed
  2  bad command line or config
  3  all failed
  4  all failed by login";
