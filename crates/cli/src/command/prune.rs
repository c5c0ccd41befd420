//! `image-syncer prune`: finds tags of targets that their sources no longer have, and deletes them on request.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ::sync::prune::{Guards, Prune, PrunePlan};
use ::sync::{Event, Observer, Options, Stamp, Work};

use super::refuse::refuse;
use super::resolve::{defaults, resolve_written, written};
use super::same_file::same_files;
use crate::args::{NamedFile, PruneArgs, given};
use crate::config::{ConfigError, Resolved};
use crate::exit_code;
use crate::interrupt::Interrupt;
use crate::output::{
    OutputFile, Paint, Problem, PruneOutcome, Status, again, ask_hosts, choose_colour, counted, is_stdout,
    print_json, print_lines, say, warn,
};
use crate::state_file;

/// Finds, reports and, if asked to, deletes; returns the exit status.
pub(crate) async fn run(args: PruneArgs) -> u8 {
    choose_colour(args.show.color);
    let args = PruneArgs { config: args.config.clone().of_verb("prune"), ..args };
    let (resolved, guards) = match to_do(&args) {
        Ok(to_do) => to_do,
        Err(errors) => return refuse(&errors),
    };
    let list = NamedFile::all([("--undo-list", args.undo_list.as_deref())]);
    if let Some(problem) = same_files(&args.config.files(), &list).first() {
        return cannot_write(problem);
    }
    let undo = match given(args.undo_list.as_deref()).map(open_undo_list).transpose() {
        Ok(undo) => undo,
        Err(problem) => return cannot_write(&problem),
    };
    if args.json && undo.as_ref().is_some_and(OutputFile::is_stdout) {
        return cannot_write(
            "--json and --undo-list cannot both be written to stdout: name a file for the list",
        );
    }
    resolved.warnings.iter().for_each(|warning| warn(warning));
    let listed = Arc::new(Listed::default());
    let shown = listed.clone();
    let status = Status::begin(move || shown.words(), ask_hosts(&resolved.registries));
    let told = status.clone();
    let interrupt = Interrupt::listen(move || told.tell());
    let state =
        state_file::open_for_prune(args.state.as_deref(), args.no_state, |name| std::env::var(name).ok());
    let options = Options::new(args.proc, args.retries.retries);
    let rules = rules(resolved, &guards);
    let count = rules.len();
    let prune = Prune { rules, options, state: state.clone() };
    let plan = prune.look(listed, interrupt.cancel.clone()).await;
    let outcome = carry_out(plan, &args, undo, (&status, &interrupt)).await;
    state_file::close(&state);
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(problem) => return cannot_write(&problem),
    };
    show(&outcome, &args);
    interrupt.exit_code().unwrap_or_else(|| outcome.status(count))
}

/// All rules of the config, and the guards of rules with `prune`, by their places.
fn to_do(args: &PruneArgs) -> Result<(Resolved, HashMap<usize, Guards>), Vec<ConfigError>> {
    let written = written(&args.config, &args.reach)?;
    if let Some(name) = &args.only.only {
        written.knows(name).map_err(|error| vec![error])?;
    }
    let guards = written.guards(args.only.only.as_deref(), args.max_delete);
    if guards.is_empty() {
        let which = match &args.only.only {
            Some(name) => format!("the rule `{name}` does not have the key `prune`"),
            None => "no rule of the config has the key `prune`".to_owned(),
        };
        let error = ConfigError::new(format!("{which}, so that nothing is to be deleted"));
        return Err(vec![error.help("write `prune: {}` in a rule of `sync`, or in `defaults`")]);
    }
    let resolved = resolve_written(written, defaults(&args.config))?;
    // The selection of a refused rule is unknown, so no tag can be known to be gone.
    match &resolved.refused[..] {
        [] => Ok((resolved, guards)),
        refused => Err(refused.iter().map(|refused| refused.error.clone()).collect()),
    }
}

fn rules(resolved: Resolved, guards: &HashMap<usize, Guards>) -> Vec<(Work, Option<Guards>)> {
    let one = resolved.rules.into_iter().map(|rule| (rule.written.order, Work::from(rule.rule)));
    let many = resolved.patterns.into_iter().map(|rule| (rule.written.order, Work::from(rule.rule)));
    let mut all: Vec<_> = one.chain(many).collect();
    all.sort_by_key(|(order, _)| *order);
    all.into_iter().map(|(order, work)| (work, guards.get(&order).copied())).collect()
}

