//! The flags that say what is shown on stderr.

use clap::Args;

use crate::output::Colour;

// No documentation: clap would show it in place of the commands'.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct ShowArgs {
    /// Only warnings and errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// A line for each image
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// Colour: auto, always or never
    ///
    /// auto: as `NO_COLOR`, `CLICOLOR_FORCE` and the terminal say.
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        default_value = "auto",
        hide_possible_values = true,
        hide_default_value = true,
        overrides_with = "color"
    )]
    pub(crate) color: Colour,
}
