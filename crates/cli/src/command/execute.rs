//! Carries resolved rules out and writes everything that was asked for besides.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ::sync::{Mode, Observer, Options, Report, Rewrite, Sync, Work};

use registry::Registry;

use super::sync::warn;
use crate::args::{ImagesFormat, RunArgs, given};
use crate::config::{RefusedRule, Resolved, WrittenRule};
use crate::exit_code;
use crate::interrupt::Interrupt;
use crate::output::{
    self, All, Display, LogFile, Paint, image_file, print, print_verbatim, report_json, say, say_lines,
};
use crate::state_file;

/// How the tool introduces itself to registries.
pub(crate) const USER_AGENT: &str = concat!("image-syncer/", env!("CARGO_PKG_VERSION"));

/// What a run prints on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Results {
    /// The sentence that the Go tool's scripts look for.
    OldSentence,
    /// A line for each image that stands at a target.
    Images,
    /// The report, for programs.
    Report,
    /// The exit status says it.
    Nothing,
}

impl Results {
    fn print(self, done: &Done, sentence: &str) {
        match self {
            Self::OldSentence => print(sentence),
            Self::Images => output::standing(&done.report).iter().for_each(|line| print(line)),
            Self::Report => print_verbatim(report_json::render(done).trim_end()),
            Self::Nothing => {}
        }
    }
}

/// Copies, tells, writes; gives the exit status.
pub(crate) async fn run(resolved: Resolved, args: &RunArgs, results: Results) -> u8 {
    for warning in &resolved.warnings {
        warn(warning);
    }
    if args.records.is_some() {
        warn(
            "--records is not needed any more: blobs are looked up at the target, and the file is left alone",
        );
    }
    let log = open_log(args);
    if let Some(log) = &log {
        resolved.warnings.iter().for_each(|warning| log.write("warning", warning));
    }
    for refused in &resolved.refused {
        say_lines(&format!("{}: {}", Paint::for_stderr().red("error"), refused.error));
        if let Some(log) = &log {
            log.write("error", &refused.error.to_string());
        }
    }
    let one = resolved.rules.into_iter().map(|rule| (Work::from(rule.rule), rule.written));
    let many = resolved.patterns.into_iter().map(|rule| (Work::from(rule.rule), rule.written));
    let (rules, written): (Vec<_>, Vec<_>) = one.chain(many).unzip();
    let (report, interrupted) = copy(args, rules, log.clone()).await;
    let registries = resolved.registries.lock().all();
    for note in notes(&registries) {
        warn(&note);
        if let Some(log) = &log {
            log.write("warning", &note);
        }
    }
    let done = Done { report, written, refused: resolved.refused, registries };
    say_lines(&output::table(&done, Paint::for_stderr()));
    let sentence = output::old_sentence(&done);
    if let Some(log) = log {
        log.write("info", &sentence);
    }
    results.print(&done, &sentence);
    let code = interrupted.unwrap_or_else(|| exit_code::of(&done));
    match write_files(args, &done) {
        Ok(()) => code,
        Err((path, error)) => {
            say(&format!(
                "{}: {} cannot be written: {error}",
                Paint::for_stderr().red("error"),
                path.display()
            ));
            code.max(exit_code::SOME_FAILED)
        }
    }
}

/// What registries said or did that their users should know.
fn notes(registries: &[Registry]) -> Vec<String> {
    let unencrypted = unencrypted_logins(registries)
        .into_iter()
        .map(|host| format!("{host} does not speak TLS, so its login went over the network unencrypted"));
    let warned: BTreeSet<_> = registries
        .iter()
        .flat_map(|registry| {
            registry.warnings().into_iter().map(move |text| (registry.host().as_str(), text))
        })
        .collect();
    unencrypted.chain(warned.into_iter().map(|(host, text)| format!("{host} warns: {text}"))).collect()
}

/// `insecure` allows it, but whoever set it may not know.
fn unencrypted_logins(registries: &[Registry]) -> BTreeSet<&str> {
    let told = registries.iter().filter(|registry| registry.is_unencrypted() && registry.has_login());
    let remote = told.filter(|registry| !is_loopback(registry.host().host_name()));
    remote.map(|registry| registry.host().as_str()).collect()
}

pub(super) fn is_loopback(name: &str) -> bool {
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn open_log(args: &RunArgs) -> Option<Arc<LogFile>> {
    let path = given(args.log.as_deref())?;
    match LogFile::create(path, args.log_format) {
        Ok(log) => Some(Arc::new(log)),
        Err(error) => {
            warn(&format!("Failed to log to file, using default stderr: {}: {error}", path.display()));
            None
        }
    }
}

/// What a run did, with the rules as they were written.
pub(crate) struct Done {
    pub(crate) report: Report,
    pub(crate) written: Vec<WrittenRule>,
    pub(crate) refused: Vec<RefusedRule>,
    /// All registries that were spoken to.
    pub(crate) registries: Vec<Registry>,
}

/// Copies; gives the exit status of an interruption, too.
async fn copy(args: &RunArgs, rules: Vec<Work>, log: Option<Arc<LogFile>>) -> (Report, Option<u8>) {
    let display = Display::for_stderr();
    let mut observers = vec![display.observer()];
    observers.extend(log.map(|log| log as Arc<dyn Observer>));
    let interrupt = Interrupt::listen();
    let options = Options {
        bandwidth: args.bandwidth,
        platforms: args.platforms(),
        rewrite: if args.force { Rewrite::Always } else { Rewrite::Changed },
        mode: if args.dry_run { Mode::DryRun } else { Mode::Copy },
        drain: Duration::from_secs(args.drain.into()),
        ..Options::new(args.proc, args.retries)
    };
    let state = state_file::open(args, |name| std::env::var(name).ok());
    let sync = Sync::new(rules, options, Arc::new(All(observers))).remembering(state.clone());
    let report = sync.run(interrupt.cancel.clone()).await;
    display.finish();
    state_file::close(&state);
    (report, interrupt.exit_code())
}

fn write_files(args: &RunArgs, done: &Done) -> Result<(), (PathBuf, std::io::Error)> {
    let json = args.output_images_format == ImagesFormat::Json;
    let write = |path: &Option<PathBuf>, text: &dyn Fn() -> String| match given(path.as_deref()) {
        Some(path) => std::fs::write(path, text()).map_err(|error| (path.to_owned(), error)),
        None => Ok(()),
    };
    write(&args.output_success_images, &|| image_file::render(&image_file::copied(&done.report), json))?;
    write(&args.output_failed_images, &|| image_file::render(&image_file::failed(done), json))?;
    write(&args.report, &|| report_json::render(done))
}
