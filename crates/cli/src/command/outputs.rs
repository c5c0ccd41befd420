//! The output files of a run. They are opened before it begins, so that a wrong path fails at once and not after hours.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::asked::Asked;
use super::same_file::same_files;
use crate::args::{NamedFile, RunArgs, given};
use crate::done::{Done, Ended};
use crate::output::{
    Document, OutputFile, ReportForm, image_file, is_stdout, plan, report_json, verified, write_markdown,
};

/// All output files.
pub(super) struct Outputs {
    copied: Option<OutputFile>,
    failed: Option<OutputFile>,
    reports: Vec<OutputFile>,
    markdown: Option<OutputFile>,
    digests: Option<OutputFile>,
    plan: Option<OutputFile>,
    format: image_file::ImagesFormat,
    is_log_on_stdout: bool,
}

impl Outputs {
    /// Opens the files of the flags; returns the errors of all that cannot be written.
    pub(super) fn open(args: &RunArgs, asked: &Asked<'_>) -> Result<Self, Vec<String>> {
        let mut problems = same_files(&asked.inputs, &written(args, asked));
        if asked.results.verification().is_some() {
            problems.extend(without_page(args));
        }
        let mut open = |flag: &str, path: Option<&Path>| {
            let path = given(path)?;
            let opened = match flag {
                MARKDOWN => OutputFile::open_end(path),
                _ => OutputFile::open(path),
            };
            match opened {
                Ok(file) => Some(file),
                Err(error) => {
                    problems.push(format!("{flag}: {} cannot be written: {error}", path.display()));
                    None
                }
            }
        };
        // A dry run knows neither the copied nor the failed images: the lists of the last run stay.
        let list = |path: &'_ Option<PathBuf>| path.clone().filter(|_| !args.dry_run);
        let outputs = Self {
            copied: open("--output-success-images", list(&args.output_success_images).as_deref()),
            failed: open("--output-failed-images", list(&args.output_failed_images).as_deref()),
            reports: args.report.iter().filter_map(|path| open("--report", Some(path))).collect(),
            markdown: open(MARKDOWN, args.summary_markdown.as_deref()),
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

    /// Whether one of the files is stdout.
    pub(super) fn take_stdout(&self) -> bool {
        self.on_stdout() > 0
    }

    fn on_stdout(&self) -> usize {
        self.files().filter(|file| file.is_stdout()).count() + usize::from(self.is_log_on_stdout)
    }

    /// Whether one of the files names images.
    pub(super) fn name_images(&self) -> bool {
        self.files().next().is_some()
    }

    /// The folder of one of the files: it has room for temporary files of the same size.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.files().find_map(OutputFile::folder)
    }

    fn files(&self) -> impl Iterator<Item = &OutputFile> {
        let one = [&self.copied, &self.failed, &self.markdown, &self.digests, &self.plan];
        one.into_iter().flatten().chain(&self.reports)
    }

    /// A partial plan does not replace an older plan; returns the note about it.
    fn older_plan_stays(&self, done: &Done) -> Option<String> {
        let file = self.plan.as_ref().filter(|file| done.ended == Ended::Stopped && !file.is_stdout())?;
        Some(format!("{} is not written: the plan was stopped before it was whole", file.path.display()))
    }

    /// Writes all files; returns the errors.
    pub(super) fn write(&self, done: &Done, code: u8) -> Vec<String> {
        let unwritten = self.older_plan_stays(done);
        let plan = if unwritten.is_some() { &None } else { &self.plan };
        let before = self.markdown.as_ref().map_or(0, OutputFile::length);
        let facts = || report_json::facts(done, code);
        let one: [(&Option<OutputFile>, &Document<'_>); 5] = [
            (&self.copied, &|writer| {
                image_file::write(&image_file::copied(&done.records)?, self.format, writer)
            }),
            (&self.failed, &|writer| image_file::write(&image_file::failed(done)?, self.format, writer)),
            (&self.markdown, &|writer| write_markdown(&facts(), &done.records, before, writer)),
            (&self.digests, &|writer| image_file::write_digests(&done.records, writer)),
            (plan, &|writer| done.plan.as_ref().map_or(Ok(()), |plan| plan::write(plan, done, writer))),
        ];
        let mut tasks: Vec<(&OutputFile, Option<&Document<'_>>)> =
            one.into_iter().filter_map(|(file, document)| Some((file.as_ref()?, Some(document)))).collect();
        tasks.extend(self.reports.iter().map(|file| (file, None)));
        // A reader of stdout may block forever, so stdout comes last.
        tasks.sort_by_key(|(file, _)| file.is_stdout());
        let written = tasks.into_iter().map(|(file, document)| match document {
            Some(document) => (file, file.write(document)),
            None => (file, write_report(file, done, code)),
        });
        unwritten.into_iter().chain(told(written)).collect()
    }

    /// Writes the reports again that have a wrong exit status, if they can be replaced.
    pub(super) fn write_reports_again(&self, done: &Done, code: u8) -> Vec<String> {
        let reports = self.reports.iter().filter(|file| file.can_be_replaced());
        told(reports.map(|file| (file, write_report(file, done, code))))
    }
}

/// Writes the report in the form of the file's name.
fn write_report(file: &OutputFile, done: &Done, code: u8) -> std::io::Result<()> {
    let facts = || report_json::facts(done, code);
    file.write(&|writer: &mut dyn Write| match (ReportForm::of(&file.path), &done.verified) {
        (ReportForm::Json, Some(verified)) => verified::write(verified, done, code, writer),
        (form, _) => form.write(&facts(), &done.records, writer),
    })
}

fn told<'a>(written: impl Iterator<Item = (&'a OutputFile, std::io::Result<()>)>) -> Vec<String> {
    let failed = written.filter_map(|(file, result)| Some((file, result.err()?)));
    failed.map(|(file, error)| format!("{} cannot be written: {error}", file.path.display())).collect()
}

/// All files that the flags name for writing.
fn written(args: &RunArgs, asked: &Asked<'_>) -> Vec<NamedFile> {
    let reports = args.report.iter().map(|path| ("--report", Some(path.as_path())));
    let others = [
        ("--out", asked.plan_file),
        ("--digest-file", asked.digest_file),
        ("--output-success-images", args.output_success_images.as_deref()),
        ("--output-failed-images", args.output_failed_images.as_deref()),
        (MARKDOWN, args.summary_markdown.as_deref()),
        ("--log", args.log.as_deref()),
        ("--state", args.state.as_deref()),
    ];
    NamedFile::all(others.into_iter().chain(reports))
}

const MARKDOWN: &str = "--summary-markdown";

/// Errors for outputs that `verify` cannot write: its findings are a document of their own.
fn without_page(args: &RunArgs) -> Vec<String> {
    let pages = args.report.iter().filter(|path| ReportForm::of(path) == ReportForm::Page);
    let pages = pages.map(|path| {
        format!("--report: `verify` writes JSON, no page: name another file than {}", path.display())
    });
    let markdown = given(args.summary_markdown.as_deref());
    let markdown =
        markdown.map(|_| format!("{MARKDOWN}: `verify` writes none; --report and --json have its findings"));
    pages.chain(markdown).collect()
}
