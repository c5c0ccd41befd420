//! What can be typed behind `completions`.

use clap::Parser;
use clap_complete::Shell;

/// Prints completions for a shell
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer completions", bin_name = "image-syncer completions", after_long_help = EXAMPLES)]
pub(crate) struct CompletionsArgs {
    /// Which one: bash, zsh, fish, powershell or elvish
    #[arg(value_enum, hide_possible_values = true)]
    pub(crate) shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  image-syncer completions bash > /etc/bash_completion.d/image-syncer
  image-syncer completions zsh > /usr/local/share/zsh/site-functions/_image-syncer
  image-syncer completions fish > ~/.config/fish/completions/image-syncer.fish";
