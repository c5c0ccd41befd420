//! Runs resolved rules, and writes all requested results and files.

use std::sync::Arc;
use std::time::Duration;

use ::sync::{Bandwidth, Observer, Options, Report, RunId, State, Sync, Work};
use registry::Registry;
use tokio::task::JoinError;

use super::asked::{Asked, Results};
use super::heads::heads;
use super::notes::notes;
use super::outputs::Outputs;
use super::watchers::{Watched, Watchers, odd_log};
use crate::args::{LogLevel, RunArgs};
use crate::config::{RefusedRule, Resolved, ResolvedPattern, ResolvedRule, ResolvedTasks, SharedRegistries};
use crate::done::{Brought, Done, Ended, StoppedBy};
use crate::interrupt::Interrupt;
use crate::output::plan::digest_of;
use crate::output::{
    self, Display, Flushed, LogFile, Paint, PlannedRule, RuleNames, Verified, Volume, ask_hosts, note, say,
    say_lines, warn,
};
use crate::{exit_code, state_file};

/// Copies, reports, writes; returns the exit status.
pub(crate) async fn run(resolved: Resolved, args: &RunArgs, asked: Asked<'_>) -> u8 {
    let outputs = match opened(args, &asked) {
        Ok(outputs) => outputs,
        Err(problems) => return cannot_write(&problems),
    };
    let (is_plan, is_shard) = (asked.results.is_plan(), asked.shard.is_some() && asked.split.is_none());
    let heads = (is_plan || is_shard).then(|| heads(&resolved));
    let divided = heads.as_deref().filter(|_| is_shard).map(digest_of);
    let Resolved { rules, patterns, tasks, refused, registries, warnings } = resolved;
    let rules = planned(rules, patterns, tasks);
    let watchers = Watchers::begin(args, &asked, &outputs, heads.filter(|_| is_plan), &rules);
    tell_requests(&registries, watchers.log());
    tell_before(args, watchers.log().as_deref(), &warnings, &refused);
    let Ran { brought, interrupt, speed, kept } =
        Box::pin(copy(args, &asked, &rules, &watchers, &registries)).await;
    let Watched { run, failures, mut records, plan, verified, log } = watchers.end(speed, asked.shards);
    let registries = tell_after(log.as_deref(), &registries);
    let run = run.of_brought(&brought);
    let Brought { report, elsewhere, left_open, losses, stopped, .. } = brought;
    records.add_losses(&losses);
    let signal = interrupt.exit_code().or(stopped.as_ref().and_then(StoppedBy::exit_code));
    let (shard, ended) = (asked.shard, Ended::of(&report, signal));
    let done = Done {
        run,
        report,
        ended,
        stopped,
        config: asked.config(),
        shard,
        goes_on: asked.goes_on(),
        divided,
        failures,
        records,
        plan,
        verified,
        rules,
        refused,
        registries,
        elsewhere,
        kept,
        left_open,
    };
    let is_empty = asked.needs_images && done.is_empty();
    let code = signal.unwrap_or_else(|| status(&asked, &done, is_empty));
    show_end(args, &done, code, is_empty);
    let sentence = output::old_sentence(&done);
    if let Some(log) = log {
        log.write(LogLevel::Info, &sentence);
        log.finish();
    }
    write_all((asked.results, outputs), (done, sentence, code), &interrupt).await
}

/// Sends the requests to the log, if it wants them.
pub(super) fn tell_requests(registries: &SharedRegistries, log: Option<Arc<LogFile>>) {
    if let Some(log) = log.filter(|log| log.tells_requests()) {
        registries.lock().tell_requests(log);
    }
}

/// Opens all output files of the flags; the errors, if any cannot be written.
fn opened(args: &RunArgs, asked: &Asked<'_>) -> Result<Outputs, Vec<String>> {
    match (Outputs::open(args, asked), odd_log(args)) {
        (Ok(outputs), None) => Ok(outputs),
        (opened, odd) => Err(opened.err().into_iter().flatten().chain(odd).collect()),
    }
}

/// Writes results, files and the last line; returns the exit status, which a failed write changes.
async fn write_all(
    (results, outputs): (Results, Outputs),
    (done, sentence, said): (Done, String, u8),
    interrupt: &Interrupt,
) -> u8 {
    let written = while_heard(interrupt, move || {
        let problems = write(results, &outputs, &done, &sentence, said);
        (problems, outputs, done)
    });
    let (problems, kept) = match written.await {
        Ok((problems, outputs, done)) => (problems, Some((outputs, done))),
        Err(panic) => (vec![panic.to_string()], None),
    };
    let code = if problems.is_empty() { said } else { said.max(exit_code::SOME_FAILED) };
    cannot_write(&problems);
    // A signal may have arrived meanwhile.
    let code = interrupt.exit_code().unwrap_or(code);
    let Some((outputs, done)) = kept else { return code };
    // After a failed write, the reports that were written have an outdated exit status.
    let correct = move || {
        let problems = if code == said { Vec::new() } else { outputs.write_reports_again(&done, code) };
        (problems, done)
    };
    if let Ok((problems, done)) = while_heard(interrupt, correct).await {
        cannot_write(&problems);
        output::say_summary_line(&done, code);
    }
    code
}

