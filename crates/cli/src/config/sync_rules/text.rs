//! Settings that are texts or lists of texts.

use serde_json::{Value as Json, json};

use super::setting::Setting;
use super::slips::Slips;
use crate::config::document::{Node, Scalar, ScalarKind, Value};
use crate::config::odd_character;
use crate::config::syntax_error::Place;

/// A non-empty text with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) place: Place,
}

impl Setting for Text {
    fn expected() -> String {
        "a text".to_owned()
    }

    fn read(node: &Node, slips: &mut Slips<'_>) -> Option<Self> {
        match &node.value {
            Value::Scalar(Scalar { kind: ScalarKind::Text, text, is_tagged: false }) if !text.is_empty() => {
                if let Some(odd) = odd_character::find(text) {
                    let problem = format!("has {} in it", odd.describe());
                    slips.wrong(node.place(), &problem, Some(odd.instead()));
                    return None;
                }
                Some(Self { text: text.clone(), place: node.place() })
            }
            _ => {
                slips.expected(node, &Self::expected());
                None
            }
        }
    }

    fn schema() -> Json {
        json!({ "type": "string", "minLength": 1 })
    }
}

/// The name of a group of tags; empty for the group without a suffix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) text: String,
    pub(crate) place: Place,
}

impl Setting for Variant {
    fn expected() -> String {
        "a text (an empty one for tags without a suffix)".to_owned()
    }

    fn read(node: &Node, slips: &mut Slips<'_>) -> Option<Self> {
        if let Value::Scalar(Scalar { kind: ScalarKind::Text, text, is_tagged: false }) = &node.value {
            return Some(Self { text: text.clone(), place: node.place() });
        }
        slips.expected(node, &Self::expected());
        None
    }

    fn schema() -> Json {
        json!({ "type": "string" })
    }
}

/// A list selects by its items, so an empty list is an error.
impl<T: Setting> Setting for Vec<T> {
    fn expected() -> String {
        format!("a list, each of it {}", T::expected())
    }

    fn read(node: &Node, slips: &mut Slips<'_>) -> Option<Self> {
        let Value::List(items) = &node.value else {
            slips.expected(node, &Self::expected());
            return None;
        };
        if items.is_empty() {
            slips.wrong(node.place(), "is an empty list", Some("leave the key out, or write what is meant"));
            return None;
        }
        let before = slips.count();
        let read = items.iter().filter_map(|item| slips.item(|slips| T::read(item, slips))).collect();
        (slips.count() == before).then_some(read)
    }

    fn schema() -> Json {
        json!({ "type": "array", "minItems": 1, "items": T::schema() })
    }
}

/// One text, or a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OneOrMany(pub(crate) Vec<Text>);

impl Setting for OneOrMany {
    fn expected() -> String {
        "a text or a list of texts".to_owned()
    }

    fn read(node: &Node, slips: &mut Slips<'_>) -> Option<Self> {
        match &node.value {
            Value::List(_) => Vec::read(node, slips).map(Self),
            Value::Scalar(_) => Text::read(node, slips).map(|text| Self(vec![text])),
            Value::Map(_) => {
                slips.expected(node, &Self::expected());
                None
            }
        }
    }

    fn schema() -> Json {
        json!({ "anyOf": [Text::schema(), Vec::<Text>::schema()] })
    }
}

/// Lists of patterns, each of which must match; a single list is allowed, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AllOf(pub(crate) Vec<Vec<Text>>);

impl Setting for AllOf {
    fn expected() -> String {
        "a list of texts, or a list of such lists".to_owned()
    }

    fn read(node: &Node, slips: &mut Slips<'_>) -> Option<Self> {
        let is_list = |node: &Node| matches!(node.value, Value::List(_));
        match &node.value {
            Value::List(items) if items.first().is_some_and(is_list) => Vec::read(node, slips).map(Self),
            Value::List(items) => match items.iter().find(|item| is_list(item)) {
                Some(mixed) => {
                    let problem = "has texts and lists side by side";
                    slips.wrong(mixed.place(), problem, Some("write each text in a list of its own"));
                    None
                }
                None => Vec::read(node, slips).map(|one| Self(vec![one])),
            },
            _ => {
                slips.expected(node, &Self::expected());
                None
            }
        }
    }

    fn schema() -> Json {
        json!({ "anyOf": [Vec::<Text>::schema(), Vec::<Vec<Text>>::schema()] })
    }
}
