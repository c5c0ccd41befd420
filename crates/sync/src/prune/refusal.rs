//! Why nothing is deleted at all.

use std::fmt;

/// Why nothing is deleted at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is not known what is gone.
    Unknown(String),
    /// More would go than one run may delete.
    TooMuch(String),
}

impl Refusal {
    /// Both. What is not known weighs more: no larger limit helps there.
    pub(super) fn and(self, other: Self) -> Self {
        let text = format!("{self}; {other}");
        match (self, other) {
            (Self::TooMuch(_), Self::TooMuch(_)) => Self::TooMuch(text),
            _ => Self::Unknown(text),
        }
    }

    /// Why, in words.
    pub fn why(&self) -> &str {
        match self {
            Self::Unknown(why) | Self::TooMuch(why) => why,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.why())
    }
}
