//! Carries resolved rules out and writes everything that was asked for besides.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ::sync::{Mode, Observer, Options, Report, Rewrite, Sync, Work};

use registry::Registry;

use super::outputs::Outputs;
use super::sync::warn;
use crate::args::{RunArgs, given};
use crate::config::{RefusedRule, Resolved, ResolvedPattern, ResolvedRule};
use crate::exit_code;
use crate::interrupt::Interrupt;
use crate::output::{
    self, All, Display, Flushed, LogFile, Paint, PlannedRule, Status, print, print_verbatim, report_json,
    say, say_lines,
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
    let outputs = match Outputs::open(args, results) {
        Ok(outputs) => outputs,
        Err(problems) => return cannot_write(&problems),
    };
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
    let rules = planned(resolved.rules, resolved.patterns);
    let work = rules.iter().map(|rule| rule.work.clone()).collect();
    let (report, interrupt) = copy(args, work, log.clone()).await;
    let registries = resolved.registries.lock().all();
    for note in notes(&registries) {
        warn(&note);
        if let Some(log) = &log {
            log.write("warning", &note);
        }
    }
    let done = Done { report, rules, refused: resolved.refused, registries };
    say_lines(&output::table(&done, Paint::for_stderr()));
    let sentence = output::old_sentence(&done);
    if let Some(log) = log {
        log.write("info", &sentence);
        log.finish();
    }
    if !outputs.take_stdout() {
        results.print(&done, &sentence);
    }
    let code = interrupt.exit_code().unwrap_or_else(|| exit_code::of(&done));
    let problems = outputs.write(&done);
    let problems = problems.into_iter().chain(unread(results));
    problems.map(|problem| cannot_write(&[problem])).fold(code, |code, _| code.max(exit_code::SOME_FAILED))
}

fn planned(rules: Vec<ResolvedRule>, patterns: Vec<ResolvedPattern>) -> Vec<PlannedRule> {
    let one = rules.into_iter().map(|rule| PlannedRule { work: rule.rule.into(), written: rule.written });
    let many = patterns.into_iter().map(|rule| PlannedRule { work: rule.rule.into(), written: rule.written });
    one.chain(many).collect()
}

/// What was not taken of stdout. The old sentence is missed by nobody who does not read it.
fn unread(results: Results) -> Option<String> {
    match output::finish() {
        Flushed::Failed(kind) if results != Results::OldSentence => {
            Some(format!("stdout cannot be written: {kind}"))
        }
        Flushed::Stuck if results != Results::OldSentence => {
            Some("stdout cannot be written: nobody reads it".to_owned())
        }
        _ => None,
    }
}

fn cannot_write(problems: &[String]) -> u8 {
    for problem in problems {
        say(&format!("{}: {problem}", Paint::for_stderr().red("error")));
    }
    exit_code::USAGE
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
    let shown = path.display().to_string();
    let lost = move |error: &std::io::Error| {
        warn(&format!("the log {shown} is not written any more: {error}; the run goes on without it"));
    };
    match LogFile::open(path, args.log_format, lost) {
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
    /// In the order in which failures count them.
    pub(crate) rules: Vec<PlannedRule>,
    pub(crate) refused: Vec<RefusedRule>,
    /// All registries that were spoken to.
    pub(crate) registries: Vec<Registry>,
}

/// Copies. Signals are listened to until what comes back is dropped.
async fn copy(args: &RunArgs, rules: Vec<Work>, log: Option<Arc<LogFile>>) -> (Report, Interrupt) {
    let (display, status) = (Display::for_stderr(), Arc::new(Status::start()));
    let mut observers: Vec<Arc<dyn Observer>> = vec![display.observer(), status.clone()];
    observers.extend(log.map(|log| log as Arc<dyn Observer>));
    let shown = display.clone();
    let interrupt = Interrupt::listen(move || shown.say_lines(&status.block()));
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
    interrupt.run_is_over();
    display.finish();
    state_file::close(&state);
    (report, interrupt)
}
