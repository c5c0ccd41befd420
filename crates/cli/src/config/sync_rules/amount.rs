//! Settings that are amounts: counts, ages, and fractions.

use std::num::NonZeroU32;
use std::time::Duration;

use serde_json::{Value as Json, json};

use sync::select::parse_age;

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

/// An age: `7d`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Age {
    pub(crate) duration: Duration,
    pub(crate) place: Place,
}

impl Setting for Age {
    fn expected() -> String {
        "a number with a unit: s, m, h, d or w, as in `7d`".to_owned()
    }

    fn read(node: &Node, slips: &mut Slips<'_>) -> Option<Self> {
        let Some(text) = of_kind(node, ScalarKind::Text) else {
            slips.expected(node, &Self::expected());
            return None;
        };
        match parse_age(text) {
            Ok(duration) => Some(Self { duration, place: node.place() }),
            Err(error) => {
                slips.wrong(node.place(), &format!("must be {}: {error}", Self::expected()), None);
                None
            }
        }
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^([0-9]+[smhdw])+$" })
    }
}

/// The most that may be deleted.
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
