//! The whole command line as one: for the list of verbs, for shells, for manual pages, and for whoever looks for the verb
//! that has a flag.

use std::fmt::Write as _;

use clap::{Command, CommandFactory as _};

use super::acr::AcrArgs;
use super::check::CheckArgs;
use super::completions::CompletionsArgs;
use super::copy::CopyArgs;
use super::demo::DemoArgs;
use super::expand::ExpandArgs;
use super::explain::ExplainArgs;
use super::fleet::WorkerArgs;
use super::import::ImportArgs;
use super::look::{DigestArgs, InspectArgs, ReposArgs, TagsArgs};
use super::man::ManArgs;
use super::old::OldArgs;
use super::plan::{ApplyArgs, PlanArgs};
use super::prune::PruneArgs;
use super::report::ReportArgs;
use super::schema::SchemaArgs;
use super::sync::SyncArgs;
use super::verify::VerifyArgs;

/// What verbs are for, and which ones. Each stands here once.
const GROUPS: [(&str, &[&str]); 4] = [
    ("Copy", &["sync", "copy", "plan", "apply", "worker"]),
    ("Prove", &["check", "verify", "explain", "report", "prune"]),
    ("Look", &["expand", "inspect", "digest", "tags", "repos"]),
    ("Set up", &["import", "acr", "schema", "completions", "man", "demo"]),
];

/// The command of each verb, by its name.
pub(super) fn verbs() -> Vec<Command> {
    let verbs = [
        SyncArgs::command(),
        CopyArgs::command(),
        PlanArgs::command(),
        ApplyArgs::command(),
        CheckArgs::command(),
        VerifyArgs::command(),
        ExplainArgs::command(),
        ReportArgs::command(),
        PruneArgs::command(),
        ExpandArgs::command(),
        InspectArgs::command(),
        DigestArgs::command(),
        TagsArgs::command(),
        ReposArgs::command(),
        ImportArgs::command(),
        AcrArgs::command(),
        SchemaArgs::command(),
        CompletionsArgs::command(),
        ManArgs::command(),
        DemoArgs::command(),
        WorkerArgs::command(),
    ];
    let named = |verb: Command| {
        let name = verb.get_name().rsplit(' ').next().unwrap_or_default().to_owned();
        verb.name(name)
    };
    verbs.into_iter().map(named).collect()
}

/// All of it: the flags of the form without a verb, and the verbs.
pub(crate) fn program() -> Command {
    OldArgs::command().disable_help_subcommand(true).subcommands(verbs())
}

/// The form without a verb, whose help lists the verbs.
pub(super) fn old() -> Command {
    let verbs = verbs();
    let mut list = String::new();
    for (heading, names) in GROUPS {
        let _ = writeln!(list, "{heading}:");
        for name in names {
            let about = verbs.iter().find(|verb| verb.get_name() == *name).and_then(Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(list, "  {name:<12} {about}");
        }
        list.push('\n');
    }
    OldArgs::command().help_template(format!(
        "{{about}}\n\n{{usage-heading}} {{usage}}\n\n{list}{{all-args}}{{after-help}}"
    ))
}

#[cfg(test)]
mod tests {
    use super::super::word::VERBS;
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        program().debug_assert();
        old().debug_assert();
        verbs().into_iter().for_each(Command::debug_assert);
    }

    #[test]
    fn every_verb_is_listed_once() {
        let sorted = |names: Vec<&str>| {
            let mut names: Vec<_> = names.into_iter().map(str::to_owned).collect();
            names.sort();
            names
        };
        let verbs = verbs();
        let commands = sorted(verbs.iter().map(Command::get_name).collect());
        assert_eq!(commands, sorted(VERBS.to_vec()));
        assert_eq!(commands, sorted(GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect()));
    }
}
