//! `image-syncer schema`: the JSON Schemas of the documents that this program reads and writes.

use super::check;
use crate::args::{SchemaArgs, SchemaName};
use crate::output::{inspect, plan, print_json, progress_schema, prune_schema, report_json, verified};
use crate::{config, exit_code};

/// Prints a schema; returns the exit status.
pub(crate) fn run(args: &SchemaArgs) -> u8 {
    print_json(&match args.name {
        SchemaName::Config => config::schema(),
        SchemaName::Plan => plan::schema(),
        SchemaName::Report => report_json::schema(),
        SchemaName::Prune => prune_schema(),
        SchemaName::Inspect => inspect::schema(),
        SchemaName::Verify => verified::schema(),
        SchemaName::Check => check::schema(),
        SchemaName::Progress => progress_schema(),
    });
    exit_code::DONE
}
