//! Carries resolved rules out and writes everything that was asked for besides.

use std::sync::Arc;
use std::time::Duration;

use ::sync::{Bandwidth, Mode, Observer, Options, Report, RunId, Shard, Sync, Work};

use super::asked::{Asked, Results};
use super::heads::heads;
use super::notes::notes;
use super::outputs::Outputs;
use crate::args::{LogLevel, RunArgs, given};
use crate::config::{Resolved, ResolvedPattern, ResolvedRule, ResolvedTasks};
use crate::diagnostic::Failures;
use crate::done::{Done, RunFacts};
use crate::interrupt::Interrupt;
use crate::output::plan::PlanRecorder;
use crate::output::{
    self, Display, LogFile, LogForm, Paint, PlannedRule, Recorder, Records, RuleNames, Status,
    VerifiedRecorder, Volume, say, say_lines, warn,
};
use crate::{exit_code, state_file};

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
    let facts = RunFacts::of(asked.verb);
    let plan = asked.results.is_plan().then(|| {
        let heads = heads(&resolved);
        Arc::new(PlanRecorder::new(heads, asked.config_digest.clone(), outputs.folder()))
    });
    let rules = planned(resolved.rules, resolved.patterns, resolved.tasks);
    let names = RuleNames::of(&rules);
    let log = open_log(args, &facts.id, &names);
    if let Some(log) = &log {
        resolved.warnings.iter().for_each(|warning| log.write(LogLevel::Warn, warning));
    }
    if let Some(log) = log.clone().filter(|log| log.tells_requests()) {
        resolved.registries.lock().tell_requests(log);
    }
    for refused in &resolved.refused {
        say_lines(&format!("{}: {}", Paint::for_stderr().red("error"), refused.error));
        if let Some(log) = &log {
            log.write(LogLevel::Error, &refused.error.to_string());
        }
    }
    let names_images = outputs.name_images() || asked.results.name_images();
    let recorder =
        names_images.then(|| Arc::new(Recorder::new(&rules, facts.tally.clone(), outputs.folder())));
    let verified = asked
        .results
        .verification()
        .map(|how| Arc::new(VerifiedRecorder::new(how, &rules, outputs.folder())));
    let failures = Arc::<Failures>::default();
    // Who takes images down asks the tally before that forgets them.
    let watching: [Option<Arc<dyn Observer>>; 6] = [
        recorder.clone().map(|recorder| recorder as _),
        Some(facts.tally.clone()),
        Some(failures.clone()),
        log.clone().map(|log| log as _),
        plan.clone().map(|plan| plan as _),
        verified.clone().map(|verified| verified as _),
    ];
    let watching = watching.into_iter().flatten();
    let volume = Volume::of(args.show);
    let volume = if plan.is_some() && volume == Volume::Usual { Volume::Named } else { volume };
    let what = (asked.results.mode(args.dry_run), volume);
    let part = asked.shard.filter(|_| asked.verb != "apply");
    let (report, interrupt, speed) =
        copy(args, (what, part), (&rules, names), facts.id.clone(), watching).await;
    let records = recorder.map_or_else(Records::none, |recorder| recorder.finish());
    let (registries, more) = {
        let known = resolved.registries.lock();
        (known.all(), known.notes())
    };
    for note in notes(&registries).into_iter().chain(more) {
        warn(&note);
        if let Some(log) = &log {
            log.write(LogLevel::Warn, &note);
        }
    }
    let (plan, verified) = (
        plan.map(|plan| plan.finish(speed).divided(asked.shards)),
        verified.map(|verified| verified.finish()),
    );
    let refused = resolved.refused;
    let shard = asked.shard;
    let done =
        Done { run: facts, report, shard, failures, records, plan, verified, rules, refused, registries };
    let is_empty = asked.needs_images && done.is_empty();
    let code = if is_empty { exit_code::SOME_FAILED } else { exit_code::of(&done) };
    let code = if code == exit_code::DONE { asked.results.status(&done) } else { code };
    let code = interrupt.exit_code().unwrap_or(code);
    if done.plan.is_some() {
        say_failures(&done);
    } else if Volume::of(args.show) != Volume::Quiet || code != exit_code::DONE {
        let table = if done.verified.is_some() { output::verified_table } else { output::table };
        say_lines(&table(&done, Paint::for_stderr()));
    }
    if is_empty {
        let what = if done.verified.is_some() { "looked at" } else { "copied" };
        say(&format!("{}: nothing was {what}, {NOTHING_MATCHES}", Paint::for_stderr().red("error")));
    }
    let sentence = output::old_sentence(&done);
    if let Some(log) = log {
        log.write(LogLevel::Info, &sentence);
        log.finish();
    }
    let results = asked.results;
    let problems = while_heard(&interrupt, move || write(results, outputs, &done, &sentence, code)).await;
    let code = if problems.is_empty() { code } else { code.max(exit_code::SOME_FAILED) };
    cannot_write(&problems);
    // A signal may have come since.
    interrupt.exit_code().unwrap_or(code)
}

