//! What is said of flags and words that a verb does not take: in our own words, with what was most likely meant.

use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, Error};

use super::program;
use super::refusal::Refusal;
use super::word::{self, VERBS};
use crate::nearest::nearest;

/// So many verbs are named that have a flag.
const NAMED: usize = 4;
/// Shorter names are near to too many others to be a slip for a flag of another verb.
const LONG: usize = 5;
/// The program's alone: verbs have none of their own.
const VERSION: &str = "version";

/// Tells an error of clap's. `command` is the verb's, `args` are what was typed.
pub(super) fn told(error: &Error, command: &Command, args: &[String]) -> Refusal {
    let typed = deepest(command, args);
    let (command, place) = (typed.command, typed.place.clone());
    let arg = shown(&texts(error, ContextKind::InvalidArg));
    let value = texts(error, ContextKind::InvalidValue).concat();
    match error.kind() {
        ErrorKind::UnknownArgument => unknown(&texts(error, ContextKind::InvalidArg).concat(), &typed, args),
        ErrorKind::InvalidValue if value.is_empty() => Refusal {
            problem: format!("`{}` is given without a value", flag(&arg)),
            next: Some(format!("write `{arg}`")),
        },
        ErrorKind::InvalidValue => no_value(&place, &arg, &value, &texts(error, ContextKind::ValidValue)),
        ErrorKind::ValueValidation => {
            let why = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            let between = if arg.contains("[=") { "=" } else { " " };
            Refusal { problem: format!("`{}{between}{value}`: {why}", flag(&arg)), next: None }
        }
        ErrorKind::InvalidSubcommand => {
            no_subcommand(&place, &texts(error, ContextKind::InvalidSubcommand).concat(), command)
        }
        ErrorKind::MissingRequiredArgument => {
            let missing: Vec<String> =
                texts(error, ContextKind::InvalidArg).iter().map(|arg| without_brackets(arg)).collect();
            lacks(&missing, command, &place)
        }
        ErrorKind::ArgumentConflict => {
            let prior = shown(&texts(error, ContextKind::PriorArg));
            let problem = if flag(&prior) == flag(&arg) || prior.is_empty() {
                format!("`{}` is given twice", flag(&arg))
            } else {
                format!("`{}` and `{}` exclude each other", flag(&arg), flag(&prior))
            };
            Refusal { problem, next: Some("leave one of them out".to_owned()) }
        }
        ErrorKind::TooManyValues => Refusal {
            problem: format!("`{}` takes no value", flag(&arg)),
            next: Some(format!("write `{}` alone", flag(&arg))),
        },
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
            let problem = format!("`{place}` lacks the word that says what to do");
            Refusal { problem, next: Some(format!("write {}", or(&names))) }
        }
        _ => Refusal { problem: first_line(error), next: Some(usage(command, &place)) },
    }
}

/// What must be typed, and is not.
fn lacks(missing: &[String], command: &Command, place: &str) -> Refusal {
    let usage = usage(command, place);
    // Which flags are needed may depend on others: the usage does not have those.
    let next = if missing.iter().all(|arg| usage.contains(arg)) {
        usage
    } else {
        format!("add `{}`, or leave out what needs it", missing.join(" "))
    };
    Refusal { problem: format!("`{place}` lacks {}", all(missing)), next: Some(next) }
}

/// A flag or word that a command does not have.
fn unknown(typed: &str, of: &Typed<'_>, args: &[String]) -> Refusal {
    let place = &of.place;
    let Some(name) = typed.strip_prefix("--") else {
        return match typed.strip_prefix('-') {
            Some(_) => unknown_letter(typed, of, args),
            None => one_too_many(typed, of, args),
        };
    };
    let next = if VERBS.contains(&name) {
        format!("verbs have no dashes, and stand first: `image-syncer {name}`")
    } else {
        who_has(name, of)
            .or_else(|| meant(name, of))
            .unwrap_or_else(|| format!("`{place} -h` shows its flags"))
    };
    Refusal { problem: format!("`{place}` has no flag `{typed}`"), next: Some(next) }
}

/// The verbs that have a flag: those beside this one first, such as `report show` beside `report merge`.
fn who_has(name: &str, of: &Typed<'_>) -> Option<String> {
    let all = program::verbs();
    let mut verbs = with_those_below(&all);
    verbs.sort_by_key(|(verb, _)| !of.is_beside(verb));
    let have_it: Vec<String> = verbs
        .iter()
        .filter(|(_, flags)| flags.contains(&name))
        .map(|(verb, _)| format!("`{verb}`"))
        .collect();
    let more = if have_it.len() > NAMED { " and others" } else { "" };
    let named = have_it[..have_it.len().min(NAMED)].join(", ");
    (!have_it.is_empty()).then(|| format!("it is a flag of {named}{more}"))
}

/// The flag that was most likely meant: the nearest of this verb and of those beside it, or else one of another verb.
fn meant(name: &str, of: &Typed<'_>) -> Option<String> {
    let all = program::verbs();
    let (beside, others): (Vec<_>, Vec<_>) =
        with_those_below(&all).into_iter().partition(|(verb, _)| of.is_beside(verb));
    let own = flags(of.command);
    let beside_it = beside.iter().flat_map(|(_, flags)| flags.clone());
    let near: Vec<&str> = own.iter().copied().chain(beside_it).chain([VERSION]).collect();
    let of_verb = |verbs: &[(String, Vec<&str>)], near: &str| {
        let (verb, _) = verbs.iter().find(|(_, flags)| flags.contains(&near))?;
        Some(format!("did you mean `--{near}`, which is a flag of `{verb}`?"))
    };
    match nearest(name, &near) {
        Some(near) if own.contains(&near) => Some(format!("did you mean `--{near}`?")),
        Some(VERSION) => Some(format!("did you mean `image-syncer --{VERSION}`?")),
        Some(near) => of_verb(&beside, near),
        None if name.len() >= LONG => {
            others.iter().find_map(|(_, flags)| of_verb(&others, nearest(name, flags)?))
        }
        None => None,
    }
}

