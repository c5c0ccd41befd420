//! The release that wrote a message. Members of other releases are recognized by it, and named.

use std::fmt;

use oci::foreign_text::clean_to;
use serde::{Deserialize, Serialize};

/// The format of this release's messages. Each change of any message raises it, so that no member misreads a message of another release.
/// Runs and beats carry it. Jobs and results do not: all members of a run have the run's format.
const FORMAT: u32 = 5;

/// The longest version that is shown.
const LONGEST: usize = 40;

/// The release that wrote a message. Releases before the first format do not name themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Release {
    format: u32,
    version: String,
}

impl Release {
    /// This release.
    pub(crate) fn ours() -> Self {
        Self { format: FORMAT, version: env!("CARGO_PKG_VERSION").to_owned() }
    }

    /// Whether this release can read its messages.
    pub(crate) fn is_understood(&self) -> bool {
        self.format == FORMAT
    }
}

impl fmt::Display for Release {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&*clean_to(&self.version, LONGEST), self.format) {
            ("", 0) => formatter.write_str("an earlier release"),
            ("", format) => write!(formatter, "an unknown release (messages of format {format})"),
            (version, format) => write!(formatter, "release {version} (messages of format {format})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_named_and_foreign_words_in_them_are_clean() {
        let read = |text: &str| serde_json::from_str::<Release>(text).unwrap();
        assert!(Release::ours().is_understood() && !Release::default().is_understood());
        assert_eq!(Release::default().to_string(), "an earlier release");
        let later = read(r#"{"format": 7, "version": "9.1.0", "more": [1]}"#);
        assert_eq!(later.to_string(), "release 9.1.0 (messages of format 7)");
        let odd =
            read(&format!(r#"{{"format": 7, "version": "\u001b[31m{}"}}"#, "9".repeat(100))).to_string();
        assert!(odd.len() < 100 && !odd.contains('\u{1b}'), "{odd:?}");
    }
}
