//! Ages of tags: `7d`, and the limits for a tag's age.

use std::fmt;
use std::time::Duration;

use oci::foreign_text::Cleaned;

/// Units, the longest first.
const UNITS: [(char, u64); 5] = [('w', 7 * 86_400), ('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

/// The minimum and the maximum age of tags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AgeLimits {
    min: Option<Duration>,
    max: Option<Duration>,
}

/// Shows an age with its two longest units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age(pub Duration);

/// Why a text is no age, or why two limits contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AgeError {
    /// The text is empty.
    #[error("the age is empty: write one like `7d`")]
    Empty,
    /// A number without a unit.
    #[error("`{}` has no unit: write s, m, h, d or w behind the number, like `7d`", Cleaned(text))]
    NoUnit {
        /// The text.
        text: String,
    },
    /// An unknown unit.
    #[error(
        "`{}` is no age: there is no unit `{}`; write s, m, h, d or w, like `30d`",
        Cleaned(text),
        Cleaned(unit)
    )]
    Unit {
        /// The text.
        text: String,
        /// The text after the number.
        unit: String,
    },
    /// Something else than a whole number.
    #[error("`{}` is no age: write whole numbers, each with its unit, like `1d12h`", Cleaned(text))]
    Number {
        /// The text.
        text: String,
    },
    /// The age overflows.
    #[error("`{}` is too long an age", Cleaned(text))]
    TooLong {
        /// The text.
        text: String,
    },
    /// A maximum of zero, which no tag can have.
    #[error("`maxAge: 0s` selects nothing: write an age like `30d`, or leave it out")]
    ZeroMax,
    /// The minimum is greater than the maximum.
    #[error("`minAge` ({}) is not below `maxAge` ({}): no tag can be in between", Age(*min), Age(*max))]
    Crossed {
        /// The minimum.
        min: Duration,
        /// The maximum.
        max: Duration,
    },
}

/// Parses an age: `90s`, `30m`, `12h`, `7d`, `2w`, `1d12h`.
pub fn parse_age(text: &str) -> Result<Duration, AgeError> {
    let owned = || text.to_owned();
    let (mut seconds, mut rest) = (0_u64, text.trim());
    if rest.is_empty() {
        return Err(AgeError::Empty);
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, behind) = rest.split_at(digits);
        if number.is_empty() {
            return Err(AgeError::Number { text: owned() });
        }
        let unit: String = behind.chars().take_while(|next| !next.is_ascii_digit()).collect();
        let each = unit_seconds(&unit, text)?;
        let more = number.parse::<u64>().ok().and_then(|number| number.checked_mul(each));
        let sum = more.and_then(|more| seconds.checked_add(more));
        seconds = sum.ok_or_else(|| AgeError::TooLong { text: owned() })?;
        rest = &behind[unit.len()..];
    }
    Ok(Duration::from_secs(seconds))
}

fn unit_seconds(unit: &str, text: &str) -> Result<u64, AgeError> {
    let text = text.to_owned();
    if unit.is_empty() {
        return Err(AgeError::NoUnit { text });
    }
    if unit.starts_with(['.', ',']) {
        return Err(AgeError::Number { text });
    }
    let known = UNITS.iter().find(|(letter, _)| unit.chars().eq([*letter]));
    known.map(|(_, seconds)| *seconds).ok_or_else(|| AgeError::Unit { text, unit: unit.trim().to_owned() })
}

impl AgeLimits {
    /// Checks that a tag can satisfy both. A minimum of zero is ignored.
    pub fn new(min: Option<Duration>, max: Option<Duration>) -> Result<Self, AgeError> {
        let min = min.filter(|min| !min.is_zero());
        match (min, max) {
            (_, Some(Duration::ZERO)) => Err(AgeError::ZeroMax),
            (Some(min), Some(max)) if min >= max => Err(AgeError::Crossed { min, max }),
            _ => Ok(Self { min, max }),
        }
    }

    /// The minimum age.
    pub fn min(&self) -> Option<Duration> {
        self.min
    }

    /// The maximum age.
    pub fn max(&self) -> Option<Duration> {
        self.max
    }
}

impl fmt::Display for Age {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut rest, mut shown) = (self.0.as_secs(), 0);
        for (unit, seconds) in UNITS.into_iter().skip(1) {
            let count = rest / seconds;
            if (count > 0 && shown < 2) || (unit == 's' && shown == 0) {
                write!(formatter, "{count}{unit}")?;
                shown += 1;
            } else if shown == 1 {
                break;
            }
            rest %= seconds;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ages_are_numbers_with_units() {
        for (text, seconds) in [
            ("90s", 90),
            ("30m", 1800),
            ("12h", 43_200),
            ("7d", 604_800),
            ("2w", 1_209_600),
            ("1d12h", 129_600),
            ("0s", 0),
        ] {
            assert_eq!(parse_age(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_age_is_told_with_what_to_write() {
        let error = |text: &str| parse_age(text).unwrap_err().to_string();
        assert_eq!(error(""), "the age is empty: write one like `7d`");
        assert_eq!(error("7"), "`7` has no unit: write s, m, h, d or w behind the number, like `7d`");
        assert_eq!(error("1d7"), "`1d7` has no unit: write s, m, h, d or w behind the number, like `7d`");
        assert_eq!(
            error("7 days"),
            "`7 days` is no age: there is no unit `days`; write s, m, h, d or w, like `30d`"
        );
        assert_eq!(error("1M"), "`1M` is no age: there is no unit `M`; write s, m, h, d or w, like `30d`");
        for text in ["-7d", "d", "1.5d", "P7D", "7d,", "é"] {
            assert!(parse_age(text).is_err(), "{text}");
        }
        assert_eq!(error("1.5d"), "`1.5d` is no age: write whole numbers, each with its unit, like `1d12h`");
        assert_eq!(error("18446744073709551615w"), "`18446744073709551615w` is too long an age");
        assert_eq!(error("99999999999999999999s"), "`99999999999999999999s` is too long an age");
    }

    #[test]
    fn limits_that_exclude_each_other_are_refused() {
        let days = |count: u64| Some(Duration::from_secs(count * 86_400));
        let error = |min, max| AgeLimits::new(min, max).unwrap_err().to_string();
        assert_eq!(
            error(days(7), days(3)),
            "`minAge` (7d) is not below `maxAge` (3d): no tag can be in between"
        );
        assert!(error(days(7), days(7)).contains("is not below"));
        assert!(error(None, days(0)).starts_with("`maxAge: 0s` selects nothing"));
        assert!(AgeLimits::new(days(3), days(7)).is_ok());
        assert_eq!(AgeLimits::new(days(0), None), Ok(AgeLimits::default()));
    }

    #[test]
    fn ages_are_shown_by_their_two_longest_units() {
        let shown = |text: &str| Age(parse_age(text).unwrap()).to_string();
        for (text, expected) in [
            ("0s", "0s"),
            ("59s", "59s"),
            ("90s", "1m30s"),
            ("1d1s", "1d"),
            ("2w3h5m", "14d3h"),
            ("3h5m7s", "3h5m"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "\\PC{0,30}", near in "[0-9wdhms. ]{0,30}") {
            for text in [text, near] {
                match parse_age(&text) {
                    Ok(age) => prop_assert!(!Age(age).to_string().is_empty()),
                    Err(error) => prop_assert!(!error.to_string().is_empty()),
                }
            }
        }
    }
}
