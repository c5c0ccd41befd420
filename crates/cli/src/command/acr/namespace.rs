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
        // Names of repositories allow fewer runs of delimiters than the console does.
        let is_component = !text.contains('/') && text.parse::<oci::RepositoryName>().is_ok();
        if (2..=120).contains(&text.len()) && is_component {
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
