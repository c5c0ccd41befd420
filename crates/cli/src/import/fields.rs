//! Reads a map of another tool's file. Asking for a key marks it as known; the others are reported.

use std::collections::HashSet;

use super::note::Notes;
use crate::config::{Node, Scalar, ScalarKind, Value};

/// A mistake that the other tool would reject, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slip {
    pub(crate) line: usize,
    pub(crate) problem: String,
}

impl Slip {
    pub(super) fn new(line: usize, problem: impl Into<String>) -> Self {
        Self { line, problem: problem.into() }
    }
}

/// A text with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written<'a> {
    pub(super) text: &'a str,
    pub(super) line: usize,
}

/// The name of the file's top-level map.
pub(super) const FILE: &str = "the file";

/// A map that is being read.
pub(super) struct Fields<'a> {
    /// The map's name, for messages: `sync entry 2`.
    pub(super) what: String,
    pub(super) line: usize,
    entries: &'a [(String, Node)],
    asked: HashSet<&'static str>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(what: impl Into<String>, node: &'a Node) -> Result<Self, Slip> {
        let (what, line) = (what.into(), node.line);
        match &node.value {
            Value::Map(entries) => Ok(Self { what, line, entries, asked: HashSet::new() }),
            _ if node.is_null() => Ok(Self { what, line, entries: &[], asked: HashSet::new() }),
            _ => Err(Slip::new(line, format!("{what} is {}, but must be a map", kind(node)))),
        }
    }

    /// The value of a key, unless it is null.
    pub(super) fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        self.asked.insert(key);
        let (_, node) = self.entries.iter().find(|(name, _)| name == key)?;
        (!node.is_null()).then_some(node)
    }

    /// A text; an empty one counts as missing.
    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<Written<'a>>, Slip> {
        let Some(node) = self.node(key) else { return Ok(None) };
        let text = text(node).ok_or_else(|| self.wrong(key, node, "a text"))?;
        Ok((!text.is_empty()).then_some(Written { text, line: node.line }))
    }

    /// A text that the entry requires.
    pub(super) fn needed(&mut self, key: &'static str) -> Result<Written<'a>, Slip> {
        let text = self.text(key)?;
        text.ok_or_else(|| Slip::new(self.line, format!("{} has no `{key}`", self.what)))
    }

    pub(super) fn truth(&mut self, key: &'static str) -> Result<Option<bool>, Slip> {
        let Some(node) = self.node(key) else { return Ok(None) };
        match &node.value {
            Value::Scalar(Scalar { kind: ScalarKind::True, .. }) => Ok(Some(true)),
            Value::Scalar(Scalar { kind: ScalarKind::False, .. }) => Ok(Some(false)),
            _ => Err(self.wrong(key, node, "true or false")),
        }
    }

    pub(super) fn number(&mut self, key: &'static str) -> Result<Option<i64>, Slip> {
        let Some(node) = self.node(key) else { return Ok(None) };
        let number = text(node).and_then(|text| text.parse().ok());
        number.map(Some).ok_or_else(|| self.wrong(key, node, "a whole number"))
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, key: &'static str) -> Result<Vec<Written<'a>>, Slip> {
        let Some(node) = self.node(key) else { return Ok(Vec::new()) };
        let Value::List(items) = &node.value else { return Err(self.wrong(key, node, "a list of texts")) };
        let item = |item: &'a Node| {
            let text = text(item).ok_or_else(|| self.wrong(key, item, "a list of texts"))?;
            Ok(Written { text, line: item.line })
        };
        items.iter().map(item).collect()
    }

    /// One text, or a list of them.
    pub(super) fn text_or_texts(&mut self, key: &'static str) -> Result<Vec<Written<'a>>, Slip> {
        match self.node(key) {
            Some(Node { value: Value::Scalar(_), .. }) => Ok(self.text(key)?.into_iter().collect()),
            _ => self.texts(key),
        }
    }

    /// A list of maps. Their names are `what` with their place in the list.
    pub(super) fn maps(&mut self, key: &'static str, what: &str) -> Result<Vec<Fields<'a>>, Slip> {
        let Some(node) = self.node(key) else { return Ok(Vec::new()) };
        let Value::List(items) = &node.value else { return Err(self.wrong(key, node, "a list")) };
        let item = |(index, item)| Fields::of(format!("{what} {}", index + 1), item);
        items.iter().enumerate().map(item).collect()
    }

    /// A nested map.
    pub(super) fn map(&mut self, key: &'static str) -> Result<Option<Fields<'a>>, Slip> {
        let is_whole = self.what == FILE;
        let what = if is_whole { format!("`{key}`") } else { format!("`{key}` of {}", self.what) };
        self.node(key).map(|node| Fields::of(what, node)).transpose()
    }

    /// All entries of a map whose keys are names.
    pub(super) fn named(self) -> &'a [(String, Node)] {
        self.entries
    }

    /// Ignores known keys that do not affect a copy.
    pub(super) fn pass_over(&mut self, keys: &[&'static str]) {
        self.asked.extend(keys);
    }

    /// Reports known keys without an equivalent, where they are present.
    pub(super) fn leave_out(&mut self, notes: &mut Notes, reasons: &[(&'static str, &str)]) {
        for (key, why) in reasons {
            if let Some(node) = self.node(key) {
                notes.left_out(node.line, format!("`{key}` of {}", self.what), *why);
            }
        }
    }

    /// Reports the keys that were not asked for.
    pub(super) fn finish(self, notes: &mut Notes) {
        let unknown = self.entries.iter().filter(|(key, _)| !self.asked.contains(&**key));
        for (key, node) in unknown {
            notes.left_out(
                node.line,
                format!("`{key}` of {}", self.what),
                "this import does not know the key",
            );
        }
    }

    fn wrong(&self, key: &str, node: &Node, wanted: &str) -> Slip {
        let problem = format!("`{key}` of {} is {}, but must be {wanted}", self.what, kind(node));
        Slip::new(node.line, problem)
    }
}

/// The text of a scalar as written; a version `1.10` is no number.
pub(super) fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(Scalar { kind: ScalarKind::Null, .. }) => Some(""),
        Value::Scalar(scalar) => Some(&scalar.text),
        _ => None,
    }
}

/// The text of a scalar node.
pub(super) fn shown(node: &Node) -> &str {
    text(node).unwrap_or("a list or map")
}

/// The type of a value. The value itself may be a secret.
fn kind(node: &Node) -> &'static str {
    match &node.value {
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
        Value::Scalar(scalar) => match scalar.kind {
            ScalarKind::Text => "a text",
            ScalarKind::Number => "a number",
            ScalarKind::True | ScalarKind::False => "a truth value",
            ScalarKind::Null => "nothing",
        },
    }
}
