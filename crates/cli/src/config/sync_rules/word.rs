//! Settings that are one of a few words, or a boolean.

use serde_json::{Value as Json, json};

use super::setting::Setting;
use super::slips::Slips;
use crate::config::document::{Node, Scalar, ScalarKind, Value};
use crate::nearest::nearest;

impl Setting for bool {
    fn expected() -> String {
        "true or false (without quotes)".to_owned()
    }

    fn read(node: &Node, slips: &mut Slips<'_>) -> Option<Self> {
        match &node.value {
            Value::Scalar(Scalar { kind: ScalarKind::True, .. }) => Some(true),
            Value::Scalar(Scalar { kind: ScalarKind::False, .. }) => Some(false),
            _ => {
                slips.expected(node, &Self::expected());
                None
            }
        }
    }

    fn schema() -> Json {
        json!({ "type": "boolean" })
    }
}

/// The words, for messages.
pub(crate) fn listed<T>(words: &[(&str, T)]) -> String {
    let words: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, front)) => format!("{} or {last}", front.join(", ")),
        None => String::new(),
    }
}

/// Parses one of the words.
pub(crate) fn read_word<T: Copy>(node: &Node, slips: &mut Slips<'_>, words: &[(&str, T)]) -> Option<T> {
    let text = match &node.value {
        Value::Scalar(Scalar { text, kind: ScalarKind::Text, .. }) => text.as_str(),
        _ => "",
    };
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Some(*value);
    }
    let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    match nearest(text, &known) {
        Some(nearest) => {
            let problem = format!("must be {}, not `{text}`", listed(words));
            slips.wrong(node.place(), &problem, Some(&format!("did you mean `{nearest}`?")));
        }
        None => slips.expected(node, &listed(words)),
    }
    None
}

/// Makes an enum from a table of words: the parser and the schema come from the same lines.
macro_rules! words {
    (
        $(#[$about:meta])*
        $name:ident { $($(#[doc = $doc:literal])+ $variant:ident = $word:literal,)+ }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name { $($(#[doc = $doc])+ $variant,)+ }

        impl $name {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),+];
        }

        impl $crate::config::sync_rules::setting::Setting for $name {
            fn expected() -> String {
                $crate::config::sync_rules::word::listed(Self::WORDS)
            }

            fn read(
                node: &$crate::config::document::Node,
                slips: &mut $crate::config::sync_rules::slips::Slips<'_>,
            ) -> Option<Self> {
                $crate::config::sync_rules::word::read_word(node, slips, Self::WORDS)
            }

            fn schema() -> serde_json::Value {
                serde_json::json!({ "enum": [$($word),+] })
            }
        }
    };
}

pub(crate) use words;
