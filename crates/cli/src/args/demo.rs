//! What can be typed behind `demo`.

use clap::Parser;

/// Shows a whole migration inside this program
///
/// On two registries inside it: nothing to install, nothing left behind. A Harbor-like source with token login and an
/// Alibaba-like target that lets only its namespace be pushed are started on free ports of this machine, images are
/// copied with the same code and config as any others, the target is checked byte for byte, and a second run shows that
/// nothing is sent twice.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer demo", bin_name = "image-syncer demo", after_long_help = EXAMPLES)]
pub(crate) struct DemoArgs {}

const EXAMPLES: &str = "\
Examples:
  image-syncer demo";
