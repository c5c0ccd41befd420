//! Reads the values of an entry's keys.

use std::path::Path;

use crate::config::document::{Format, Node, Scalar, ScalarKind, Value};
use crate::config::environment::{Lookup, expand};
use crate::config::error::ConfigError;
use crate::config::unknown_key;

pub(super) const SHAPE: &str =
    r#"write "auth": {"registry.example.com": {"username": "...", "password": "...", "insecure": false}}"#;

/// Whether `$NAME` in user and password is replaced: in `--auth` files always, as in the Go tool; in `--config` files never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expansion {
    Expanded,
    Literal,
}

/// How to treat a missing variable or file of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absent {
    /// As an error: the verb needs the login.
    IsError,
    /// As a note: the verb never logs in.
    IsTold,
}

/// Reads one entry. The sibling files read the groups of keys.
pub(super) struct EntryReader<'a> {
    pub(super) file: &'a Path,
    pub(super) format: Format,
    pub(super) key: &'a str,
    pub(super) expansion: Expansion,
    pub(super) lookup: Lookup<'a>,
    /// Whether the entry says that its `$` are literal.
    pub(super) is_literal_wanted: bool,
    pub(super) warnings: &'a mut Vec<String>,
    pub(super) absent: Absent,
    /// The missing variables and files of the login.
    pub(super) absences: Vec<String>,
}

impl EntryReader<'_> {
    /// A text after variable expansion.
    pub(super) fn text(&mut self, field: &str, node: &Node) -> Result<String, ConfigError> {
        let text = self.written(field, node)?;
        if self.expansion == Expansion::Literal {
            return Ok(text);
        }
        let expanded = expand(&text, self.lookup);
        if !expanded.undefined.is_empty() {
            self.warn_of_undefined(field, node, &text, &expanded.undefined);
        }
        Ok(expanded.text)
    }

    /// A text without variable expansion.
    pub(super) fn written(&self, field: &str, node: &Node) -> Result<String, ConfigError> {
        match &node.value {
            Value::Scalar(Scalar { kind: ScalarKind::Null, .. }) => Ok(String::new()),
            Value::Scalar(Scalar { text, kind: ScalarKind::Text, .. }) => Ok(text.clone()),
            // An unquoted YAML number or boolean is the text as typed: `0456` stays `0456`.
            Value::Scalar(Scalar { text, .. }) if self.format == Format::Yaml => Ok(text.clone()),
            _ => {
                // The value may be a secret: the error names only its kind.
                let kind = node.describe();
                let kind = kind.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
                Err(self.error(node, &format!("has a {field} that is {kind}: put it in quotes")))
            }
        }
    }

    pub(super) fn truth(&self, field: &str, node: &Node) -> Result<bool, ConfigError> {
        match &node.value {
            Value::Scalar(Scalar { kind: ScalarKind::True, .. }) => Ok(true),
            Value::Scalar(Scalar { kind: ScalarKind::False | ScalarKind::Null, .. }) => Ok(false),
            _ => {
                Err(self
                    .error(node, &format!("has a `{field}` that is neither true nor false (without quotes)")))
            }
        }
    }

    pub(super) fn is(&self, name: &str, field: &str) -> bool {
        unknown_key::is(self.format, name, field)
    }

    pub(super) fn error(&self, node: &Node, problem: &str) -> ConfigError {
        ConfigError::new(format!("the auth entry `{}` {problem}", self.key))
            .file(self.file)
            .line(node.line)
            .help(SHAPE)
    }
}
