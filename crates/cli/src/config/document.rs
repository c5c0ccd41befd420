//! A config file as a tree that remembers lines, whether it was JSON or YAML.

use std::collections::HashMap;

use super::syntax_error::Place;

/// What is read of a file, and what is not.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) root: Node,
    pub(crate) repeated: Vec<Repeated>,
    /// The line where a second JSON value or YAML document begins, which is not read.
    pub(crate) unread: Option<usize>,
}

/// A key that stands twice in one map with different values: only the last one is in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repeated {
    pub(crate) key: String,
    /// The line of the value that is lost.
    pub(crate) lost: usize,
    /// The line of the value that counts.
    pub(crate) kept: usize,
}

/// A value with the place where it begins; in a map, the place of its key where that stands in a line before it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) value: Value,
}

/// What stands there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    /// In the file's order; where a key stands twice, only its last value is here.
    Map(Vec<(String, Node)>),
}

/// A single value. The text is kept as it was written: a password `0456` is no number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) kind: ScalarKind,
    /// Whether a YAML tag such as `!abc` stands before it: most likely the beginning of the text.
    pub(crate) is_tagged: bool,
}

/// What a reader of the format takes a scalar for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScalarKind {
    Text,
    Number,
    True,
    False,
    Null,
}

/// Which notation a file uses; they differ in what they take for text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Yaml,
}

impl Node {
    /// Names the value in an error.
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

/// Whether two values say the same, wherever they stand.
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

/// A map that is being read. Large maps are read in time that grows with their size, not with its square.
#[derive(Debug, Default)]
pub(crate) struct MapBuilder {
    entries: Vec<(String, Node)>,
    places: HashMap<String, usize>,
}

impl MapBuilder {
    /// Adds an entry. A later value for the same key takes the place of the earlier one, which is told.
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
