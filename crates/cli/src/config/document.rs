//! A config file as a tree with line numbers, from JSON or YAML.

use std::collections::HashMap;

use super::syntax_error::Place;

/// The content of a file, and the parts that were not read.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) root: Node,
    pub(crate) repeated: Vec<Repeated>,
    /// The line where a second JSON value or YAML document begins. It is not read.
    pub(crate) unread: Option<usize>,
}

/// A repeated key of a map with different values: the tree has only the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repeated {
    pub(crate) key: String,
    /// The line of the ignored value.
    pub(crate) lost: usize,
    /// The line of the value in the tree.
    pub(crate) kept: usize,
}

/// A value with the place where it begins. In a map it is the key's place, if the key is on an earlier line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) value: Value,
}

/// The content of a node.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    /// In the file's order. A repeated key is here once, with its last value.
    Map(Vec<(String, Node)>),
}

/// A single value. The text is kept as it was written: a password `0456` is no number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) kind: ScalarKind,
    /// Whether a YAML tag such as `!abc` precedes it: most likely the user meant it as part of the text.
    pub(crate) is_tagged: bool,
}

/// The type that the format gives to a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScalarKind {
    Text,
    Number,
    True,
    False,
    Null,
}

/// The format of a file. They differ in which scalars are text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Yaml,
}

impl Node {
    /// A description of the value for errors.
    pub(crate) fn describe(&self) -> String {
        match &self.value {
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
            Value::Scalar(scalar) => match scalar.kind {
                ScalarKind::Null => "nothing (null)".to_owned(),
                ScalarKind::Number => format!("the number {}", scalar.text),
                ScalarKind::True | ScalarKind::False => format!("the truth value {}", scalar.text),
                ScalarKind::Text => "a text".to_owned(),
            },
        }
    }

    pub(crate) fn place(&self) -> Place {
        Place { line: self.line, column: self.column }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(Scalar { kind: ScalarKind::Null, .. }))
    }
}

/// Whether two values are equal, wherever they stand.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Scalar(one), Value::Scalar(other)) => one == other,
        (Value::List(one), Value::List(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| is_same(&one.value, &other.value))
        }
        (Value::Map(one), Value::Map(other)) => {
            let is_same = |((key, one), (other_key, other)): (&(String, Node), &(String, Node))| {
                key == other_key && is_same(&one.value, &other.value)
            };
            one.len() == other.len() && one.iter().zip(other).all(is_same)
        }
        _ => false,
    }
}

/// Builds a map in time linear in its size.
#[derive(Debug, Default)]
pub(crate) struct MapBuilder {
    entries: Vec<(String, Node)>,
    places: HashMap<String, usize>,
}

impl MapBuilder {
    /// Adds an entry. A later value replaces the earlier one of the same key; the replacement is returned.
    pub(crate) fn insert(&mut self, key: String, node: Node) -> Option<Repeated> {
        let Some(place) = self.places.get(&key) else {
            self.places.insert(key.clone(), self.entries.len());
            self.entries.push((key, node));
            return None;
        };
        let existing = &mut self.entries[*place].1;
        let (lost, kept) = (existing.line, node.line);
        let differs = !is_same(&existing.value, &node.value);
        *existing = node;
        differs.then_some(Repeated { key, lost, kept })
    }

    pub(crate) fn contains(&self, key: &str) -> bool {
        self.places.contains_key(key)
    }

    /// The entries in the file's order.
    pub(crate) fn into_entries(self) -> Vec<(String, Node)> {
        self.entries
    }
}
