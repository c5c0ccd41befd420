//! Common mistakes in JSON, each with the advice.

use super::super::odd_character;
use super::super::syntax_error::{Lines, SyntaxError};

const COMMENT: &str = "remove it, or write the file as YAML (FILE.yaml), where # begins a comment";

/// Explains the error at the byte where the parser stopped.
pub(super) fn explain(
    text: &str,
    lines: &Lines<'_>,
    offset: usize,
    error: &serde_json::Error,
) -> SyntaxError {
    let rest = &text[offset..];
    let before = text[..offset].trim_end();
    let at = |offset: usize, reason: &str| SyntaxError::new(lines.place(offset), reason);
    let parser = error.to_string();
    let parser = parser.split(" at line ").next().unwrap_or_default();
    if error.is_eof() || rest.is_empty() {
        return at(offset, "the file ends here, but a bracket or a quote is still open")
            .help("close what is open: each { has its }, each [ its ], each \" its \"");
    }
    if parser.contains("control character") {
        return at(offset, "a text in quotes ends in its line, and has tabs as \\t")
            .help("close the quote, or write the character as \\n or \\t");
    }
    if parser.contains("escape") || parser.contains("surrogate") {
        let escape = text[..offset].rfind('\\').unwrap_or(offset);
        return at(escape, "this escape is none, or half of a character (a lone surrogate)")
            .help("write the character itself, or both halves, as in \\uD83D\\uDE00; a backslash is \\\\");
    }
    // A comment may begin before the byte where the parser stopped.
    if rest.starts_with("//") || rest.starts_with("/*") || rest.starts_with('#') {
        return at(offset, "JSON has no comments").help(COMMENT);
    }
    if let Some(odd) = odd_character::find(rest).filter(|odd| odd.offset == 0) {
        return at(offset, &format!("{} cannot stand here: {}", odd.describe(), odd.instead()));
    }
    if rest.starts_with(['}', ']']) && before.ends_with(',') {
        return at(before.len() - 1, "this comma has nothing behind it").help("remove the comma");
    }
    if rest.starts_with('\'') {
        return at(offset, "texts in JSON have double quotes").help("write \" instead of '");
    }
    let is_word = rest.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let begins_value = before.ends_with([':', '[', ',', '{']) || before.is_empty();
    if !begins_value && (rest.starts_with(['"', '{', '[']) || is_word) {
        let reason = if parser.contains(':') { "a colon is missing here" } else { "a comma is missing here" };
        return at(before.len(), reason)
            .help("write \"key\": value, and a comma between two of them; a \" inside a text is \\\"");
    }
    if is_word {
        return at(offset, "texts in JSON have double quotes")
            .help("write \"text\"; without quotes there are numbers, true, false and null");
    }
    at(offset, parser)
}

#[cfg(test)]
mod tests {
    use crate::config::json::read;

    #[test]
    fn c14_c24_the_usual_mistakes_are_named_where_they_stand() {
        for (text, line, column, reason) in [
            ("{\n // no\n}", 2, 2, "comments"),
            ("{\"a\": \"b\" // no\n}", 1, 11, "comments"),
            ("{\n # no\n}", 2, 2, "comments"),
            ("{\n \"a\": 1,\n}", 2, 8, "this comma"),
            ("{\"a\": [\"b\",\n ]}", 1, 11, "this comma"),
            ("{\"a\": \"b\"，\"c\": \"d\"}", 1, 10, "U+FF0C (full-width comma)"),
            ("{\"a\"：\"b\"}", 1, 5, "U+FF1A (full-width colon)"),
            ("{\u{3000}\"a\": 1}", 1, 2, "U+3000 (ideographic space)"),
            ("{“a”: 1}", 1, 2, "U+201C"),
            ("{'a': 1}", 1, 2, "double quotes"),
            ("{a: 1}", 1, 2, "double quotes"),
            ("{\"a\": True}", 1, 7, "double quotes"),
            ("{\"a\": \"b\"\n \"c\": 1}", 1, 10, "comma is missing"),
            ("{\"a\" \"b\"}", 1, 5, "colon is missing"),
            ("{\"a\": 1", 1, 7, "the file ends"),
            ("\n\n{\"k\":\n \"x\\ud83d\"}", 4, 4, "half of a character"),
            ("{\"a\": \"b\n\"}", 2, 0, "ends in its line"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.reason.contains(reason), "{text}: {error:?}");
            if column > 0 {
                assert_eq!((error.place.line, error.place.column), (line, column), "{text}: {error:?}");
            }
        }
        assert!(read("").unwrap_err().reason.contains("empty"));
        assert!(read(" \n").unwrap_err().reason.contains("empty"));
    }
}
