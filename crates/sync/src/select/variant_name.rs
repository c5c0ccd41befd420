//! Which variants of versions are wanted: `alpine` of `1.25.4-alpine3.19`.

use std::fmt;
use std::str::FromStr;

use oci::TagVersion;
use oci::foreign_text::Cleaned;

/// A variant's name. With numbers (`alpine3.19`) it matches just that variant, with `#` for numbers (`alpine#.#`) or
/// without any (`alpine`) all variants of that name; empty matches versions without a variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariantName {
    text: Box<str>,
    /// The words of the name, if it has no numbers.
    words: Option<Box<str>>,
}

/// Why a text is no variant name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VariantNameError {
    /// It begins with the separator between version and variant.
    #[error(
        "variants are written without what stands before them: `{}` instead of `{}`",
        Cleaned(name),
        Cleaned(text)
    )]
    Separator {
        /// The text.
        text: String,
        /// The name to use instead.
        name: String,
    },
    /// It is written like a pattern.
    #[error(
        "`{}` is no variant: variants are names, not patterns; `alpine` is each of `alpine3.19` and `alpine3.20`",
        Cleaned(text)
    )]
    Pattern {
        /// The text.
        text: String,
    },
    /// It has a character that tags cannot have.
    #[error("`{}` is no variant: no tag has a {character:?} in it", Cleaned(text))]
    Character {
        /// The text.
        text: String,
        /// The character.
        character: char,
    },
}

impl VariantName {
    /// Whether a version has this variant.
    pub(crate) fn fits(&self, version: &TagVersion<'_>) -> bool {
        let of_these_words = || self.words.as_ref().is_some_and(|words| *version.variant_words() == **words);
        *version.variant == *self.text
            || (!self.text.is_empty() && (of_these_words() || *version.variant_name() == *self.text))
    }
}

impl FromStr for VariantName {
    type Err = VariantNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim_start_matches(['-', '_', '.', '+']);
        if name.len() < text.len() {
            return Err(VariantNameError::Separator { text: text.to_owned(), name: name.to_owned() });
        }
        if text.contains(['*', '?', '[', '{', '/']) {
            return Err(VariantNameError::Pattern { text: text.to_owned() });
        }
        let may_have = |next: char| next.is_ascii_alphanumeric() || matches!(next, '-' | '_' | '.' | '#');
        if let Some(character) = text.chars().find(|next| !may_have(*next)) {
            return Err(VariantNameError::Character { text: text.to_owned(), character });
        }
        let has_numbers = text.contains(|next: char| next.is_ascii_digit() || next == '#');
        let words = (!has_numbers).then(|| text.split(['-', '_', '.']).filter(|word| !word.is_empty()));
        let words = words.map(|words| words.collect::<Vec<_>>().join("-").into());
        Ok(Self { text: text.into(), words })
    }
}

impl fmt::Display for VariantName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fits(name: &str, tag: &str) -> bool {
        name.parse::<VariantName>().unwrap().fits(&TagVersion::parse(tag).unwrap())
    }

    #[test]
    fn names_with_and_without_their_numbers() {
        for (name, tag) in [
            ("", "1.25"),
            ("", "1.26-rc1"),
            ("alpine", "1.25-alpine"),
            ("alpine", "1.25-alpine3.19"),
            ("alpine#.#", "1.25-alpine3.19"),
            ("alpine3.19", "1.25-alpine3.19"),
            ("alpine", "1.26-rc1-alpine3.19"),
            ("debian-r", "1.0-debian-12-r5"),
            ("jdk_slim", "17-jdk_slim"),
            ("amd64", "1.0-amd64"),
            ("#", "17.0.5_11"),
        ] {
            assert!(fits(name, tag), "{name:?} {tag}");
        }
        for (name, tag) in [
            ("", "1.25-alpine"),
            ("", "17.0.5_11"),
            ("alpine", "1.25"),
            ("alpine", "1.25-alpine-slim"),
            ("alpine3.18", "1.25-alpine3.19"),
            ("Alpine", "1.25-alpine"),
            ("debian", "1.0-debian-12-r5"),
        ] {
            assert!(!fits(name, tag), "{name:?} {tag}");
        }
    }

    #[test]
    fn slips_are_named() {
        let error = |text: &str| text.parse::<VariantName>().unwrap_err().to_string();
        assert!(error("-alpine").contains("`alpine` instead of `-alpine`"));
        assert!(error("alpine*").contains("variants are names, not patterns"));
        assert!(error("al pine").contains("no tag has a ' ' in it"));
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "\\PC{0,30}", tag in "[0-9a-z._-]{1,20}") {
            if let (Ok(name), Some(version)) = (text.parse::<VariantName>(), TagVersion::parse(&tag)) {
                name.fits(&version);
            }
        }

        #[test]
        fn each_variant_fits_its_own_names(tag in "[1-3]-[a-z]{1,5}[0-9]{0,2}([._-][a-z]{1,3})?") {
            let version = TagVersion::parse(&tag).unwrap();
            for name in [version.variant.to_owned(), version.variant_name()] {
                prop_assert!(name.is_empty() || fits(&name, &tag), "{} {}", name, tag);
            }
        }
    }
}
