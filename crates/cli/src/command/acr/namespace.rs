//! The name of an ACR namespace.

use std::fmt;
use std::str::FromStr;

/// The first component of the names of repositories: 2 to 120 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamespaceName(String);

impl NamespaceName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NamespaceName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_delimiter = |byte: u8| matches!(byte, b'_' | b'-' | b'.');
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let bytes = text.as_bytes();
        let ends = [bytes.first(), bytes.last()].into_iter().flatten().all(|byte| is_word(*byte));
        let inside = bytes.iter().all(|byte| is_word(*byte) || is_delimiter(*byte));
        // Names of repositories allow fewer runs of delimiters than the console does.
        if (2..=120).contains(&text.len())
            && ends
            && inside
            && text.parse::<registry::RepositoryName>().is_ok()
        {
            Ok(Self(text.to_owned()))
        } else {
            Err("a namespace has 2 to 120 lower-case letters, digits and single `_`, `-` or `.` between them, without a slash: my-namespace".to_owned())
        }
    }
}

impl fmt::Display for NamespaceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_the_console_takes_them() {
        for name in ["ab", "image-syncer", "a.b_c-1", "2026"] {
            assert_eq!(name.parse::<NamespaceName>().unwrap().as_str(), name);
        }
        let long = "a".repeat(121);
        for name in ["", "a", "-ab", "ab-", "Ab", "a/b", "a b", "a..b", "ä1", &long] {
            assert!(name.parse::<NamespaceName>().is_err(), "{name}");
        }
    }
}
