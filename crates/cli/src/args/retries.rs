//! How often something is tried again, on every verb that asks registries.

use clap::Args;

use super::number::retries;

// No documentation: clap would show it in place of the commands'.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct RetriesArgs {
    /// Tries of a failed step [default: 2]
    ///
    /// How often a step that failed for a passing reason is tried again. A registry that asks to wait (429) is waited for as long
    /// as it says (15 minutes at most), up to 20 times in a row; some four minutes in all where it does not say how long; with 0 not
    /// at all.
    #[arg(short, long, value_name = "NUMBER", default_value = "2", hide_default_value = true, value_parser = retries, allow_hyphen_values = true, overrides_with = "retries")]
    pub(crate) retries: u32,
}
