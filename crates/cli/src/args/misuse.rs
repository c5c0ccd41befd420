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

/// Tells an error of clap's. `command` is the verb's, `args` are what was typed.
pub(super) fn told(error: &Error, command: &Command, args: &[String]) -> Refusal {
    let command = deepest(command, args);
    let place = place(command);
    let arg = shown(&texts(error, ContextKind::InvalidArg));
    let value = texts(error, ContextKind::InvalidValue).concat();
    match error.kind() {
        ErrorKind::UnknownArgument => unknown(&texts(error, ContextKind::InvalidArg).concat(), command, args),
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
            let usage = usage(command);
            // Which flags are needed may depend on others: the usage does not have those.
            let next = if usage.contains(&arg) { usage } else { format!("add `{arg}`") };
            Refusal { problem: format!("`{place}` lacks {arg}"), next: Some(next) }
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
        _ => Refusal { problem: first_line(error), next: Some(usage(command)) },
    }
}

/// A flag or word that a command does not have.
fn unknown(typed: &str, command: &Command, args: &[String]) -> Refusal {
    let place = place(command);
    let Some(name) = typed.strip_prefix("--") else {
        return match typed.strip_prefix('-') {
            Some(_) => unknown_letter(typed, command, args),
            None => one_too_many(typed, command, args),
        };
    };
    let problem = format!("`{place}` has no flag `{typed}`");
    let (own, verbs) = (flags(command), program::verbs());
    let have_it: Vec<String> = verbs
        .iter()
        .filter(|verb| flags(verb).contains(&name))
        .map(|verb| format!("`{}`", verb.get_name()))
        .collect();
    let next = if VERBS.contains(&name) {
        format!("verbs have no dashes, and stand first: `image-syncer {name}`")
    } else if !have_it.is_empty() {
        let more = if have_it.len() > NAMED { " and others" } else { "" };
        let names = have_it[..have_it.len().min(NAMED)].join(", ");
        format!("it is a flag of {names}{more}")
    } else if let Some(near) = nearest(name, &own) {
        format!("did you mean `--{near}`?")
    } else if let Some((verb, near)) = verbs
        .iter()
        .filter(|_| name.len() >= LONG)
        .find_map(|verb| Some((verb.get_name(), nearest(name, &flags(verb))?)))
    {
        format!("did you mean `--{near}`, which is a flag of `{verb}`?")
    } else {
        format!("`{place} -h` shows its flags")
    };
    Refusal { problem, next: Some(next) }
}

/// `-x`, or a long flag behind one dash, as Go's own flags have it.
fn unknown_letter(typed: &str, command: &Command, args: &[String]) -> Refusal {
    let place = place(command);
    let own = flags(command);
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

fn one_too_many(typed: &str, command: &Command, args: &[String]) -> Refusal {
    if place(command) == "image-syncer" {
        return word::unknown(typed);
    }
    let has_config = args.iter().any(|arg| arg == "--config" || arg.starts_with("--config="));
    let next = if Path::new(typed).is_file() && flags(command).contains(&"config") && !has_config {
        format!("a file is named by a flag: `--config {typed}`")
    } else {
        usage(command)
    };
    Refusal { problem: format!("`{typed}` is a word too many for `{}`", place(command)), next: Some(next) }
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

/// The command that the words lead to: `setup` of `acr setup`.
fn deepest<'a>(command: &'a Command, args: &[String]) -> &'a Command {
    let below = args.iter().skip(1).find(|arg| !arg.starts_with('-'));
    match below.and_then(|name| command.find_subcommand(name)) {
        Some(below) => below,
        None => command,
    }
}

/// What is typed for it.
fn place(command: &Command) -> String {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    if name.starts_with("image-syncer") { name.to_owned() } else { format!("image-syncer acr {name}") }
}

/// The long names of its flags, but for those that nobody needs any more.
fn flags(command: &Command) -> Vec<&str> {
    command
        .get_arguments()
        .filter(|arg| !arg.is_hide_set())
        .filter_map(Arg::get_long)
        .chain(["help"])
        .collect()
}

/// How it is typed, with all that it must have.
fn usage(command: &Command) -> String {
    let mut words = vec![place(command)];
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
    format!("write `{}`; `{} -h` shows its flags", words.join(" "), place(command))
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
    args.join(", ").replace(['<', '>'], "")
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
