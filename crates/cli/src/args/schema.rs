//! What can be typed behind `schema`.

use clap::{Parser, ValueEnum};

/// Prints the JSON Schema of a document
///
/// Of one that this program reads or writes: `config` is for editors, the others are for programs.
#[derive(Clone, Debug, Parser)]
#[command(name = "image-syncer schema", bin_name = "image-syncer schema", after_long_help = EXAMPLES)]
pub(crate) struct SchemaArgs {
    /// config, plan, report, prune, inspect, verify, check or progress
    #[arg(value_enum, hide_possible_values = true)]
    pub(crate) name: SchemaName,
}

/// A document that has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaName {
    Config,
    Plan,
    Report,
    Prune,
    Inspect,
    Verify,
    Check,
    Progress,
}

const EXAMPLES: &str = "\
Examples:
  image-syncer schema config > image-syncer.schema.json
  image-syncer schema report";

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_help_names_all_documents() {
        let help = SchemaArgs::command().render_help().to_string();
        for name in SchemaName::value_variants().iter().filter_map(ValueEnum::to_possible_value) {
            assert!(help.contains(name.get_name()), "{}", name.get_name());
        }
    }
}