/// The exit status of a run that was not stopped by a signal.
fn status(asked: &Asked<'_>, done: &Done, is_empty: bool) -> u8 {
    match if is_empty { exit_code::SOME_FAILED } else { exit_code::of(done) } {
        exit_code::DONE => asked.results.status(done),
        code => code,
    }
}

/// Reports the config's warnings and the refused rules.
fn tell_before(args: &RunArgs, log: Option<&LogFile>, warnings: &[String], refused: &[RefusedRule]) {
    for warning in warnings {
        warn(warning);
    }
    if args.records.is_some() {
        warn(
            "--records is not needed any more: blobs are looked up at the target, and the file is left alone",
        );
    }
    for refused in refused {
        say_lines(&format!("{}: {}", Paint::for_stderr().red("error"), refused.error));
    }
    if let Some(log) = log {
        for warning in warnings {
            log.write(LogLevel::Warn, warning);
        }
        for refused in refused {
            log.write(LogLevel::Error, &refused.error.to_string());
        }
    }
}

/// Reports what registries said beside their answers; returns all registries that were used.
fn tell_after(log: Option<&LogFile>, registries: &SharedRegistries) -> Vec<Registry> {
    let (registries, more) = {
        let known = registries.lock();
        (known.all(), known.notes())
    };
    for note in notes(&registries).into_iter().chain(more) {
        warn(&note);
        if let Some(log) = log {
            log.write(LogLevel::Warn, &note);
        }
    }
    registries
}

/// Prints the end of the run for people.
fn show_end(args: &RunArgs, done: &Done, code: u8, is_empty: bool) {
    if !output::is_for_programs() && std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        say_annotations(done, code);
    }
    if is_empty {
        say(&format!("{}: {}", Paint::for_stderr().red("error"), nothing_matches(done.verified.as_ref())));
    }
    if Volume::of(args.show) != Volume::Quiet {
        // Writing the plan reports errors in reading these lines; here they are ignored.
        let shards = done.plan.as_ref().and_then(|plan| plan.lines_of_shards().ok());
        shards.iter().flatten().for_each(|line| note(line));
    }
    if output::is_for_programs() {
        return;
    }
    if done.plan.is_some() {
        say_failures(done);
    } else if Volume::of(args.show) != Volume::Quiet || code != exit_code::DONE {
        let table = if done.verified.is_some() { output::verified_table } else { output::table };
        say_lines(&table(done, Paint::for_stderr()));
    }
}

/// Runs the writing task. After a signal, readers of stdout are not waited for.
async fn while_heard<T: Send + 'static>(
    interrupt: &Interrupt,
    write: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    let mut writing = tokio::task::spawn_blocking(write);
    tokio::select! {
        written = &mut writing => written,
        () = interrupt.cancel.cancelled() => {
            output::let_results_go();
            writing.await
        }
    }
}

/// Writes results and files; returns the errors.
fn write(results: Results, outputs: &Outputs, done: &Done, sentence: &str, code: u8) -> Vec<String> {
    // Files first: a reader of stdout may block forever.
    let mut problems = outputs.write(done, code);
    let printed = if outputs.take_stdout() { Ok(()) } else { results.print(done, sentence, code) };
    let arrived = match output::finish_results() {
        Flushed::Failed(kind) => Err(kind.into()),
        _ => Ok(()),
    };
    if let Err(error) = printed.and(arrived) {
        problems.push(format!("stdout cannot be written: {error}"));
        // The error is reported here, so the end of the program need not report it again.
        output::let_results_go();
    }
    problems
}

fn nothing_matches(verified: Option<&Verified>) -> String {
    let (what, place) = match verified {
        None => ("copied", " at the source"),
        Some(verified) if verified.is_alone() => ("looked at", ""),
        Some(_) => ("looked at", " at the source"),
    };
    format!(
        "nothing was {what}, because no image matches: check the tag or pattern{place}, and the platforms"
    )
}

/// A plan goes to stdout; the failures of planning go to stderr.
fn say_failures(done: &Done) {
    let failures = output::failures(done, Paint::for_stderr());
    if !failures.is_empty() {
        say_lines(&failures);
    }
}

