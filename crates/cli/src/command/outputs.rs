//! The files that a run was asked to write: opened before it begins, so that none of them is missed after hours.

use std::path::{Path, PathBuf};

use super::asked::Asked;
use crate::args::{ImagesFormat, RunArgs, given};
use crate::done::Done;
use crate::output::{Document, OutputFile, image_file, is_stdout, plan, report_json, verified};

/// All of them.
pub(super) struct Outputs {
    copied: Option<OutputFile>,
    failed: Option<OutputFile>,
    report: Option<OutputFile>,
    digests: Option<OutputFile>,
    plan: Option<OutputFile>,
    format: ImagesFormat,
    is_log_on_stdout: bool,
}

impl Outputs {
    /// Opens what flags name; tells each that cannot be written.
    pub(super) fn open(args: &RunArgs, asked: &Asked<'_>) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut open = |flag: &str, path: Option<&Path>| {
            let path = given(path)?;
            match OutputFile::open(path) {
                Ok(file) => Some(file),
                Err(error) => {
                    problems.push(format!("{flag}: {} cannot be written: {error}", path.display()));
                    None
                }
            }
        };
        // A dry run knows neither what is copied nor what fails: the lists of the last run stay.
        let list = |path: &'_ Option<PathBuf>| path.clone().filter(|_| !args.dry_run);
        let outputs = Self {
            copied: open("--output-success-images", list(&args.output_success_images).as_deref()),
            failed: open("--output-failed-images", list(&args.output_failed_images).as_deref()),
            report: open("--report", args.report.as_deref()),
            digests: open("--digest-file", asked.digest_file),
            plan: open("--out", asked.plan_file),
            format: args.output_images_format,
            is_log_on_stdout: given(args.log.as_deref()).is_some_and(is_stdout),
        };
        let printed = usize::from(asked.results.is_document());
        if outputs.on_stdout() + printed > 1 {
            problems.push("stdout takes one document: give the others files of their own".to_owned());
        }
        if problems.is_empty() { Ok(outputs) } else { Err(problems) }
    }

    /// Whether one of them has stdout for itself.
    pub(super) fn take_stdout(&self) -> bool {
        self.on_stdout() > 0
    }

    fn on_stdout(&self) -> usize {
        self.files().filter(|file| file.is_stdout()).count() + usize::from(self.is_log_on_stdout)
    }

    /// Whether one of them names images.
    pub(super) fn name_images(&self) -> bool {
        self.files().next().is_some()
    }

    /// A folder that one of them is written to: there is room for as much again.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.files().find_map(OutputFile::folder)
    }

    fn files(&self) -> impl Iterator<Item = &OutputFile> {
        [&self.copied, &self.failed, &self.report, &self.digests, &self.plan].into_iter().flatten()
    }

    /// Writes them; tells each that could not be written after all.
    pub(super) fn write(self, done: &Done, code: u8) -> Vec<String> {
        let json = self.format == ImagesFormat::Json;
        let mut documents: [(Option<OutputFile>, &Document<'_>); 5] = [
            (self.copied, &|writer| image_file::write(&image_file::copied(&done.records)?, json, writer)),
            (self.failed, &|writer| image_file::write(&image_file::failed(done)?, json, writer)),
            (self.report, &|writer| match &done.verified {
                Some(verified) => verified::write(verified, done, code, writer),
                None => report_json::write(done, code, writer),
            }),
            (self.digests, &|writer| image_file::write_digests(&done.records, writer)),
            (self.plan, &|writer| done.plan.as_ref().map_or(Ok(()), |plan| plan::write(plan, done, writer))),
        ];
        // Who reads stdout may take for ever.
        documents.sort_by_key(|(file, _)| file.as_ref().is_some_and(OutputFile::is_stdout));
        let written = documents.into_iter().filter_map(|(file, document)| {
            let (path, result) = file.map(|file| (file.path.clone(), file.write(document)))?;
            Some(format!("{} cannot be written: {}", path.display(), result.err()?))
        });
        written.collect()
    }
}
