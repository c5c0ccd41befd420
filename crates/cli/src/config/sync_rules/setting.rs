//! Values of keys: one type has the parser, the words for errors, and the JSON Schema, so that the three cannot differ.

use serde_json::{Map, Value, json};

use super::slips::Slips;
use crate::config::document::Node;
use crate::config::syntax_error::Place;

/// A value of a rule.
pub(crate) trait Setting: Sized {
    /// The expected value, for messages: "a text".
    fn expected() -> String;

    /// Parses it. Errors go to `slips`.
    fn read(node: &Node, slips: &mut Slips<'_>) -> Option<Self>;

    /// Its JSON Schema.
    fn schema() -> Value;
}

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Placed<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

impl<T: Setting> Setting for Placed<T> {
    fn expected() -> String {
        T::expected()
    }

    fn read(node: &Node, slips: &mut Slips<'_>) -> Option<Self> {
        Some(Self { value: T::read(node, slips)?, place: node.place() })
    }

    fn schema() -> Value {
        T::schema()
    }
}

/// A map with known keys only.
pub(crate) trait Settings: Sized {
    /// The keys, in the order of messages.
    const KEYS: &'static [&'static str];

    /// The required keys.
    const REQUIRED: &'static [&'static str];

    /// Parses the values of a map whose keys were checked.
    fn take(fields: &[(String, Node)], slips: &mut Slips<'_>) -> Self;

    /// The schema of each key.
    fn properties() -> Map<String, Value>;

    /// Each key of this map, or else of the other.
    fn or(self, other: Self) -> Self;
}

impl Slips<'_> {
    /// The value of a key, if it is present and valid.
    pub(crate) fn value<T: Setting>(&mut self, fields: &[(String, Node)], key: &str) -> Option<T> {
        let (_, node) = fields.iter().find(|(name, _)| name == key)?;
        self.below(key, |slips| T::read(node, slips))
    }
}

/// Parses a whole map.
pub(crate) fn read_map<T: Settings>(node: &Node, slips: &mut Slips<'_>) -> Option<T> {
    let before = slips.count();
    let fields = slips.map(node, T::KEYS, T::REQUIRED)?;
    let taken = T::take(fields, slips);
    (slips.count() == before).then_some(taken)
}

/// The schema of a map.
pub(crate) fn map_schema(properties: &Map<String, Value>, required: &[&str]) -> Value {
    let mut schema = json!({ "type": "object", "additionalProperties": false, "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// The entry of a key in a schema: its type, and its description.
pub(crate) fn described(key: &str, mut schema: Value, about: &[&str]) -> (String, Value) {
    let about = about.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
    schema["description"] = about.into();
    (key.to_owned(), schema)
}

/// Makes a struct from a table of keys: the parser and the schema come from the same lines.
macro_rules! settings {
    (
        $(#[$about:meta])*
        $name:ident requires [$($required:literal),*] {
            $($(#[doc = $doc:literal])+ $field:ident $key:literal: $type:ty,)+
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub(crate) struct $name {
            $($(#[doc = $doc])+ pub(crate) $field: Option<$type>,)+
        }

        impl $crate::config::sync_rules::setting::Settings for $name {
            const KEYS: &'static [&'static str] = &[$($key),+];
            const REQUIRED: &'static [&'static str] = &[$($required),*];

            fn take(
                fields: &[(String, $crate::config::document::Node)],
                slips: &mut $crate::config::sync_rules::slips::Slips<'_>,
            ) -> Self {
                Self { $($field: slips.value(fields, $key),)+ }
            }

            fn properties() -> serde_json::Map<String, serde_json::Value> {
                use $crate::config::sync_rules::setting::{Setting, described};
                [$(described($key, <$type as Setting>::schema(), &[$($doc),+])),+].into_iter().collect()
            }

            fn or(self, other: Self) -> Self {
                Self { $($field: self.$field.or(other.$field),)+ }
            }
        }

        impl $crate::config::sync_rules::setting::Setting for $name {
            fn expected() -> String {
                let keys = <Self as $crate::config::sync_rules::setting::Settings>::KEYS.join(", ");
                format!("a map with some of {keys}")
            }

            fn read(
                node: &$crate::config::document::Node,
                slips: &mut $crate::config::sync_rules::slips::Slips<'_>,
            ) -> Option<Self> {
                $crate::config::sync_rules::setting::read_map(node, slips)
            }

            fn schema() -> serde_json::Value {
                use $crate::config::sync_rules::setting::{Settings, map_schema};
                map_schema(&<Self as Settings>::properties(), <Self as Settings>::REQUIRED)
            }
        }
    };
}

pub(crate) use settings;
