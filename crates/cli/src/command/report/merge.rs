//! `image-syncer report merge`

use std::path::{Path, PathBuf};

use super::broken::{cannot_write, failed, no_report};
use crate::args::{MergeArgs, NamedFile};
use crate::command::refuse::refuse;
use crate::command::same_file::same_files;
use crate::config::ConfigError;
use crate::exit_code;
use crate::output::report_json::{Merger, odd_shards, runs_there_twice};
use crate::output::{OutputFile, ReportForm, warn};

/// Reads all reports, then writes the merged one; returns the exit status of the runs.
pub(super) fn run(args: &MergeArgs) -> u8 {
    let stdin = args.files.iter().filter(|file| file.as_os_str() == "-").count();
    if stdin > 1 {
        return refuse(&[ConfigError::new("stdin is named twice: it can be read once")]);
    }
    let outputs = match opened(args) {
        Ok(outputs) => outputs,
        Err(code) => return code,
    };
    let folder = outputs.iter().find_map(|(_, output)| output.folder()).map(Path::to_owned);
    let mut merger = Merger::new(folder.as_deref());
    let add = |file: &Path| merger.add(file).map_err(|unreadable| no_report(file, unreadable));
    let problems: Vec<_> =
        args.files.iter().map(std::path::PathBuf::as_path).map(add).filter_map(Result::err).collect();
    if !problems.is_empty() {
        return refuse(&problems);
    }
    let (mut facts, records) = match merger.finish() {
        Ok(all) => all,
        Err(error) => return failed(&error),
    };
    let twice = runs_there_twice(&facts.tail.parts);
    if !twice.is_empty() {
        let runs = twice.into_iter().collect::<Vec<_>>().join(", ");
        let problem = ConfigError::new(format!("run {runs} is in more than one of these reports"));
        return refuse(&[
            problem.help("leave one of them out: a report that `report merge` made has its runs already, and of two coordinators of one run each reports all of it")
        ]);
    }
    for odd in odd_shards(&facts.tail.parts) {
        warn(&odd);
        // A missing shard is not known to have succeeded.
        if facts.head.exit_code == exit_code::DONE {
            facts.head.exit_code = exit_code::SOME_FAILED;
        }
    }
    for (form, output) in outputs {
        let file = output.path.clone();
        if let Err(error) = output.write(&|writer| form.write(&facts, &records, writer)) {
            return cannot_write(&file, &error);
        }
    }
    facts.head.exit_code
}

/// Opens the output files.
fn opened(args: &MergeArgs) -> Result<Vec<(ReportForm, OutputFile)>, u8> {
    let stdout = [PathBuf::from("-")];
    let out = if args.out.is_empty() { &stdout[..] } else { &args.out };
    let named = |name, files: &[PathBuf]| {
        NamedFile::all(files.iter().map(|path| (name, Some(path.as_path()))).collect::<Vec<_>>())
    };
    let problems = same_files(&named("FILE", &args.files), &named("--out", out));
    if !problems.is_empty() {
        return Err(refuse(&problems.into_iter().map(ConfigError::new).collect::<Vec<_>>()));
    }
    let mut outputs = Vec::new();
    for file in out {
        let output = OutputFile::open(file).map_err(|error| cannot_write(file, &error))?;
        outputs.push((ReportForm::of(file), output));
    }
    if outputs.iter().filter(|(_, output)| output.is_stdout()).count() > 1 {
        return Err(refuse(&[ConfigError::new(
            "stdout takes one document: give the others files of their own",
        )]));
    }
    Ok(outputs)
}
