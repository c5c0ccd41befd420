//! The synopsis of a command: its flags with their values, and its arguments.

use clap::builder::ValueRange;
use clap::{Arg, Command};
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

/// The section.
pub(super) fn synopsis(command: &Command) -> Roff {
    let mut line = vec![bold(command.get_bin_name().unwrap_or(command.get_name()))];
    let shown = || command.get_arguments().filter(|arg| !arg.is_hide_set());
    for flag in shown().filter(|arg| !arg.is_positional() && arg.get_long() != Some("help")) {
        line.extend(bracketed(flag, self::flag(flag)));
    }
    for positional in shown().filter(|arg| arg.is_positional()) {
        line.extend(bracketed(positional, vec![value(positional)]));
    }
    if command.has_subcommands() {
        line.extend([roman(" "), italic("COMMAND")]);
    }
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    roff.extend([unbroken(line)]);
    roff
}

/// A paragraph in which no flag or page name is broken at a line end, so that it can be searched and copied.
pub(super) fn unbroken(words: Vec<Inline>) -> Roff {
    let mut roff = Roff::new();
    roff.control("nh", []).control("ad", ["l"]).text(words).control("hy", []).control("ad", []);
    roff
}

/// Puts optional arguments in brackets.
fn bracketed(arg: &Arg, words: Vec<Inline>) -> Vec<Inline> {
    let (open, close) = if arg.is_required_set() { (" ", "") } else { (" [", "]") };
    [roman(open)].into_iter().chain(words).chain([roman(close)]).collect()
}

fn flag(arg: &Arg) -> Vec<Inline> {
    let long = arg.get_long().map(|long| format!("--{long}"));
    let short = arg.get_short().map(|short| format!("-{short}"));
    let names: Vec<_> = short.into_iter().chain(long).collect();
    let mut words = vec![bold(names.join("|"))];
    let takes = arg.get_num_args().filter(ValueRange::takes_values);
    match takes.map(|number| number.min_values()) {
        None => {}
        Some(0) => words.extend([roman("[="), value(arg), roman("]")]),
        Some(_) => words.extend([roman(" "), value(arg)]),
    }
    words
}

fn value(arg: &Arg) -> Inline {
    let names = arg.get_value_names().map_or_else(|| arg.get_id().to_string(), |names| names.join(" "));
    let is_many = arg.get_num_args().is_some_and(|number| number.max_values() > 1);
    italic(if is_many { format!("{names}...") } else { names })
}
