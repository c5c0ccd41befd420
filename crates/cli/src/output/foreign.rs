//! The last filter before terminal, log and files: it keeps every line one line without control characters. The first filter is where
//! foreign text comes in: an error's words, a registry's warning.

use std::fmt::Write as _;
use std::io::{ErrorKind, Write};

use oci::foreign_text::{clean_to, is_plain};

use super::paint;

/// The most bytes of one line for people.
const LONGEST_LINE: usize = 16 << 10;

/// A line for people, cut to the limit.
pub(super) fn line(text: &str) -> String {
    paint::around(text, |piece| clean_to(piece, LONGEST_LINE).into_owned())
}

/// Our own lines, each cleaned. Foreign parts must have been cleaned before, because line ends count here.
pub(super) fn lines(text: &str) -> String {
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// A line of results, never cut.
pub(super) fn result(text: &str) -> String {
    clean_to(text, usize::MAX).into_owned()
}

/// The same JSON document in plain characters only: odd characters can only be in texts, where JSON can escape them.
pub(super) fn json(document: &str) -> String {
    let mut plain = String::with_capacity(document.len());
    for character in document.chars() {
        if character == '\n' || is_plain(character) {
            plain.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(plain, "\\u{unit:04x}");
            }
        }
    }
    plain
}

/// Cleans a JSON document while it is written.
pub(super) struct PlainJson<W>(pub(super) W);

impl<W: Write> Write for PlainJson<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // JSON writers write whole texts, so no character is split.
        let text = std::str::from_utf8(bytes).map_err(|_| ErrorKind::InvalidData)?;
        self.0.write_all(json(text).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn s3_a_json_document_stays_the_same_document(text in any::<String>(), key in any::<String>()) {
            let value = serde_json::json!({key: [text, "\u{202e}\u{e0041}\u{7f}\u{9b}"]});
            let plain = json(&serde_json::to_string_pretty(&value).unwrap());
            prop_assert!(plain.split('\n').all(|line| line.chars().all(is_plain)));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&plain).unwrap(), value.clone());
            let mut written = Vec::new();
            serde_json::to_writer_pretty(PlainJson(&mut written), &value).unwrap();
            prop_assert_eq!(String::from_utf8(written).unwrap(), plain);
        }

        #[test]
        fn s3_a_line_stays_one_line(text in any::<String>()) {
            prop_assert!(line(&text).chars().all(is_plain));
            prop_assert!(lines(&text).split('\n').all(|line| line.chars().all(is_plain)));
        }
    }
}
