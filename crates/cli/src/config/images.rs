//! The rule map `images`: sources and targets as written.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::document::{Node, Scalar, ScalarKind, Value};
use super::error::ConfigError;
use super::odd_character;

/// One rule as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WrittenRule {
    /// The place among all rules, in the order of execution: first `images`, then `sync`.
    pub(crate) order: usize,
    pub(crate) section: Section,
    pub(crate) line: usize,
    /// Only rules of `sync` have a name.
    pub(crate) name: Option<String>,
    pub(crate) source: String,
    pub(crate) targets: Vec<String>,
    /// Set if it is a line of a list of failures.
    pub(crate) retried: Option<Retried>,
}

/// The rules of the config that a line of a list of failures stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Retried {
    /// The rule that its images came from.
    pub(crate) of: Arc<WrittenRule>,
    /// That rule's label: shared, as one rule may have many lines, and a long text.
    pub(crate) label: Arc<str>,
    pub(crate) share: Share,
    /// Further rules that the list takes up whole.
    pub(crate) also: Vec<Arc<WrittenRule>>,
}

/// How much of a rule a list of failures takes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// All that it copies, in one line or several.
    Whole,
    Part,
}

/// The section of a rule: the older and the newer form interpret texts differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// Variables in targets are replaced.
    Images,
    /// Texts are literal.
    Sync,
}

impl WrittenRule {
    /// A rule of `images`, or from the command line.
    pub(crate) fn of_images(order: usize, line: usize, source: String, targets: Vec<String>) -> Self {
        Self { order, section: Section::Images, line, name: None, source, targets, retried: None }
    }

    /// The rule's label for a sentence.
    pub(crate) fn shown(&self) -> String {
        match &self.name {
            Some(name) => format!("\"{name}\""),
            None => format!("for `{}`", self.source),
        }
    }

    /// The label for messages: the name, or else the source's text, of the rule in the config.
    pub(crate) fn label(&self) -> &str {
        match &self.retried {
            Some(retried) => &retried.label,
            None => self.name.as_deref().unwrap_or(&self.source),
        }
    }

    /// The label, shared with other lines of the same rule.
    pub(crate) fn shared_label(&self) -> Arc<str> {
        self.retried.as_ref().map_or_else(|| self.label().into(), |retried| retried.label.clone())
    }

    /// The rule in the config: of a line of a list of failures, the rule that its images came from.
    pub(crate) fn in_config(&self) -> &Self {
        self.retried.as_ref().map_or(self, |retried| &retried.of)
    }

    /// The rule in documents: of lines that take up a whole rule, that rule.
    pub(crate) fn in_documents(&self) -> &Self {
        let whole = self.retried.as_ref().filter(|retried| retried.share == Share::Whole);
        whole.map_or(self, |retried| &retried.of)
    }

    /// The label of the rule of the config of which this is a part.
    pub(crate) fn part_of(&self) -> Option<Arc<str>> {
        let retried = self.retried.as_ref().filter(|retried| retried.share == Share::Part)?;
        Some(retried.label.clone())
    }
}

const SHAPE: &str = r#"write "source": "target" or "source": ["target", "target"]"#;

/// Parses the rule map, in the file's order.
pub(crate) fn read(file: &Path, node: &Node) -> Result<Vec<WrittenRule>, Vec<ConfigError>> {
    let entries = match &node.value {
        Value::Map(entries) => entries,
        _ if node.is_null() => return Ok(Vec::new()),
        _ => {
            let problem = format!("`images` is {}, but must be a map of rules", node.describe());
            return Err(vec![ConfigError::new(problem).file(file).line(node.line).help(map_help(node))]);
        }
    };
    let (mut rules, mut errors) = (Vec::new(), Vec::new());
    for (order, (source, node)) in entries.iter().enumerate() {
        match targets(source, node) {
            Ok(targets) => rules.push(WrittenRule::of_images(order, node.line, source.clone(), targets)),
            Err(problem) => {
                errors.push(ConfigError::new(problem).file(file).line(node.line).help(SHAPE));
            }
        }
    }
    if errors.is_empty() { Ok(rules) } else { Err(errors) }
}

/// The advice for a value that was probably meant as a map.
fn map_help(node: &Node) -> String {
    let Value::Scalar(scalar) = &node.value else { return SHAPE.to_owned() };
    if scalar.is_tagged {
        return "without quotes, `!` begins a tag in YAML: write the rule in quotes".to_owned();
    }
    match odd_character::find(&scalar.text) {
        Some(odd) => format!("{} stands in it: {}", odd.describe(), odd.instead()),
        None if scalar.text.contains('/') => {
            "in YAML, a blank stands behind the colon between source and target: `quay.io/coreos/etcd: r.io/mirror/etcd`".to_owned()
        }
        None => SHAPE.to_owned(),
    }
}

fn targets(source: &str, node: &Node) -> Result<Vec<String>, String> {
    let wrong = |node: &Node| format!("the target of `{source}` is {}, but must be a text", node.describe());
    let text = |node: &Node| match &node.value {
        Value::Scalar(Scalar { text, kind: ScalarKind::Text, .. }) => Ok(text.clone()),
        _ => Err(wrong(node)),
    };
    match &node.value {
        // As in the Go tool up to 1.5.0: in YAML, `a/b:1:` has the default target of the flags.
        _ if node.is_null() => Ok(vec![String::new()]),
        Value::List(items) if items.is_empty() => Err(format!("`{source}` has an empty list of targets")),
        Value::List(items) => items.iter().map(text).collect(),
        _ => Ok(vec![text(node)?]),
    }
}

/// The JSON Schema of `images`.
pub(crate) fn schema() -> Json {
    let text = json!({ "type": "string" });
    let list = json!({ "type": "array", "minItems": 1, "items": text });
    json!({
        "type": ["object", "null"],
        "description": "Rules: a source, and the target or targets that it is copied to.",
        "additionalProperties": { "anyOf": [{ "type": ["string", "null"] }, list] },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(json: &str) -> Result<Vec<WrittenRule>, Vec<ConfigError>> {
        read(Path::new("images.json"), &crate::config::json::read(json).unwrap().root)
    }

    #[test]
    fn one_target_or_several() {
        let read = rules("{\"b\": \"x\",\n \"a\": [\"y\", \"\"]}").unwrap();
        assert_eq!((read[0].source.as_str(), &read[0].targets[..]), ("b", &["x".to_owned()][..]));
        assert_eq!((read[1].line, read[1].targets.len()), (2, 2));
    }

    #[test]
    fn every_wrong_target_is_named() {
        let errors = rules(r#"{"a": true, "b": 5, "c": [], "d": ["x", null], "e": "fine"}"#).unwrap_err();
        assert_eq!(errors.len(), 4);
        assert!(errors[0].to_string().starts_with("images.json:1: the target of `a`"));
    }

    #[test]
    fn c21_no_target_is_an_empty_one() {
        let read = rules(r#"{"a": null}"#).unwrap();
        assert_eq!(read[0].targets, [""]);
    }
}
