//! The flag that names one rule, on every verb that goes by a config's rules.

use clap::Args;

// No documentation: clap would show it in place of the commands'.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct OnlyArgs {
    /// Only the rule of this name
    ///
    /// Of all rules the one of `sync` that has it.
    #[arg(long, value_name = "NAME", overrides_with = "only")]
    pub(crate) only: Option<String>,
}
