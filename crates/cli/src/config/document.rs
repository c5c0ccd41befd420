//! A config file as a tree that remembers lines, whether it was JSON or YAML.

/// A value with the line where it begins.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) line: usize,
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

    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(Scalar { kind: ScalarKind::Null, .. }))
    }
}

/// Adds an entry to a map; a later value for the same key takes the place of the earlier one.
pub(crate) fn insert(entries: &mut Vec<(String, Node)>, key: String, node: Node) {
    match entries.iter_mut().find(|(existing, _)| *existing == key) {
        Some((_, existing)) => *existing = node,
        None => entries.push((key, node)),
    }
}
