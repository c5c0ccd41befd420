//! Colours: decided by `--color`, else by the environment, else by whether the output is a terminal.

use std::io::IsTerminal as _;
use std::sync::OnceLock;

use clap::ValueEnum;

/// What `--color` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    Auto,
    Always,
    Never,
}

static CHOSEN: OnceLock<bool> = OnceLock::new();

/// Decides once for the whole process.
pub(crate) fn choose(colour: Colour) {
    let _ = CHOSEN.set(decide(colour, |name| std::env::var(name).ok(), std::io::stderr().is_terminal()));
}

/// See <https://no-color.org>, <https://force-color.org> and <https://bixense.com/clicolors>.
fn decide(colour: Colour, lookup: impl Fn(&str) -> Option<String>, is_terminal: bool) -> bool {
    let says = |name: &str| lookup(name).is_some_and(|value| !value.is_empty());
    let forces = |name: &str| says(name) && lookup(name).as_deref() != Some("0");
    match colour {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto if says("NO_COLOR") => false,
        Colour::Auto if forces("FORCE_COLOR") || forces("CLICOLOR_FORCE") => true,
        Colour::Auto if lookup("CLICOLOR").as_deref() == Some("0") => false,
        Colour::Auto => is_terminal && lookup("TERM").as_deref() != Some("dumb"),
    }
}

/// Whether stderr is coloured.
#[derive(Clone, Copy)]
pub(crate) struct Paint(bool);

impl Paint {
    pub(crate) fn for_stderr() -> Self {
        choose(Colour::Auto);
        Self(CHOSEN.get().copied().unwrap_or_default())
    }

    #[cfg(test)]
    pub(crate) fn never() -> Self {
        Self(false)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// All escape codes that [`Paint`] writes.
const CODES: [&str; 5] = ["\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m", "\u{1b}[1m", "\u{1b}[0m"];

/// The text with everything between our own codes changed by `edit`; without colour the text has no codes.
pub(super) fn around(text: &str, edit: impl Fn(&str) -> String) -> String {
    if !Paint::for_stderr().0 {
        return edit(text);
    }
    let (mut edited, mut rest) = (String::new(), text);
    while let Some((start, code)) =
        CODES.iter().filter_map(|code| Some((rest.find(code)?, *code))).min_by_key(|(start, _)| *start)
    {
        edited.extend([&*edit(&rest[..start]), code]);
        rest = &rest[start + code.len()..];
    }
    edited + &edit(rest)
}

/// The text without our own codes.
pub(super) fn without(text: &str) -> String {
    CODES.iter().fold(text.to_owned(), |text, code| text.replace(code, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_beats_the_environment_and_that_the_terminal() {
        let is_coloured = |colour, variables: &[(&str, &str)], is_terminal| {
            let found = |name: &str| variables.iter().find(|(known, _)| *known == name);
            decide(colour, |name| found(name).map(|(_, value)| (*value).to_owned()), is_terminal)
        };
        let (no, force, dumb) = (("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1"), ("TERM", "dumb"));
        assert!(is_coloured(Colour::Auto, &[], true) && !is_coloured(Colour::Auto, &[], false));
        assert!(is_coloured(Colour::Always, &[no, dumb], false));
        assert!(!is_coloured(Colour::Never, &[force], true));
        assert!(is_coloured(Colour::Auto, &[force, dumb], false));
        assert!(!is_coloured(Colour::Auto, &[no, force], true));
        assert!(!is_coloured(Colour::Auto, &[dumb], true));
        assert!(!is_coloured(Colour::Auto, &[("CLICOLOR_FORCE", "0")], false));
        assert!(is_coloured(Colour::Auto, &[("NO_COLOR", "")], true));
        let (forced, unwanted) = (("FORCE_COLOR", "1"), ("CLICOLOR", "0"));
        assert!(
            is_coloured(Colour::Auto, &[forced], false) && !is_coloured(Colour::Auto, &[no, forced], true)
        );
        assert!(!is_coloured(Colour::Auto, &[("FORCE_COLOR", "0")], false));
        assert!(
            !is_coloured(Colour::Auto, &[unwanted], true)
                && is_coloured(Colour::Auto, &[unwanted, force], true)
        );
        assert!(is_coloured(Colour::Auto, &[("CLICOLOR", "1")], true));
    }
}
