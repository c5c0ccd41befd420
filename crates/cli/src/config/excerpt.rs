//! The line of a file that an error is about, with a mark under the place. Possible secrets are left out.

use oci::foreign_text::is_plain;

use super::syntax_error::Place;

/// The number of characters that are shown before and after the place.
const WIDTH: usize = 50;

/// The text behind one of these words is not shown: it may be a password, whatever else is wrong with the file.
const SECRET: [&str; 7] = ["pass", "pwd", "secret", "token", "\"auth\"", "proxy", "://"];

/// A part of a line, and the column of the mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Excerpt {
    text: String,
    mark: usize,
    /// Whether the place itself is left out.
    pub(crate) is_hidden: bool,
}

impl Excerpt {
    /// The line at `place`, without parts that must not be shown.
    pub(crate) fn new(text: &str, place: Place) -> Self {
        let mut before = text.lines().take(place.line - 1);
        let mut line = text.lines().nth(place.line - 1).unwrap_or_default();
        let mark = place.column.clamp(1, line.chars().count() + 1) - 1;
        let whole = line;
        if let Some(secret) = secret_part(line) {
            line = &line[..secret];
        } else if before.by_ref().last().is_some_and(|above| goes_on_below(text, place.line, above)) {
            line = "";
        }
        let is_cut = line.len() < whole.len();
        let shown_length = line.chars().count();
        let is_hidden = is_cut && mark >= shown_length;
        let mark = if is_hidden { shown_length } else { mark };
        let first = mark.saturating_sub(WIDTH);
        let mut shown: String = line.chars().skip(first).take(2 * WIDTH).collect();
        let is_long = shown_length > first + 2 * WIDTH;
        if is_cut || is_long {
            shown.push('…');
        }
        let (shown, mark) = if first > 0 { (format!("…{shown}"), mark - first + 1) } else { (shown, mark) };
        Self { text: shown.chars().map(plain).collect(), mark, is_hidden }
    }

    /// Two lines, each with `indent` before it.
    pub(crate) fn lines(&self, line: usize, indent: &str) -> String {
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        format!("{indent}{number} | {}\n{indent}{margin} | {}^", self.text, pad(&self.text, self.mark))
    }
}

/// A printable character of the same width.
fn plain(character: char) -> char {
    match character {
        '\t' => ' ',
        _ if is_plain(character) => character,
        _ => char::REPLACEMENT_CHARACTER,
    }
}

/// Blanks as wide as the first characters of a text: Chinese characters take two columns.
fn pad(text: &str, characters: usize) -> String {
    let width = |character: char| if is_wide(character) { 2 } else { 1 };
    " ".repeat(text.chars().take(characters).map(width).sum())
}

fn is_wide(character: char) -> bool {
    matches!(u32::from(character), 0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd)
}

/// Where the part of a line begins that may be a secret.
fn secret_part(line: &str) -> Option<usize> {
    let lower = line.to_ascii_lowercase();
    let ends = SECRET.iter().filter_map(|word| lower.find(word).map(|start| start + word.len()));
    let mut end = ends.min()?;
    if lower[..end].ends_with("pass") {
        // `pass` may be the beginning of a longer key such as `password`.
        end += line[end..].bytes().take_while(u8::is_ascii_alphabetic).count();
    }
    let rest = &line[end..];
    // The end of the key is shown, so that an error in it is visible.
    let shown = rest.find(|character: char| !matches!(character, '"' | '\'' | ':' | ' ' | '\t'));
    shown
        .map(|shown| end + shown)
        .or_else(|| (!rest.is_empty()).then_some(line.len()))
        .filter(|at| *at < line.len())
}

/// Whether a line may continue a secret that began above it: in a block, or in unclosed quotes.
fn goes_on_below(text: &str, line: usize, above: &str) -> bool {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let here = text.lines().nth(line - 1).unwrap_or_default();
    let is_secret = |line: &str| {
        let lower = line.to_ascii_lowercase();
        SECRET.iter().any(|word| lower.contains(word))
    };
    let is_open = |line: &str| {
        let end = line.trim_end();
        end.ends_with([':', '|', '>', '-', '+'])
            || end.matches('"').count() % 2 == 1
            || end.matches('\'').count() % 2 == 1
    };
    if is_secret(above) && is_open(above) {
        return true;
    }
    let parents = text.lines().take(line - 1).filter(|parent| !parent.trim().is_empty());
    parents
        .filter(|parent| indent(parent) < indent(here))
        .last()
        .is_some_and(|parent| is_secret(parent) && is_open(parent))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::{json, yaml};

    proptest! {
        #[test]
        fn c24_whatever_is_wrong_has_a_place_that_can_be_shown(text in "[ \t\n{}\\[\\]\"':,#/!&*|a-c1：，\u{a0}\\\\]{0,40}") {
            for error in [json::read(&text).err(), yaml::read(&text).err()].into_iter().flatten() {
                let shown = Excerpt::new(&text, error.place).lines(error.place.line, "");
                prop_assert!(error.place.line > 0 && error.place.column > 0 && shown.lines().count() == 2, "{shown}");
            }
        }
    }

    fn shown(text: &str, line: usize, column: usize) -> String {
        Excerpt::new(text, Place { line, column }).lines(line, "")
    }

    #[test]
    fn c24_the_text_itself_with_a_mark() {
        assert_eq!(shown("a: b\nc d\n", 2, 3), "2 | c d\n  |   ^");
        assert_eq!(shown("镜像，", 1, 3), "1 | 镜像，\n  |     ^");
        let long = shown(&"x".repeat(300), 1, 200);
        assert!(long.starts_with("1 | …xxx") && long.contains("x…\n") && long.len() < 250, "{long}");
    }

    #[test]
    fn s3_the_text_itself_obeys_nobody() {
        assert_eq!(shown("\u{1b}[31m\u{202e}a: @", 1, 9), "1 | \u{fffd}[31m\u{fffd}a: @\n  |         ^");
    }

    #[test]
    fn c24_no_secret_is_shown() {
        for (text, line, column) in [
            ("  password: hunter2, x", 1, 20),
            ("  password hunter2", 1, 12),
            ("{\"password\": \"hunter2\" \"insecure\": true}", 1, 24),
            ("password: |\n  hunter2\n", 2, 3),
            ("password:\n\n  hunter2\n", 3, 3),
            ("password: \"a\nhunter2: x\"\n", 2, 1),
            ("{\"r.io\": {\"auth\": \"hunter2\"}}", 1, 3),
            ("  proxy: http://u:hunter2@p.io \"", 1, 32),
            ("r.io: {proxi: http://u:hunter2@p.io", 1, 8),
            ("r.io: {proxi: http://hunter2@p.io", 1, 8),
            ("r.io: {username: u, pass: hunter2, x", 1, 36),
        ] {
            let shown = shown(text, line, column);
            assert!(!shown.contains("hunter2") && shown.contains('…'), "{shown}");
        }
        assert!(Excerpt::new("password: hunter2", Place { line: 1, column: 13 }).is_hidden);
    }
}
