//! `image-syncer report`: shows and merges the reports of runs. Asks no registry.

mod broken;
mod merge;
mod show;

use crate::args::{ReportArgs, ReportCommand};

/// Does what was asked for; gives the exit status.
pub(crate) fn run(args: &ReportArgs) -> u8 {
    match &args.command {
        ReportCommand::Merge(args) => merge::run(args),
        ReportCommand::Show(args) => show::run(args),
    }
}
