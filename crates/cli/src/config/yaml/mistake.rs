//! Common mistakes in YAML, each with the advice.

use std::borrow::Cow;

use super::super::odd_character;
use super::super::syntax_error::{Place, SyntaxError};

/// YAML's own limit for keys without a `?`, in characters.
const LONGEST_KEY: usize = 1024;

const QUOTES: &str = "put the text in quotes: 'text', with '' for each ' in it";

/// Replaces tabs behind a colon by blanks: libyaml accepts them, our parser does not. Lines with quotes before the tab are left alone: it
/// may be part of a text.
pub(super) fn without_tabs_behind_colons(text: &str) -> Cow<'_, str> {
    if !text.contains(":\t") {
        return Cow::Borrowed(text);
    }
    let line = |line: &str| {
        let colon = line.find(":\t").filter(|colon| !line[..*colon].contains(['"', '\'']));
        let Some(colon) = colon else { return line.to_owned() };
        let (key, rest) = line.split_at(colon + 1);
        let value = rest.trim_start_matches('\t');
        format!("{key}{}{value}", " ".repeat(rest.len() - value.len()))
    };
    Cow::Owned(text.split_inclusive('\n').map(line).collect())
}

/// Finds the mistake near the place where the parser stopped.
pub(super) fn explain(text: &str, error: SyntaxError) -> SyntaxError {
    let line = error.place.line;
    let from = line.saturating_sub(2).max(1);
    let near = text.lines().enumerate().skip(from - 1).take(line + 2 - from);
    let near: Vec<(usize, &str)> = near.map(|(index, text)| (index + 1, text)).collect();
    let first = |find: &dyn Fn(usize, &str) -> Option<SyntaxError>| {
        near.iter().find_map(|(number, text)| find(*number, without_comment(text)))
    };
    let expects_colon = error.reason.contains("simple key expect");
    let found = first(&long_key).filter(|_| expects_colon);
    let found = found.or_else(|| first(&odd)).or_else(|| first(&tab));
    let has_no_colon = expects_colon || error.reason.contains("mapping values are not allowed");
    let found = found.or_else(|| has_no_colon.then(|| without_colon(&near, line)).flatten());
    found.unwrap_or_else(|| in_other_words(at_the_end(text, error)))
}

/// Behind the last line there is no line to show.
fn at_the_end(text: &str, error: SyntaxError) -> SyntaxError {
    let last = text.lines().enumerate().last().filter(|(index, _)| index + 1 < error.place.line);
    let place = last.map(|(index, line)| Place { line: index + 1, column: line.chars().count() + 1 });
    SyntaxError { place: place.unwrap_or(error.place), ..error }
}

fn long_key(line: usize, text: &str) -> Option<SyntaxError> {
    let content = text.trim_start();
    let key = content.split_once(": ").map_or(content.trim_end().strip_suffix(':'), |(key, _)| Some(key))?;
    let length = key.chars().count();
    (length > LONGEST_KEY).then(|| {
        let place = Place { line, column: text.chars().count() - content.chars().count() + 1 };
        let reason =
            format!("the key that begins here has {length} characters, but YAML takes {LONGEST_KEY} before a colon");
        SyntaxError::new(place, reason)
            .help("write `? KEY` in this line and `: TARGET` in the next one, or two rules, or a pattern such as :/^v1/")
    })
}

fn odd(line: usize, text: &str) -> Option<SyntaxError> {
    let odd = odd_character::find(text)?;
    let place = Place { line, column: text[..odd.offset].chars().count() + 1 };
    Some(SyntaxError::new(place, format!("{} stands here: {}", odd.describe(), odd.instead())))
}

fn tab(line: usize, text: &str) -> Option<SyntaxError> {
    let blanks = &text[..text.len() - text.trim_start().len()];
    let column = blanks.chars().position(|blank| blank == '\t')? + 1;
    let error = SyntaxError::new(Place { line, column }, "the line is indented with a tab");
    Some(error.help("write blanks instead of the tab"))
}

