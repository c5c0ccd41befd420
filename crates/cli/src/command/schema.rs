//! `image-syncer schema`: what the documents look like that this program reads and writes, for editors and programs.

use serde_json::Value;

use super::refuse::refuse;
use crate::args::SchemaArgs;
use crate::config::{self, ConfigError};
use crate::exit_code;
use crate::nearest::nearest;
use crate::output::{inspect, plan, print_json, prune_schema, report_json, verified};

/// A document's name, and what makes its schema.
type Schema = (&'static str, fn() -> Value);

/// The schemas that are there.
const SCHEMAS: [Schema; 6] = [
    ("config", config::schema),
    ("plan", plan::schema),
    ("report", report_json::schema),
    ("prune", prune_schema),
    ("inspect", inspect::schema),
    ("verify", verified::schema),
];

/// Those that come with their documents.
const PLANNED: [&str; 2] = ["check", "progress"];

/// Prints it; gives the exit status.
pub(crate) fn run(args: &SchemaArgs) -> u8 {
    if let Some((_, schema)) = SCHEMAS.iter().find(|(name, _)| *name == args.name) {
        print_json(&schema());
        return exit_code::DONE;
    }
    let there: Vec<&str> = SCHEMAS.iter().map(|(name, _)| *name).collect();
    let problem = if PLANNED.contains(&args.name.as_str()) {
        format!("the schema `{}` is not there yet: a later release has it", args.name)
    } else {
        format!("there is no schema `{}`", args.name)
    };
    let help = match nearest(&args.name, &there) {
        Some(meant) => format!("did you mean `image-syncer schema {meant}`?"),
        None => format!("those that are there: {}", there.join(", ")),
    };
    refuse(&[ConfigError::new(problem).help(help)])
}