async fn carry_out(
    plan: PrunePlan,
    args: &PruneArgs,
    undo: Option<OutputFile>,
    (status, interrupt): (&Status, &Interrupt),
) -> Result<PruneOutcome, String> {
    let outcome = PruneOutcome::shown(&plan);
    if !args.apply {
        return Ok(outcome);
    }
    if plan.refused.is_some() {
        return Ok(outcome.refuse());
    }
    if let Some(undo) = undo {
        write_undo_list(&undo, &plan.undo_lines())?;
    }
    let (all, progress) =
        (plan.candidates().iter().filter(|candidate| candidate.is_due()).count(), plan.progress.clone());
    status.becomes(move || deleting(all, progress.now()));
    Ok(outcome.became(plan.carry_out(interrupt.cancel.clone()).await))
}

/// The progress of a deletion.
fn deleting(all: usize, (gone, kept): (usize, usize)) -> String {
    let kept = if kept > 0 { format!(", {kept} kept") } else { String::new() };
    format!("{gone} of {all} deleted{kept}")
}

/// Opened for appending: the entries of earlier runs may still be needed.
fn open_undo_list(path: &Path) -> Result<OutputFile, String> {
    OutputFile::open_end(path)
        .map_err(|error| format!("the undo list {} cannot be written: {error}", path.display()))
}

/// Writes the tags to the undo list before they are deleted, and flushes it to disk in case the machine dies.
fn write_undo_list(undo: &OutputFile, lines: &[String]) -> Result<(), String> {
    let path = undo.path.clone();
    let failed = |error: std::io::Error| {
        format!("the undo list {} cannot be written, so nothing was deleted: {error}", path.display())
    };
    undo.write(&|writer| lines.iter().try_for_each(|line| writeln!(writer, "{line}"))).map_err(failed)?;
    if !is_stdout(&path) && path.is_file() {
        std::fs::File::open(&path).and_then(|file| file.sync_all()).map_err(failed)?;
    }
    Ok(())
}

fn show(outcome: &PruneOutcome, args: &PruneArgs) {
    if args.json {
        print_json(&outcome.document());
    } else if args.undo_list.as_deref().is_none_or(|path| !is_stdout(path)) {
        print_lines(outcome.lines().into_iter());
    }
    for host in outcome.off() {
        warn(&format!("{host}: deletion is off at this registry"));
    }
    for Problem { text, help } in outcome.problems() {
        say(&format!("{}: {text}", Paint::for_stderr().red("error")));
        if let Some(help) = help {
            say(&format!("  help: {help}"));
        }
    }
    if let Some(summary) = outcome.summary().filter(|_| !args.show.quiet) {
        say(&summary);
    }
}

fn cannot_write(problem: &str) -> u8 {
    say(&format!("{}: {problem}", Paint::for_stderr().red("error")));
    exit_code::USAGE
}

/// Prints notes about listings, and counts them.
#[derive(Default)]
struct Listed {
    tags: AtomicUsize,
    is_all: AtomicBool,
}

impl Listed {
    fn words(&self) -> String {
        let tags = self.tags.load(Ordering::Relaxed);
        let tags = counted(tags as u64, "tag", "tags");
        if self.is_all.load(Ordering::Relaxed) {
            format!("{tags} listed, reading what the targets have")
        } else {
            format!("listing: {tags} so far")
        }
    }
}

impl Observer for Listed {
    fn event(&self, _: &Stamp, event: &Event) {
        match event {
            Event::TagsListed { tags, .. } => _ = self.tags.fetch_add(*tags, Ordering::Relaxed),
            Event::AllPlanned => self.is_all.store(true, Ordering::Relaxed),
            Event::Note { place, text } => warn(&format!("{place}: {text}")),
            Event::InvalidTag { source, tag } => {
                warn(&format!("{source}: `{tag}` is listed, and is no tag"));
            }
            Event::RetryingList { source, error, wait } => {
                say(&again(source, error, *wait, Paint::for_stderr()));
            }
            _ => {}
        }
    }
}
