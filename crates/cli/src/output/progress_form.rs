//! The form of the progress output: decided by `--progress`, else by the environment, else by the terminal.

use std::io::IsTerminal as _;
use std::sync::OnceLock;

use clap::ValueEnum;

use super::json_lines;

/// What `--progress` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Asked {
    Auto,
    Bars,
    Lines,
    Json,
    None,
}

/// The form of the progress output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A picture that is redrawn at the bottom of a terminal.
    Bars,
    /// A status line at intervals.
    Lines,
    /// A line of JSON for every event that is reported.
    Json,
    /// Only warnings and failures.
    None,
}

/// Applies while `--progress` is `auto`, like docker buildx's variable.
const VARIABLE: &str = "IMAGE_SYNCER_PROGRESS";

static CHOSEN: OnceLock<Form> = OnceLock::new();

/// Decides once for the whole process; returns a warning if the environment has an unknown value.
pub(crate) fn choose(asked: Asked, is_quiet: bool) -> Option<String> {
    let is_terminal = std::io::stderr().is_terminal();
    let (form, warning) = decide(asked, is_quiet, |name| std::env::var(name).ok(), is_terminal);
    let _ = CHOSEN.set(form);
    if form == Form::Json {
        json_lines::speak();
    }
    warning
}

/// The chosen form.
pub(crate) fn chosen() -> Form {
    CHOSEN.get().copied().unwrap_or(Form::None)
}

fn decide(
    asked: Asked,
    is_quiet: bool,
    lookup: impl Fn(&str) -> Option<String>,
    is_terminal: bool,
) -> (Form, Option<String>) {
    let set = lookup(VARIABLE).filter(|value| asked == Asked::Auto && !value.is_empty());
    let read = set.as_ref().map(|value| Asked::from_str(value, false));
    let warning = match (&read, set) {
        (Some(Err(_)), Some(value)) => Some(format!(
            "{VARIABLE} is `{value}`, which is none of auto, bars, lines, json and none: it does not count"
        )),
        _ => None,
    };
    let asked = read.and_then(Result::ok).unwrap_or(asked);
    let draws = is_terminal && lookup("TERM").as_deref() != Some("dumb");
    let form = match asked {
        Asked::Json => Form::Json,
        Asked::None => Form::None,
        _ if is_quiet => Form::None,
        Asked::Auto | Asked::Bars if draws => Form::Bars,
        Asked::Auto | Asked::Bars | Asked::Lines => Form::Lines,
    };
    (form, warning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_beats_the_environment_and_that_the_terminal() {
        let (terminal, pipe) = (true, false);
        let (xterm, dumb) = (("TERM", "xterm"), ("TERM", "dumb"));
        let set = |value| (VARIABLE, value);
        for (asked, is_quiet, variables, stderr, form, is_odd) in [
            (Asked::Auto, false, &[xterm][..], terminal, Form::Bars, false),
            (Asked::Auto, false, &[], terminal, Form::Bars, false),
            (Asked::Auto, false, &[dumb], terminal, Form::Lines, false),
            (Asked::Bars, false, &[dumb], terminal, Form::Lines, false),
            (Asked::Auto, false, &[xterm], pipe, Form::Lines, false),
            (Asked::Bars, false, &[xterm], pipe, Form::Lines, false),
            (Asked::Auto, true, &[xterm], terminal, Form::None, false),
            (Asked::Lines, true, &[xterm], terminal, Form::None, false),
            (Asked::Json, true, &[xterm], terminal, Form::Json, false),
            (Asked::None, false, &[xterm], terminal, Form::None, false),
            (Asked::Auto, false, &[set("json")], terminal, Form::Json, false),
            (Asked::Auto, false, &[set("none")], pipe, Form::None, false),
            (Asked::Lines, false, &[set("json")], terminal, Form::Lines, false),
            (Asked::Auto, false, &[set("")], terminal, Form::Bars, false),
            (Asked::Auto, false, &[set("tty")], terminal, Form::Bars, true),
            (Asked::Lines, false, &[set("tty")], terminal, Form::Lines, false),
        ] {
            let found = |name: &str| variables.iter().find(|(known, _)| *known == name);
            let lookup = |name: &str| found(name).map(|(_, value)| (*value).to_owned());
            let (decided, warning) = decide(asked, is_quiet, lookup, stderr);
            assert_eq!((decided, warning.is_some()), (form, is_odd), "{asked:?} {variables:?}");
        }
    }
}
