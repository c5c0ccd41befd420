//! In which form the progress of a run is told: as `--progress` says, else as the environment does, else as the terminal
//! can take it.

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

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Drawn in place at the end of a terminal.
    Bars,
    /// A line now and then.
    Lines,
    /// A line of JSON for everything that is told.
    Json,
    /// Nothing but failures.
    None,
}

/// Counts while `--progress` is `auto`, as docker buildx has it.
const VARIABLE: &str = "IMAGE_SYNCER_PROGRESS";

/// What stderr is.
#[derive(Clone, Copy)]
struct Stderr {
    is_terminal: bool,
    /// Results on stdout, such as a log, would go to the same terminal.
    is_shared: bool,
}

static CHOSEN: OnceLock<Form> = OnceLock::new();

/// Decides once for the whole program; gives a warning where the environment says something odd.
pub(crate) fn choose(asked: Asked, is_quiet: bool, is_log_on_stdout: bool) -> Option<String> {
    let is_shared = is_log_on_stdout && std::io::stdout().is_terminal();
    let stderr = Stderr { is_terminal: std::io::stderr().is_terminal(), is_shared };
    let (form, warning) = decide(asked, is_quiet, |name| std::env::var(name).ok(), stderr);
    let _ = CHOSEN.set(form);
    if form == Form::Json {
        json_lines::speak();
    }
    warning
}

/// What was chosen.
pub(crate) fn chosen() -> Form {
    CHOSEN.get().copied().unwrap_or(Form::None)
}

fn decide(
    asked: Asked,
    is_quiet: bool,
    lookup: impl Fn(&str) -> Option<String>,
    stderr: Stderr,
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
    let draws = stderr.is_terminal && !stderr.is_shared && lookup("TERM").as_deref() != Some("dumb");
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
        let terminal = Stderr { is_terminal: true, is_shared: false };
        let shared = Stderr { is_shared: true, ..terminal };
        let pipe = Stderr { is_terminal: false, is_shared: false };
        let (xterm, dumb) = (("TERM", "xterm"), ("TERM", "dumb"));
        let set = |value| (VARIABLE, value);
        for (asked, is_quiet, variables, stderr, form, is_odd) in [
            (Asked::Auto, false, &[xterm][..], terminal, Form::Bars, false),
            (Asked::Auto, false, &[], terminal, Form::Bars, false),
            (Asked::Auto, false, &[dumb], terminal, Form::Lines, false),
            (Asked::Bars, false, &[dumb], terminal, Form::Lines, false),
            (Asked::Auto, false, &[xterm], shared, Form::Lines, false),
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
