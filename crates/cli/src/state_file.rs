//! The state file: what an interrupted run leaves for the next.

use std::path::{Path, PathBuf};

use sync::state::Found;
use sync::{State, StateError};

use crate::args::{RunArgs, given};
use crate::diagnostic::with_sources;
use crate::output::warn;

/// Opens the state; a dry run opens it read-only. If it cannot be used, a warning says so, and the run has no state.
pub(crate) fn open(args: &RunArgs, lookup: impl Fn(&str) -> Option<String>) -> State {
    let goes_on = if args.dry_run { DRY_RUN_GOES_ON } else { RUN_GOES_ON };
    let (state, warning) = open_or_say_why_not(args, lookup, goes_on);
    if let Some(warning) = warning {
        warn(&warning);
    }
    state
}

/// Opens the state for a coordinator. A warning is returned, not printed: it applies only if this process plans the run, since one that
/// joins a run does not use the state.
#[cfg(feature = "fleet")]
pub(crate) fn open_for_coordinator(
    args: &RunArgs,
    lookup: impl Fn(&str) -> Option<String>,
) -> (State, Option<String>) {
    open_or_say_why_not(args, lookup, COORDINATOR_GOES_ON)
}

/// Opens the state for a worker. Several workers and a coordinator may share a machine: without `--state`, each worker takes the first
/// workers' file that is not in use.
#[cfg(feature = "fleet")]
pub(crate) fn open_for_worker(args: &RunArgs, lookup: impl Fn(&str) -> Option<String>) -> State {
    if args.no_state || given(args.state.as_deref()).is_some() {
        return open(args, lookup);
    }
    let Some(folder) = default_folder(lookup) else { return State::none() };
    let mut number = 1;
    loop {
        let path = folder.join(worker_file(number));
        match open_or_move_aside(&path) {
            Err(StateError::InUse) if number < WORKERS => number += 1,
            opened => {
                let (state, warning) = or_none(opened, &path, RUN_GOES_ON);
                if let Some(warning) = warning {
                    warn(&warning);
                }
                return state;
            }
        }
    }
}

/// The most workers on a machine that get separate files.
#[cfg(feature = "fleet")]
const WORKERS: usize = 64;

#[cfg(feature = "fleet")]
fn worker_file(number: usize) -> String {
    if number == 1 { "worker.redb".to_owned() } else { format!("worker-{number}.redb") }
}

fn open_or_say_why_not(
    args: &RunArgs,
    lookup: impl Fn(&str) -> Option<String>,
    goes_on: &str,
) -> (State, Option<String>) {
    if args.no_state {
        return (State::none(), None);
    }
    let Some(path) = given(args.state.as_deref()).map(Path::to_owned).or_else(|| default_path(lookup)) else {
        return (State::none(), None);
    };
    let opened = if args.dry_run { State::read(&path) } else { open_or_move_aside(&path) };
    or_none(opened, &path, goes_on)
}

/// The state; if the file cannot be used, no state and a warning.
fn or_none(opened: Result<State, StateError>, path: &Path, goes_on: &str) -> (State, Option<String>) {
    match opened {
        Ok(state) => (state, None),
        Err(error) => {
            let warning = format!("{} is not used: {}. {goes_on}", path.display(), with_sources(&error));
            (State::none(), Some(warning))
        }
    }
}

const RUN_GOES_ON: &str = "This run copies as ever, but if it is killed, the next one cannot go on in the middle of a \
                           blob. Write --state FILE for another file, or --no-state to go without";

#[cfg(feature = "fleet")]
const COORDINATOR_GOES_ON: &str = "This run is planned without it, which asks registries for more. Write --state FILE for \
                                   another file, or --no-state to go without";

const DRY_RUN_GOES_ON: &str = "This run goes without: tags whose age only that file tells are held back, and what \
                               registries refused before is not known";

fn open_or_move_aside(path: &Path) -> Result<State, StateError> {
    let (state, found) = State::open(path)?;
    if let Found::Damaged(aside) = found {
        warn(&damaged(path, &aside));
    }
    Ok(state)
}

/// Opens the state for `prune`, which deletes only what has been gone for long enough.
pub(crate) fn open_for_prune(
    path: Option<&Path>,
    no_state: bool,
    lookup: impl Fn(&str) -> Option<String>,
) -> State {
    let path = given(path).map(Path::to_owned).or_else(|| default_path(lookup));
    let Some(path) = path.filter(|_| !no_state) else { return State::none() };
    open_or_move_aside(&path).unwrap_or_else(|error| {
        warn(&format!("{} is not used: {}. {PRUNE_GOES_ON}", path.display(), with_sources(&error)));
        State::none()
    })
}

const PRUNE_GOES_ON: &str = "Without it nobody knows how long something has been gone: only rules with `grace: 0s` \
                             delete";

/// Writes what is left to write.
pub(crate) fn close(state: &State) {
    if let Err(error) = state.close() {
        warn(&format!("what this run leaves behind was not written down: {}", with_sources(&error)));
    }
}

fn damaged(path: &Path, aside: &Path) -> String {
    format!(
        "{} was damaged: it is {} now, and a new one is begun. Nothing is lost but time",
        path.display(),
        aside.display()
    )
}

fn default_path(lookup: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    Some(default_folder(lookup)?.join("state.redb"))
}

/// XDG Base Directory Specification, "`$XDG_STATE_HOME`": relative paths are ignored.
fn default_folder(lookup: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let given = |name| lookup(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = given("XDG_STATE_HOME").or_else(|| Some(given("HOME")?.join(".local/state")))?;
    Some(folder.join("image-syncer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_where_such_files_belong() {
        let path = |variables: &[(&str, &str)]| {
            let found = |name: &str| variables.iter().find(|(known, _)| *known == name);
            default_path(|name| found(name).map(|(_, value)| (*value).to_owned()))
        };
        let (home, state) = (("HOME", "/home/a"), ("XDG_STATE_HOME", "/var/state"));
        assert_eq!(path(&[home, state]), Some("/var/state/image-syncer/state.redb".into()));
        assert_eq!(path(&[home]), Some("/home/a/.local/state/image-syncer/state.redb".into()));
        assert_eq!(
            path(&[home, ("XDG_STATE_HOME", "state")]),
            Some("/home/a/.local/state/image-syncer/state.redb".into())
        );
        assert_eq!(path(&[]), None);
    }

    #[cfg(feature = "fleet")]
    #[test]
    fn workers_of_a_machine_have_a_file_each_and_the_next_one_goes_on_with_what_one_has_left() {
        use clap::Parser as _;
        let home = tempfile::tempdir().unwrap();
        let lookup = |name: &str| (name == "HOME").then(|| home.path().display().to_string());
        let line = ["image-syncer worker", "--fleet", "nats://127.0.0.1"];
        let args = crate::args::WorkerArgs::try_parse_from(line).unwrap();
        let open = || open_for_worker(&args.job.run, lookup);
        let files = || {
            let folder = std::fs::read_dir(default_folder(lookup).unwrap()).unwrap();
            let mut names: Vec<_> =
                folder.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        let (first, _second) = (open(), open());
        assert_eq!(files(), ["worker-2.redb", "worker.redb"]);
        first.close().unwrap();
        drop(first);
        let _third = open();
        assert_eq!(files(), ["worker-2.redb", "worker.redb"]);
        let _fourth = open();
        assert_eq!(files(), ["worker-2.redb", "worker-3.redb", "worker.redb"]);
    }
}
