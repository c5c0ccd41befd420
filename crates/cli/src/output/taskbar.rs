//! The progress in a terminal's button in a taskbar or dock. See <https://conemu.github.io/en/AnsiEscapeCodes.html#ConEmu_specific_OSC>,
//! "OSC 9 ; 4".

/// The state of the button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taskbar {
    /// Work of unknown length.
    Busy,
    Percent(u64),
    /// A percentage, with failures.
    Failing(u64),
}

impl Taskbar {
    /// The code that removes the progress.
    pub(super) const REMOVE: &str = "\u{1b}]9;4;0\u{1b}\\";

    pub(super) fn code(self) -> String {
        match self {
            Self::Busy => "\u{1b}]9;4;3\u{1b}\\".to_owned(),
            Self::Percent(percent) => format!("\u{1b}]9;4;1;{percent}\u{1b}\\"),
            Self::Failing(percent) => format!("\u{1b}]9;4;2;{percent}\u{1b}\\"),
        }
    }
}

/// Whether the terminal is known to support it: others show the sequence as text, or as a desktop notification. The same terminals as in
/// anstyle-progress 0.1.
pub(super) fn is_taken(lookup: impl Fn(&str) -> Option<String>) -> bool {
    let is = |name: &str, values: &[&str]| lookup(name).is_some_and(|value| values.contains(&&*value));
    let is_since = |name: &str, version: u64| {
        lookup(name).and_then(|value| value.parse::<u64>().ok()).is_some_and(|found| found >= version)
    };
    lookup("TERM_FEATURES").is_some_and(|features| has_progress(&features))
        || is("TERM_PROGRAM", &["WezTerm", "ghostty"])
        || lookup("WT_SESSION").is_some_and(|session| !session.is_empty())
        || is("ConEmuANSI", &["ON"])
        || is_since("PTYXIS_VERSION", 48)
        || is_since("KONSOLE_VERSION", 260_400)
}

/// Features are concatenated: each is a capital followed by small letters and digits. `P` means progress. See
/// <https://iterm2.com/feature-reporting/>.
fn has_progress(features: &str) -> bool {
    let mut after = features.split('P').skip(1);
    after
        .any(|rest| rest.chars().next().is_none_or(|next| next.is_ascii_uppercase() || next.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_terminals_that_are_known_to_take_it_get_it() {
        for (name, value, taken) in [
            ("TERM_FEATURES", "T3LrMSc7UUw9Ts3BFGsSyHNoSxF", false),
            ("TERM_FEATURES", "T3LrMSc7UUw9Ts3BFGsSyHNoSxFP", true),
            ("TERM_FEATURES", "CwPF", true),
            ("TERM_FEATURES", "CwPaF", false),
            ("TERM_PROGRAM", "WezTerm", true),
            ("TERM_PROGRAM", "ghostty", true),
            ("TERM_PROGRAM", "Apple_Terminal", false),
            ("WT_SESSION", "3b0e", true),
            ("WT_SESSION", "", false),
            ("ConEmuANSI", "ON", true),
            ("ConEmuANSI", "OFF", false),
            ("PTYXIS_VERSION", "48", true),
            ("PTYXIS_VERSION", "47", false),
            ("KONSOLE_VERSION", "260400", true),
            ("KONSOLE_VERSION", "251203", false),
            ("TERM", "xterm-256color", false),
        ] {
            let found = is_taken(|asked| (asked == name).then(|| value.to_owned()));
            assert_eq!(found, taken, "{name}={value}");
        }
    }
}
