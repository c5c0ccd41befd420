//! The flags that say what is shown on stderr.

use clap::Args;

use crate::output::Colour;

/// How much is shown, and in which colours.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ShowArgs {
    /// Write nothing to stderr but warnings and errors
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Write a line for each image to stderr
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// Colour on stderr: auto (as `NO_COLOR`, `CLICOLOR_FORCE` and the terminal say), always or never
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        default_value = "auto",
        hide_possible_values = true,
        overrides_with = "color"
    )]
    pub(crate) color: Colour,
}