/// The last non-empty line before the place that has no colon after a key.
fn without_colon(near: &[(usize, &str)], last: usize) -> Option<SyntaxError> {
    let lines = near.iter().rev().filter(|(number, _)| *number <= last);
    let lines = lines.map(|(number, text)| (*number, without_comment(text).trim_end()));
    let mut full = lines.filter(|(_, text)| !text.trim().is_empty());
    let is_key =
        |text: &str| text.contains(": ") || text.ends_with(':') || text.trim_start().starts_with("- ");
    let (line, text) = full.find(|(_, text)| !is_key(text))?;
    let column = text.len() - text.trim_start().len() + 1;
    let error =
        SyntaxError::new(Place { line, column }, "no colon with a blank behind it stands in this line");
    Some(error.help("write KEY: VALUE, as in `quay.io/coreos/etcd: r.io/mirror/etcd`"))
}

/// Rephrases the parser's terms for users.
fn in_other_words(error: SyntaxError) -> SyntaxError {
    let said = error.reason.clone();
    let with = |reason: &str| SyntaxError { reason: reason.to_owned(), help: Some(QUOTES), ..error.clone() };
    if said.contains("unknown anchor") {
        return with("`*` refers to an anchor that is not there");
    }
    if said.starts_with("unexpected character") {
        return with("no text without quotes can begin with this character");
    }
    if said.contains("mapping values are not allowed") {
        return with("a second `: ` cannot stand in one line");
    }
    if said.contains("did not find expected key") || said.contains("did not find expected '-' indicator") {
        let reason = "this line begins neither in the column of the one above nor of another map or list";
        let help = "the keys of one map, and the entries of one list, begin in one column";
        return SyntaxError { reason: reason.to_owned(), help: Some(help), ..error };
    }
    if said.contains("did not find expected node content") {
        let reason = "a value or a closing bracket is missing before this place";
        let help = "a # behind a blank begins a comment: put a text with one in quotes";
        return SyntaxError { reason: reason.to_owned(), help: Some(help), ..error };
    }
    error
}

/// A line without the comment at its end.
fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with('#') {
        return "";
    }
    line.find(" #").map_or(line, |start| &line[..start])
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use crate::config::document::{Scalar, Value};

    #[test]
    fn c21_c23_c24_the_usual_mistakes_are_named_where_they_stand() {
        let long = format!("images:\n  q.io/a: x\n  q.io/b:{}v2: r.io/x\n  q.io/c: y\n", "v1,".repeat(400));
        for (text, line, column, reason) in [
            ("images:\n  a/b: c\n  d/e r.io/f\n  g/h: i\n", 3, 3, "no colon"),
            ("images:\n  a/b: c\n  d/e r.io/f\n", 3, 3, "no colon"),
            ("images:\n  a/b r.io/c\n  d: e\n", 2, 3, "no colon"),
            ("images:\n  a/b: c\n  d/e:r.io/f\n  g/h: i\n", 3, 3, "no colon"),
            ("images:\n  a：b\n  c: d\n", 2, 4, "U+FF1A (full-width colon)"),
            ("a:\u{a0}b\nc: d\n", 1, 3, "U+00A0 (no-break space)"),
            ("a: b\n\tc: d\n", 2, 1, "tab"),
            ("p: a: b\n", 1, 5, "second `: `"),
            ("p: @abc\n", 1, 4, "no text without quotes"),
            ("p: *abc\n", 1, 4, "anchor"),
            (long.as_str(), 3, 3, "1209 characters"),
        ] {
            let error = read(text).unwrap_err();
            let place = (error.place.line, error.place.column);
            assert!(error.reason.contains(reason) && place == (line, column), "{text}: {error:?}");
        }
    }

    #[test]
    fn c21_a_tab_behind_a_colon_is_a_blank() {
        let document = read("x:\n  a/b:\tr.io/c\n  c:\t\td\n  \"e\":\t\"f:\tg\"\n").unwrap();
        let Value::Map(entries) = document.root.value else { panic!() };
        let Value::Map(entries) = &entries[0].1.value else { panic!() };
        let texts = entries.iter().map(|(key, node)| match &node.value {
            Value::Scalar(Scalar { text, .. }) => format!("{key}={text}"),
            other => panic!("{other:?}"),
        });
        assert_eq!(texts.collect::<Vec<_>>(), ["a/b=r.io/c", "c=d", "e=f:\tg"]);
    }
}