/// GitHub reads annotations from stderr, too; stdout is for results.
fn say_annotations(done: &Done, code: u8) {
    let annotations = output::annotations(done, code);
    if !annotations.is_empty() {
        say_lines(&annotations.join("\n"));
    }
}

pub(super) fn planned(
    rules: Vec<ResolvedRule>,
    patterns: Vec<ResolvedPattern>,
    tasks: Vec<ResolvedTasks>,
) -> Vec<PlannedRule> {
    let one = rules.into_iter().map(|rule| PlannedRule { work: rule.rule.into(), written: rule.written });
    let many = patterns.into_iter().map(|rule| PlannedRule { work: rule.rule.into(), written: rule.written });
    let decided =
        tasks.into_iter().map(|rule| PlannedRule { work: Work::Tasks(rule.tasks), written: rule.written });
    let mut all: Vec<_> = one.chain(many).chain(decided).collect();
    // Rules keep their order: for the same target, the later rule wins.
    all.sort_by_key(|rule| rule.written.order);
    all
}

fn cannot_write(problems: &[String]) -> u8 {
    for problem in problems {
        say(&format!("{}: {problem}", Paint::for_stderr().red("error")));
    }
    exit_code::USAGE
}

/// The result of a run. Signals are handled until this is dropped.
struct Ran {
    brought: Brought,
    interrupt: Interrupt,
    /// The bandwidth, with that of earlier runs.
    speed: Option<Bandwidth>,
    /// Bytes that were sent and are stored at targets.
    kept: u64,
}

async fn copy(
    args: &RunArgs,
    asked: &Asked<'_>,
    rules: &[PlannedRule],
    watchers: &Watchers,
    registries: &SharedRegistries,
) -> Ran {
    let (is_plan, verifies) = (asked.results.is_plan(), asked.results.verification().is_some());
    let volume = Volume::of(args.show).in_run(is_plan, verifies);
    let display = Display::start(volume, RuleNames::of(rules), ask_hosts(registries));
    let mut observers: Vec<Arc<dyn Observer>> = vec![display.observer()];
    observers.extend(watchers.observers());
    let (shown, log) = (display.observer(), watchers.log());
    #[cfg(feature = "fleet")]
    if let Some(fleet) = &asked.fleet {
        shown.ask_fleet(fleet.standing());
        fleet.also_to(watchers.log());
    }
    let interrupt = Interrupt::listen(move || {
        shown.tell_status();
        if let Some(log) = &log {
            log.write(LogLevel::Info, &shown.status());
        }
    });
    let options = Options {
        bandwidth: args.bandwidth,
        mode: asked.results.mode(args.dry_run),
        drain: Duration::from_secs(args.drain.into()),
        ..Options::new(args.proc, args.retries.retries)
    };
    let state = state(args, asked, &mut observers);
    let work = rules.iter().map(|rule| rule.work.clone());
    let (observer, drain) = (Arc::new(observers), options.drain);
    let sync =
        Sync::new(work, options, observer.clone()).called(watchers.run_id()).remembering(state.clone());
    let brought = bring(asked, sync, observer, (watchers.run_id(), drain), &interrupt).await;
    let kept = display.finish().saturating_add(brought.kept);
    let speed = state.speed();
    state_file::close(&state);
    Ran { brought, interrupt, speed, kept }
}

/// The state that earlier runs left.
fn state(args: &RunArgs, asked: &Asked<'_>, observers: &mut Vec<Arc<dyn Observer>>) -> State {
    let lookup = |name: &str| std::env::var(name).ok();
    #[cfg(feature = "fleet")]
    if let Some(fleet) = &asked.fleet {
        let (state, warning) = state_file::open_for_coordinator(args, lookup);
        observers.extend(warning.map(|warning| fleet.warn_if_planned_here(warning)));
        return state;
    }
    let _ = (asked, observers);
    state_file::open(args, lookup)
}

/// Runs the copies: by workers, or in this process.
async fn bring(
    asked: &Asked<'_>,
    sync: Sync,
    observer: Arc<dyn Observer>,
    (id, drain): (RunId, Duration),
    interrupt: &Interrupt,
) -> Brought {
    let cancel = interrupt.cancel.clone();
    #[cfg(feature = "fleet")]
    if let Some(fleet) = &asked.fleet {
        return Box::pin(fleet.coordinate(sync, observer, (id, drain), cancel)).await;
    }
    let _ = (observer, id, drain);
    let report = match (asked.shard, &asked.split) {
        // A plan's shard is divided already, so `only` must not divide it again.
        (Some(shard), Some(split)) => {
            Report { shard: Some((shard, split.clone())), ..sync.run(cancel).await }
        }
        (Some(shard), None) => sync.only(shard).run(cancel).await,
        (None, _) => sync.run(cancel).await,
    };
    report.into()
}
