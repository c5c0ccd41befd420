//! Characters that look like ASCII but are not: from web pages, word processors and Chinese keyboards.

/// An odd character, with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OddCharacter {
    /// Its byte offset in the text.
    pub(crate) offset: usize,
    character: char,
    name: &'static str,
    instead: &'static str,
}

const BLANK: &str = "write an ordinary blank";
const NOTHING: &str = "remove it";
const QUOTE: &str = "write \"";

const ODD: [(char, &str, &str); 26] = [
    ('\u{a0}', "no-break space", BLANK),
    ('\u{3000}', "ideographic space", BLANK),
    ('\u{202f}', "narrow no-break space", BLANK),
    ('\u{2002}', "en space", BLANK),
    ('\u{2003}', "em space", BLANK),
    ('\u{2007}', "figure space", BLANK),
    ('\u{2009}', "thin space", BLANK),
    ('\u{85}', "next line", BLANK),
    ('\u{2028}', "line separator", BLANK),
    ('\u{2029}', "paragraph separator", BLANK),
    ('\u{200b}', "zero width space", NOTHING),
    ('\u{200c}', "zero width non-joiner", NOTHING),
    ('\u{200d}', "zero width joiner", NOTHING),
    ('\u{200e}', "left-to-right mark", NOTHING),
    ('\u{200f}', "right-to-left mark", NOTHING),
    ('\u{2060}', "word joiner", NOTHING),
    ('\u{feff}', "byte order mark", NOTHING),
    ('\u{ad}', "soft hyphen", NOTHING),
    ('：', "full-width colon", "write :"),
    ('，', "full-width comma", "write ,"),
    ('、', "ideographic comma", "write ,"),
    ('“', "left curly quote", QUOTE),
    ('”', "right curly quote", QUOTE),
    ('‘', "left single curly quote", QUOTE),
    ('’', "right single curly quote", QUOTE),
    ('／', "full-width slash", "write /"),
];

/// The first odd character of a text.
pub(crate) fn find(text: &str) -> Option<OddCharacter> {
    let odd = |(offset, character): (usize, char)| {
        let (_, name, instead) = ODD.iter().find(|(odd, ..)| *odd == character)?;
        Some(OddCharacter { offset, character, name, instead })
    };
    if text.is_ascii() { None } else { text.char_indices().find_map(odd) }
}

impl OddCharacter {
    /// Its code point and name: most of them are invisible.
    pub(crate) fn describe(self) -> String {
        format!("U+{:04X} ({})", u32::from(self.character), self.name)
    }

    /// What to write instead.
    pub(crate) fn instead(self) -> &'static str {
        self.instead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c23_the_first_odd_character_is_named() {
        let odd = find("  quay.io/a：\u{a0}b").unwrap();
        assert_eq!((odd.offset, odd.describe()), (11, "U+FF1A (full-width colon)".to_owned()));
        assert_eq!(find("镜像 quay.io/a: b"), None);
    }
}
