//! `image-syncer report`: shows and merges reports of runs. Asks no registry.

mod broken;
mod merge;
mod show;

use crate::args::{ReportArgs, ReportCommand};

/// Runs the chosen subcommand; returns the exit status.
pub(crate) fn run(args: &ReportArgs) -> u8 {
    match &args.command {
        ReportCommand::Merge(args) => merge::run(args),
        ReportCommand::Show(args) => show::run(args),
    }
}
