//! Colour, where it is wanted: on a terminal and without `NO_COLOR`.

use std::io::IsTerminal as _;

/// Whether stderr takes colour.
#[derive(Clone, Copy)]
pub(crate) struct Paint(bool);

impl Paint {
    pub(crate) fn for_stderr() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self(std::io::stderr().is_terminal() && !refused)
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

/// All that [`Paint`] writes around texts.
const CODES: [&str; 5] = ["\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m", "\u{1b}[1m", "\u{1b}[0m"];

/// The text with everything between our own codes changed by `edit`; without colour there are none.
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