/// Each verb by its name, and each below a verb, with its flags.
fn with_those_below(verbs: &[Command]) -> Vec<(String, Vec<&str>)> {
    let mut all = Vec::new();
    for verb in verbs {
        all.push((verb.get_name().to_owned(), flags(verb)));
        let below = verb.get_subcommands();
        all.extend(below.map(|below| (format!("{} {}", verb.get_name(), below.get_name()), flags(below))));
    }
    all
}

/// `-x`, or a long flag behind one dash, as Go's own flags have it.
fn unknown_letter(typed: &str, of: &Typed<'_>, args: &[String]) -> Refusal {
    let place = &of.place;
    let own = flags(of.command);
    let long = args.iter().find_map(|arg| {
        let name = arg.strip_prefix('-')?.split('=').next()?;
        (arg.starts_with(typed) && own.contains(&name)).then(|| name.to_owned())
    });
    let next = match long {
        Some(name) => format!("did you mean `--{name}`, with two dashes?"),
        None => format!("`{place} -h` shows its flags"),
    };
    Refusal { problem: format!("`{place}` has no flag `{typed}`"), next: Some(next) }
}

fn one_too_many(typed: &str, of: &Typed<'_>, args: &[String]) -> Refusal {
    if of.place == "image-syncer" {
        return word::unknown(typed);
    }
    let has_config = args.iter().any(|arg| arg == "--config" || arg.starts_with("--config="));
    let next = if Path::new(typed).is_file() && flags(of.command).contains(&"config") && !has_config {
        format!("a file is named by a flag: `--config {typed}`")
    } else {
        usage(of.command, &of.place)
    };
    Refusal { problem: format!("`{typed}` is a word too many for `{}`", of.place), next: Some(next) }
}

fn no_value(place: &str, arg: &str, value: &str, valid: &[String]) -> Refusal {
    let problem = match arg.strip_prefix("--") {
        Some(_) => format!("`{value}` is no value of `{}`", flag(arg)),
        None => format!("`{place}` knows no `{value}`"),
    };
    let valid: Vec<&str> = valid.iter().map(String::as_str).collect();
    let next = match nearest(value, &valid) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("write {}", or(&valid)),
    };
    Refusal { problem, next: Some(next) }
}

fn no_subcommand(place: &str, typed: &str, command: &Command) -> Refusal {
    let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
    let next = match nearest(typed, &names) {
        Some(meant) => format!("did you mean `{place} {meant}`?"),
        None => format!("write {}", or(&names)),
    };
    Refusal { problem: format!("`{place}` knows no `{typed}`"), next: Some(next) }
}

/// A command, with what is typed for it.
struct Typed<'a> {
    command: &'a Command,
    place: String,
}

impl Typed<'_> {
    /// Whether this one and another, such as `report show`, stand below the same verb.
    fn is_beside(&self, other: &str) -> bool {
        let below = |typed: &str| typed.split_once(' ').map(|(verb, _)| verb.to_owned());
        let own = self.place.strip_prefix("image-syncer ").and_then(below);
        own.is_some() && own == below(other)
    }
}

/// The command that the words lead to: `setup` of `acr setup`.
fn deepest<'a>(command: &'a Command, args: &[String]) -> Typed<'a> {
    let place = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    let below = args.iter().skip(1).find(|arg| !arg.starts_with('-'));
    match below.and_then(|name| command.find_subcommand(name)) {
        Some(below) => Typed { command: below, place: format!("{place} {}", below.get_name()) },
        None => Typed { command, place },
    }
}

/// The long names of its flags, but for those that nobody needs any more.
fn flags(command: &Command) -> Vec<&str> {
    command
        .get_arguments()
        .filter(|arg| !arg.is_hide_set())
        .filter_map(Arg::get_long)
        .chain(["help"])
        .chain(command.get_version().map(|_| VERSION))
        .collect()
}

/// How it is typed, with all that it must have.
fn usage(command: &Command, place: &str) -> String {
    let mut words = vec![place.to_owned()];
    for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
        let name = arg.get_value_names().unwrap_or_default().join(" ");
        let more = if arg.get_num_args().is_some_and(|number| number.max_values() > 1) { "..." } else { "" };
        match (arg.get_long(), arg.is_required_set()) {
            (None, true) if arg.is_positional() => words.push(format!("{name}{more}")),
            (None, false) if arg.is_positional() => words.push(format!("[{name}{more}]")),
            (Some(long), true) => words.push(format!("--{long} {name}")),
            _ => {}
        }
    }
    format!("write `{}`; `{place} -h` shows its flags", words.join(" "))
}

fn texts(error: &Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

/// Names of values as the documentation has them: `--config FILE`, not `--config <FILE>`.
fn shown(args: &[String]) -> String {
    without_brackets(&args.join(", "))
}

fn without_brackets(arg: &str) -> String {
    arg.replace(['<', '>'], "")
}

fn all(words: &[String]) -> String {
    match words {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => words.concat(),
    }
}

/// The flag, or the word, alone.
fn flag(arg: &str) -> String {
    match arg.strip_prefix('-') {
        Some(_) => arg.split([' ', '[']).next().unwrap_or(arg).trim_end_matches('=').to_owned(),
        None => arg.replace(['[', ']'], ""),
    }
}

fn or(words: &[&str]) -> String {
    match words {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => words.concat(),
    }
}

fn first_line(error: &Error) -> String {
    let text = error.render().to_string();
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
