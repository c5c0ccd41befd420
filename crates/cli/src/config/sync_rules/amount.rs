//! Settings that are amounts: counts, ages, and parts of a whole.

use std::num::NonZeroU32;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::setting::Setting;
use super::slips::Slips;
use crate::config::document::{Node, Scalar, ScalarKind, Value};
use crate::config::syntax_error::Place;

impl Setting for NonZeroU32 {
    fn expected() -> String {
        "a whole number from 1 on".to_owned()
    }

    fn read(node: &Node, slips: &mut Slips<'_>) -> Option<Self> {
        let number = of_kind(node, ScalarKind::Number).and_then(|text| text.parse().ok());
        if number.is_none() {
            slips.expected(node, &Self::expected());
        }
        number
    }

    fn schema() -> Json {
        json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX })
    }
}

/// The text of a scalar of one kind.
fn of_kind(node: &Node, wanted: ScalarKind) -> Option<&str> {
    match &node.value {
        Value::Scalar(Scalar { text, kind, .. }) if *kind == wanted => Some(text),
        _ => None,
    }
}

/// How long ago something was: `7d`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Age {
    pub(crate) duration: Duration,
    /// As it was written.
    pub(crate) text: String,
    pub(crate) place: Place,
}

const UNITS: [(char, u64); 5] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400), ('w', 604_800)];

/// The digits and the unit of an age.
fn seconds(text: &str) -> Option<u64> {
    let unit = text.chars().last()?;
    let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let number = text.strip_suffix(unit)?;
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| number.parse::<u64>().ok()?.checked_mul(*seconds)).flatten()
}

impl Setting for Age {
    fn expected() -> String {
        "a number with a unit: s, m, h, d or w, as in `7d`".to_owned()
    }

    fn read(node: &Node, slips: &mut Slips<'_>) -> Option<Self> {
        let read = of_kind(node, ScalarKind::Text).and_then(|text| Some((text, seconds(text)?)));
        let Some((text, seconds)) = read else {
            slips.expected(node, &Self::expected());
            return None;
        };
        let duration = Duration::from_secs(seconds);
        Some(Self { duration, text: text.to_owned(), place: node.place() })
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[0-9]+[smhdw]$" })
    }
}

/// How much may be deleted at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MaxDelete {
    Tags(u32),
    Percent(u8),
}

impl Setting for MaxDelete {
    fn expected() -> String {
        "a whole number, or a part from `0%` to `100%`".to_owned()
    }

    fn read(node: &Node, slips: &mut Slips<'_>) -> Option<Self> {
        let tags = of_kind(node, ScalarKind::Number).and_then(|text| text.parse().ok()).map(Self::Tags);
        let percent = || {
            let number = of_kind(node, ScalarKind::Text)?.strip_suffix('%')?;
            let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
            let percent = if is_number { number.parse().ok()? } else { return None };
            (percent <= 100).then_some(Self::Percent(percent))
        };
        let read = tags.or_else(percent);
        if read.is_none() {
            slips.expected(node, &Self::expected());
        }
        read
    }

    fn schema() -> Json {
        json!({ "anyOf": [
            { "type": "integer", "minimum": 0, "maximum": u32::MAX },
            { "type": "string", "pattern": "^([0-9]|[1-9][0-9]|100)%$" },
        ] })
    }
}
