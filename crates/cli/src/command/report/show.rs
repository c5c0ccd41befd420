//! `image-syncer report show`

use super::broken::{cannot_write, no_report};
use crate::args::{NamedFile, ShowReportArgs};
use crate::command::refuse::refuse;
use crate::command::same_file::same_files;
use crate::config::ConfigError;
use crate::exit_code;
use crate::output::report_json::read;
use crate::output::{Gathered, OutputFile, ReportForm, WorkerShares, print_lines, report_lines};

/// Shows a report; returns the exit status.
pub(super) fn run(args: &ShowReportArgs) -> u8 {
    let Some(html) = &args.html else { return show(args) };
    let input = NamedFile::all([("FILE", Some(args.file.as_path()))]);
    if let Some(problem) = same_files(&input, &NamedFile::all([("--html", Some(html.as_path()))])).pop() {
        return refuse(&[ConfigError::new(problem)]);
    }
    let output = match OutputFile::open(html) {
        Ok(output) => output,
        Err(error) => return cannot_write(html, &error),
    };
    let mut records = Gathered::new(output.folder());
    let facts = match read(&args.file, &mut |image| records.add(&image)) {
        Ok(facts) => facts,
        Err(unreadable) => return refuse(&[no_report(&args.file, unreadable)]),
    };
    let mut records = records.finish();
    records.add_losses(&facts.tail.workers);
    match output.write(&|writer| ReportForm::Page.write(&facts, &records, writer)) {
        Ok(()) => exit_code::DONE,
        Err(error) => cannot_write(html, &error),
    }
}

fn show(args: &ShowReportArgs) -> u8 {
    let mut shares = WorkerShares::default();
    let mut count = |image| {
        shares.add(&image);
        Ok(())
    };
    match read(&args.file, &mut count) {
        Ok(facts) => {
            shares.add_losses(&facts.tail.workers);
            print_lines(report_lines(&facts, &shares).into_iter());
            exit_code::DONE
        }
        Err(unreadable) => refuse(&[no_report(&args.file, unreadable)]),
    }
}
