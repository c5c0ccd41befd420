//! Carries resolved rules out and writes everything that was asked for besides.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ::sync::{Mode, Observer, Options, Report, Rewrite, Sync, Work};

use registry::Registry;

use super::outputs::Outputs;
use super::sync::warn;
use crate::args::{RunArgs, given};
use crate::config::{RefusedRule, Resolved, ResolvedPattern, ResolvedRule};
use crate::interrupt::Interrupt;
use crate::output::{
    self, All, Display, LogFile, Paint, PlannedRule, Status, Tally, Volume, print, print_verbatim,
    report_json, say, say_lines,
};
use crate::{exit_code, state_file};

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

/// What a verb asks for beside its flags.
pub(crate) struct Asked<'a> {
    pub(crate) verb: &'static str,
    pub(crate) results: Results,
    /// Whether a run that finds no image is a failure.
    pub(crate) needs_images: bool,
    pub(crate) digest_file: Option<&'a Path>,
}

impl Asked<'_> {
    /// A verb that carries a config out.
    pub(crate) fn of_config(verb: &'static str, results: Results) -> Self {
        Self { verb, results, needs_images: false, digest_file: None }
    }
}

/// One run, for its report.
pub(crate) struct RunFacts {
    pub(crate) id: String,
    pub(crate) command: &'static str,
    pub(crate) started: jiff::Timestamp,
    pub(crate) tally: Arc<Tally>,
}

impl RunFacts {
    fn of(command: &'static str) -> Self {
        let started = jiff::Timestamp::now();
        let id = format!("{}-{}", started.strftime("%Y%m%dT%H%M%SZ"), std::process::id());
        Self { id, command, started, tally: Arc::default() }
    }
}

impl Results {
    fn print(self, done: &Done, sentence: &str, code: u8) {
        match self {
            Self::OldSentence => print(sentence),
            Self::Images => output::standing(&done.report).iter().for_each(|line| print(line)),
            Self::Report => print_verbatim(report_json::render(done, code).trim_end()),
            Self::Nothing => {}
        }
    }
}

/// Copies, tells, writes; gives the exit status.
pub(crate) async fn run(resolved: Resolved, args: &RunArgs, asked: Asked<'_>) -> u8 {
    let outputs = match Outputs::open(args, &asked) {
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
    let facts = RunFacts::of(asked.verb);
    let (report, interrupt) = copy(args, work, log.clone(), facts.tally.clone()).await;
    let (registries, more) = {
        let known = resolved.registries.lock();
        (known.all(), known.notes())
    };
    for note in notes(&registries).into_iter().chain(more) {
        warn(&note);
        if let Some(log) = &log {
            log.write("warning", &note);
        }
    }
    let done = Done { run: facts, report, rules, refused: resolved.refused, registries };
    let is_empty = asked.needs_images && done.is_empty();
    let code = if is_empty { exit_code::SOME_FAILED } else { exit_code::of(&done) };
    let code = interrupt.exit_code().unwrap_or(code);
    if Volume::of(args.show) != Volume::Quiet || code != exit_code::DONE {
        say_lines(&output::table(&done, Paint::for_stderr()));
    }
    if is_empty {
        say(&format!("{}: {NOTHING_COPIED}", Paint::for_stderr().red("error")));
    }
    let sentence = output::old_sentence(&done);
    if let Some(log) = log {
        log.write("info", &sentence);
        log.finish();
    }
    if !outputs.take_stdout() {
        asked.results.print(&done, &sentence, code);
        if asked.results == Results::OldSentence {
            // Whoever does not read it does not miss it.
            output::let_results_go();
        }
    }
    let problems = outputs.write(&done, code);
    let code = if problems.is_empty() { code } else { code.max(exit_code::SOME_FAILED) };
    cannot_write(&problems);
    // A signal may have come since.
    interrupt.exit_code().unwrap_or(code)
}

const NOTHING_COPIED: &str =
    "nothing was copied, because no image matches: check the tag or pattern at the source, and the platforms";

fn planned(rules: Vec<ResolvedRule>, patterns: Vec<ResolvedPattern>) -> Vec<PlannedRule> {
    let one = rules.into_iter().map(|rule| PlannedRule { work: rule.rule.into(), written: rule.written });
    let many = patterns.into_iter().map(|rule| PlannedRule { work: rule.rule.into(), written: rule.written });
    let mut all: Vec<_> = one.chain(many).collect();
    // Of two rules the later in the file has its way.
    all.sort_by_key(|rule| rule.written.line);
    all
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
    pub(crate) run: RunFacts,
    pub(crate) report: Report,
    /// In the order in which failures count them.
    pub(crate) rules: Vec<PlannedRule>,
    pub(crate) refused: Vec<RefusedRule>,
    /// All registries that were spoken to.
    pub(crate) registries: Vec<Registry>,
}

impl Done {
    /// The text that a rule begins with: how it is called.
    pub(crate) fn rule(&self, index: usize) -> Option<&str> {
        self.rules.get(index).map(|rule| rule.written.source.as_str())
    }

    /// Nothing stands at a target, and nothing failed either.
    fn is_empty(&self) -> bool {
        let Report { images, failed_rules, unfinished_rules, .. } = &self.report;
        images.len() == self.report.left_out()
            && failed_rules.is_empty()
            && unfinished_rules.is_empty()
            && self.refused.is_empty()
    }
}

/// Copies. Signals are listened to until what comes back is dropped.
async fn copy(
    args: &RunArgs,
    rules: Vec<Work>,
    log: Option<Arc<LogFile>>,
    tally: Arc<Tally>,
) -> (Report, Interrupt) {
    let (display, status) = (Display::for_stderr(Volume::of(args.show)), Arc::new(Status::start()));
    let mut observers: Vec<Arc<dyn Observer>> = vec![display.observer(), status.clone(), tally];
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
    display.finish();
    state_file::close(&state);
    (report, interrupt)
}
