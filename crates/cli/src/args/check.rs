//! The flags of `check`.

use clap::Parser;

use super::config::ConfigArgs;
use super::fleet::CheckFleetArgs;
use super::only::OnlyArgs;
use super::reach::ReachArgs;

/// Tries every step of a copy before a byte moves
///
/// Names, ports, certificates, logins, rights, namespaces, quotas, clocks, and where blobs lie. One line for each
/// finding, and what to do where something is wrong. What it begins at a registry it cancels.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer check", bin_name = "image-syncer check", after_long_help = EXAMPLES)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) only: OnlyArgs,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    #[command(flatten)]
    pub(crate) reach: ReachArgs,

    #[command(flatten)]
    pub(crate) fleet: CheckFleetArgs,
}

const EXAMPLES: &str = "\
Examples:
  image-syncer check
  image-syncer check --config mirror.yaml --only apps
  image-syncer check --config mirror.yaml --json
  image-syncer check --config mirror.yaml --fleet nats://127.0.0.1:4222

Exit status:
  0  no problem
  1  problems
  2  bad command line or config
  4  only logins are refused";
