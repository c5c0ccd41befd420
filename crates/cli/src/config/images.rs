//! The rule map: sources and where they go, as they were written.

use std::path::Path;

use super::document::{Node, Scalar, ScalarKind, Value};
use super::error::ConfigError;

/// One rule as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WrittenRule {
    pub(crate) line: usize,
    pub(crate) source: String,
    pub(crate) targets: Vec<String>,
}

const SHAPE: &str = r#"write "source": "target" or "source": ["target", "target"]"#;

/// Reads the rule map, in the file's order.
pub(crate) fn read(file: &Path, node: &Node) -> Result<Vec<WrittenRule>, Vec<ConfigError>> {
    let entries = match &node.value {
        Value::Map(entries) => entries,
        _ if node.is_null() => return Ok(Vec::new()),
        _ => {
            let problem = format!("`images` is {}, but must be a map of rules", node.describe());
            return Err(vec![ConfigError::new(problem).file(file).line(node.line).help(SHAPE)]);
        }
    };
    let (mut rules, mut errors) = (Vec::new(), Vec::new());
    for (source, node) in entries {
        match targets(source, node) {
            Ok(targets) => rules.push(WrittenRule { line: node.line, source: source.clone(), targets }),
            Err(problem) => {
                errors.push(ConfigError::new(problem).file(file).line(node.line).help(SHAPE));
            }
        }
    }
    if errors.is_empty() { Ok(rules) } else { Err(errors) }
}

fn targets(source: &str, node: &Node) -> Result<Vec<String>, String> {
    let wrong = |node: &Node| format!("the target of `{source}` is {}, but must be a text", node.describe());
    let text = |node: &Node| match &node.value {
        Value::Scalar(Scalar { text, kind: ScalarKind::Text }) => Ok(text.clone()),
        _ => Err(wrong(node)),
    };
    match &node.value {
        Value::List(items) if items.is_empty() => Err(format!("`{source}` has an empty list of targets")),
        Value::List(items) => items.iter().map(text).collect(),
        _ => Ok(vec![text(node)?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(json: &str) -> Result<Vec<WrittenRule>, Vec<ConfigError>> {
        read(Path::new("images.json"), &crate::config::json::read(json).unwrap())
    }

    #[test]
    fn one_target_or_several() {
        let read = rules("{\"b\": \"x\",\n \"a\": [\"y\", \"\"]}").unwrap();
        assert_eq!((read[0].source.as_str(), &read[0].targets[..]), ("b", &["x".to_owned()][..]));
        assert_eq!((read[1].line, read[1].targets.len()), (2, 2));
    }

    #[test]
    fn every_wrong_target_is_named() {
        let errors = rules(r#"{"a": null, "b": 5, "c": [], "d": ["x", {}], "e": "fine"}"#).unwrap_err();
        assert_eq!(errors.len(), 4);
        assert!(errors[0].to_string().starts_with("images.json:1: the target of `a`"));
    }
}
