//! Makes foreign texts safe to show: without terminal sequences, without forged log
//! lines or changes of the text direction, and cut to a limit.
//!
//! Registries, files and arguments may contain anything. The program works with the unchanged texts, and cleans
//! them here for people: for error messages, notes, lines, logs, reports.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::ops::RangeInclusive;

/// The most bytes of one foreign text that are shown, unless the caller says otherwise.
pub const LIMIT: usize = 512;

/// The most bytes of the end of a cut text: `… (18446744073709551615 bytes)`.
const LONGEST_END: usize = 40;

/// A text that is safe to show: escaped where necessary, and cut to [`LIMIT`] bytes.
///
/// Cleaning a cleaned text does not change it, so that each layer may clean what it shows.
pub fn clean(text: &str) -> Cow<'_, str> {
    clean_to(text, LIMIT)
}

/// The same with another limit in bytes, which is at least 64.
///
/// Control and format characters, line separators, unusual blanks and invisible characters become `\n`, `\t` or
/// `\u{202e}`. All others stay, backslashes among them.
pub fn clean_to(text: &str, limit: usize) -> Cow<'_, str> {
    let limit = limit.max(64);
    if text.len() <= limit && text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let (mut shown, mut fitting) = (String::with_capacity(text.len().min(limit) + LONGEST_END), 0);
    for character in text.chars() {
        push(&mut shown, character);
        if shown.len() > limit {
            shown.truncate(fitting);
            let _ = write!(shown, "… ({} bytes)", text.len());
            break;
        }
        if shown.len() + LONGEST_END <= limit {
            fitting = shown.len();
        }
    }
    Cow::Owned(shown)
}

/// Whether a character is shown as it is.
pub fn is_plain(character: char) -> bool {
    match character {
        ' '..='~' => true,
        other => !INVISIBLE.iter().any(|range| range.contains(&other)) && is_printable(other),
    }
}

/// Controls, fillers and joiners that are invisible, and the plane of tags and selectors.
const INVISIBLE: [RangeInclusive<char>; 7] = [
    '\0'..='\u{a0}',
    '\u{34f}'..='\u{34f}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{3164}'..='\u{3164}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{e0000}'..='\u{e0fff}',
];

/// The standard library knows which characters are printable; after a letter it accepts accents.
fn is_printable(character: char) -> bool {
    let mut bytes = [b'a', 0, 0, 0, 0];
    let end = 1 + character.encode_utf8(&mut bytes[1..]).len();
    std::str::from_utf8(&bytes[..end]).is_ok_and(|text| text.escape_debug().count() == 2)
}

fn push(shown: &mut String, character: char) {
    if is_plain(character) {
        shown.push(character);
    } else {
        // Only `\n`, `\r`, `\t` and `\u{…}` occur here: no quotation mark or backslash.
        shown.extend(character.escape_default());
    }
}

/// Shows a foreign value inside a message: cleaned, cut to [`LIMIT`] bytes.
#[derive(Clone, Copy, Debug)]
pub struct Cleaned<T>(pub T);

impl<T: fmt::Display> fmt::Display for Cleaned<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&clean(&self.0.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn s3_what_a_terminal_obeys_is_shown_instead() {
        for (text, shown) in [
            ("plain `text` with \"quotes\" and \\n", "plain `text` with \"quotes\" and \\n"),
            ("a\nb\r\tc", r"a\nb\r\tc"),
            ("\u{1b}[31mred\u{7}", r"\u{1b}[31mred\u{7}"),
            ("\u{9b}31m", r"\u{9b}31m"),
            ("gpj.\u{202e}exe", r"gpj.\u{202e}exe"),
            ("a\u{2066}b\u{2069}", r"a\u{2066}b\u{2069}"),
            ("one\u{2028}two\u{2029}", r"one\u{2028}two\u{2029}"),
            ("zero\u{200b}width\u{feff}", r"zero\u{200b}width\u{feff}"),
            ("no\u{a0}break\u{3000}", r"no\u{a0}break\u{3000}"),
            ("tag\u{e0041}\u{34f}\u{3164}", r"tag\u{e0041}\u{34f}\u{3164}"),
            (
                "命名空间不存在，请先创建 café e\u{301} हिन्दी 🚀",
                "命名空间不存在，请先创建 café e\u{301} हिन्दी 🚀",
            ),
        ] {
            assert_eq!(clean(text), shown);
        }
    }

    #[test]
    fn s3_megabytes_are_cut_and_told() {
        let long = "x".repeat(1 << 20);
        let shown = clean(&long);
        assert!(shown.len() <= LIMIT && shown.ends_with("x… (1048576 bytes)"), "{shown}");
        assert_eq!(Cleaned(&long).to_string(), shown);
        assert_eq!(clean_to(&long, 2 << 20), long);
        assert_eq!(clean(&"x".repeat(LIMIT)).len(), LIMIT);
        // An escape is never cut.
        let cut = clean_to(&"\u{202e}".repeat(100), 100).into_owned();
        let (escapes, _) = cut.split_once('…').unwrap();
        assert_eq!(escapes.len() % r"\u{202e}".len(), 0, "{cut}");
    }

    proptest! {
        #[test]
        fn s3_nothing_but_plain_characters_and_no_more_than_the_limit(
            text in any::<String>(),
            times in 1_usize..40,
            limit in 64_usize..500,
        ) {
            let text = text.repeat(times);
            let shown = clean_to(&text, limit);
            prop_assert!(shown.chars().all(is_plain));
            prop_assert!(shown.len() <= limit);
            prop_assert_eq!(&clean_to(&shown, limit), &shown);
            if text.len() <= limit && text.chars().all(is_plain) {
                prop_assert_eq!(&shown, &text);
            }
        }
    }
}