/// Writes, for as long as whoever reads takes; once a signal has come he is not waited for any longer.
async fn while_heard(
    interrupt: &Interrupt,
    write: impl FnOnce() -> Vec<String> + Send + 'static,
) -> Vec<String> {
    let mut writing = tokio::task::spawn_blocking(write);
    let written = tokio::select! {
        written = &mut writing => written,
        () = interrupt.cancel.cancelled() => {
            output::let_results_go();
            writing.await
        }
    };
    written.unwrap_or_else(|panic| vec![panic.to_string()])
}

/// Writes results and files; tells what could not be written.
fn write(results: Results, outputs: Outputs, done: &Done, sentence: &str, code: u8) -> Vec<String> {
    let prints = !outputs.take_stdout();
    // Files first: who reads stdout may take for ever.
    let mut problems = outputs.write(done, code);
    if prints && let Err(error) = results.print(done, sentence, code) {
        problems.push(format!("stdout cannot be written: {error}"));
    }
    problems
}

const NOTHING_MATCHES: &str =
    "because no image matches: check the tag or pattern at the source, and the platforms";

/// A plan says on stdout what is to be done; what could not be planned stands here.
fn say_failures(done: &Done) {
    let failures = output::failures(done, Paint::for_stderr());
    if !failures.is_empty() {
        say_lines(&failures);
    }
}

fn planned(
    rules: Vec<ResolvedRule>,
    patterns: Vec<ResolvedPattern>,
    tasks: Vec<ResolvedTasks>,
) -> Vec<PlannedRule> {
    let one = rules.into_iter().map(|rule| PlannedRule { work: rule.rule.into(), written: rule.written });
    let many = patterns.into_iter().map(|rule| PlannedRule { work: rule.rule.into(), written: rule.written });
    let decided =
        tasks.into_iter().map(|rule| PlannedRule { work: Work::Tasks(rule.tasks), written: rule.written });
    let mut all: Vec<_> = one.chain(many).chain(decided).collect();
    // Of two rules the later one has its way.
    all.sort_by_key(|rule| rule.written.order);
    all
}

fn cannot_write(problems: &[String]) -> u8 {
    for problem in problems {
        say(&format!("{}: {problem}", Paint::for_stderr().red("error")));
    }
    exit_code::USAGE
}

fn open_log(args: &RunArgs, run: &RunId, names: &RuleNames) -> Option<Arc<LogFile>> {
    let Some(path) = given(args.log.as_deref()) else {
        if args.log_level == LogLevel::Debug {
            warn("--log-level changes nothing without --log: name a file, or /dev/stderr");
        }
        return None;
    };
    let shown = path.display().to_string();
    let form = LogForm { format: args.log_format, level: args.log_level };
    let lost = move |error: &std::io::Error| {
        warn(&format!("the log {shown} is not written any more: {error}; the run goes on without it"));
    };
    match LogFile::open(path, form, run.clone(), lost) {
        Ok(log) => Some(Arc::new(log.naming(names.clone()))),
        Err(error) => {
            warn(&format!("Failed to log to file, using default stderr: {}: {error}", path.display()));
            None
        }
    }
}

/// Copies; says how fast earlier runs were, too. Signals are listened to until what comes back is dropped.
async fn copy(
    args: &RunArgs,
    ((mode, volume), shard): ((Mode, Volume), Option<Shard>),
    (rules, names): (&[PlannedRule], RuleNames),
    id: RunId,
    watching: impl Iterator<Item = Arc<dyn Observer>>,
) -> (Report, Interrupt, Option<Bandwidth>) {
    let (display, status) = (Display::for_stderr(volume, names), Arc::new(Status::start()));
    let mut observers: Vec<Arc<dyn Observer>> = vec![display.observer(), status.clone()];
    observers.extend(watching);
    let shown = display.clone();
    let interrupt = Interrupt::listen(move || shown.say_lines(&status.block()));
    let options = Options {
        bandwidth: args.bandwidth,
        mode,
        drain: Duration::from_secs(args.drain.into()),
        ..Options::new(args.proc, args.retries)
    };
    let state = state_file::open(args, |name| std::env::var(name).ok());
    let work = rules.iter().map(|rule| rule.work.clone());
    let sync = Sync::new(work, options, Arc::new(observers)).called(id).remembering(state.clone());
    let sync = match shard {
        Some(shard) => sync.only(shard),
        None => sync,
    };
    let report = sync.run(interrupt.cancel.clone()).await;
    display.finish();
    let speed = state.speed();
    state_file::close(&state);
    (report, interrupt, speed)
}
