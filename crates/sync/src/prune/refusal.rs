//! Why nothing is deleted at all.

use std::fmt;
use std::sync::Arc;

use crate::RuleFailure;

/// How many reasons are named in a message.
const TOLD: usize = 5;

/// Why nothing is deleted at all.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// The run was stopped before everything was read.
    Stopped,
    /// Rules that could not be listed, so that it is unknown what is missing.
    NotListed(Vec<Arc<RuleFailure>>),
    /// A source is empty, and may have lost everything.
    Empty(String),
    /// More would be deleted than one run may delete: the repositories, and how much.
    TooMuch(Vec<String>),
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => formatter.write_str("the run was stopped before all was looked at"),
            Self::NotListed(failures) => {
                let first = failures.first().map(|failure| oci::with_sources(&*failure.error));
                formatter.write_str(&first.unwrap_or_default())?;
                more(formatter, failures.len().saturating_sub(1), ["rule", "rules"])
            }
            Self::Empty(why) => formatter.write_str(why),
            Self::TooMuch(all) => {
                formatter
                    .write_str(&all.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join("; "))?;
                more(formatter, all.len().saturating_sub(TOLD), ["repository", "repositories"])
            }
        }
    }
}

fn more(formatter: &mut fmt::Formatter<'_>, more: usize, what: [&str; 2]) -> fmt::Result {
    match more {
        0 => Ok(()),
        more => write!(formatter, "; and {more} more {}", what[usize::from(more != 1)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_many_reasons_tells_five() {
        let all: Vec<String> = (0..1000).map(|number| format!("too much of r{number}")).collect();
        let text = Refusal::TooMuch(all).to_string();
        assert!(
            text.starts_with("too much of r0; ") && text.ends_with("r4; and 995 more repositories"),
            "{text}"
        );
        assert_eq!(Refusal::TooMuch(vec!["one".to_owned()]).to_string(), "one");
    }
}
