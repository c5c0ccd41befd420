//! A config file as a tree, with its text for errors.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use super::document::{Format, Node, Repeated, Value};
use super::error::ConfigError;
use super::file_name;
use super::syntax_error::{Place, SyntaxError};
use super::{file_text, json, yaml};

/// A file of valid JSON or YAML.
#[derive(Clone)]
pub(crate) struct ConfigFile {
    pub(super) path: PathBuf,
    pub(super) format: Format,
    pub(crate) root: Node,
    /// Warnings about its text, and where the unread rest begins.
    odd: Vec<String>,
    repeated: Vec<Repeated>,
    text: String,
}

/// Omits the text, which holds passwords.
impl fmt::Debug for ConfigFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("ConfigFile").field(&self.path).finish()
    }
}

impl ConfigFile {
    /// The ending decides the format; with another ending, a file that parses as JSON is JSON, else YAML.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let read = file_text::read(path)?;
        let text = read.text;
        let as_json = || json::read(&text).map(|document| (Format::Json, document));
        let as_yaml = || yaml::read(&text).map(|document| (Format::Yaml, document));
        let is_json = text.trim_start().starts_with(['{', '[']);
        let syntax = |kind: &str, error: &SyntaxError| ConfigError::syntax(kind, &text, error).file(path);
        let parsed =
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("json") => as_json().map_err(|error| syntax("JSON", &error)),
                Some("yaml" | "yml") => as_yaml().map_err(|error| syntax("YAML", &error)),
                _ => as_json().or_else(|json_error| {
                    as_yaml().map_err(|error| {
                        if is_json { syntax("JSON", &json_error) } else { syntax("YAML", &error) }
                    })
                }),
            };
        let (format, document) = parsed?;
        let shown = file_name::shown(path);
        let mut odd: Vec<String> =
            read.warning.into_iter().map(|warning| format!("{shown}: {warning}")).collect();
        odd.extend(document.unread.map(|line| {
            let what = if format == Format::Json { "JSON value" } else { "YAML document" };
            format!("{shown}:{line}: a second {what} begins here and is ignored: only the one from line {} is read", document.root.line)
        }));
        Ok(Self {
            path: path.to_owned(),
            format,
            root: document.root,
            odd,
            repeated: document.repeated,
            text,
        })
    }

    /// Warnings about unread parts and other oddities.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let shown = file_name::shown(&self.path);
        let repeated = self.repeated.iter().map(|repeated| {
            format!(
                "{shown}:{}: `{}` stands here and again in line {}: only the last one counts (several targets of one source are a list)",
                repeated.lost, repeated.key, repeated.kept
            )
        });
        let mut warnings = self.odd.clone();
        let place = usize::from(!self.odd.is_empty()).min(warnings.len());
        warnings.splice(place..place, repeated);
        warnings
    }

    /// Repeated keys in maps below a top-level key. Line numbers decide what is below it.
    pub(super) fn repeated_in(&self, node: &Node) -> Vec<ConfigError> {
        let Value::Map(entries) = &self.root.value else { return Vec::new() };
        let later = entries.iter().map(|(_, other)| other.line).filter(|line| *line > node.line).min();
        let is_alone = entries.iter().filter(|(_, other)| other.line == node.line).count() == 1;
        let lines = if is_alone { node.line..later.unwrap_or(usize::MAX) } else { 0..0 };
        let repeated = self.repeated.iter().filter(|repeated| lines.contains(&repeated.lost));
        let error = |Repeated { key, lost, kept }: &Repeated| {
            let problem = format!("`{key}` stands twice in one map: here and in line {lost}");
            self.error(problem, *kept, key).help("remove one of them")
        };
        repeated.map(error).collect()
    }

    /// An error about a word in a line.
    pub(super) fn error(&self, problem: String, line: usize, word: &str) -> ConfigError {
        ConfigError::new(problem).file(&self.path).showing(&self.text, line, word)
    }

    /// An error about a place.
    pub(super) fn error_at(&self, problem: String, place: Place) -> ConfigError {
        ConfigError::new(problem).file(&self.path).showing_place(&self.text, place)
    }

    /// The place of a key with this value.
    pub(super) fn place_of_key(&self, key: &str, node: &Node) -> Place {
        let line = self.text.lines().nth(node.line.saturating_sub(1)).unwrap_or_default();
        let before: String = line.chars().take(node.column.saturating_sub(1)).collect();
        // If the value has no line of its own, it has its key's place.
        let offset = before.rfind(key).or_else(|| line.find(key));
        let column = offset.map_or(1, |offset| line[..offset].chars().count() + 1);
        Place { line: node.line, column }
    }

    /// The file's name for messages.
    pub(crate) fn shown(&self) -> Cow<'_, str> {
        file_name::shown(&self.path)
    }

    /// An error about the whole file.
    pub(crate) fn whole(&self, problem: &str) -> ConfigError {
        ConfigError::new(problem).file(&self.path)
    }

    /// Adds the line to an error that shows none yet.
    pub(super) fn show(&self, error: ConfigError) -> ConfigError {
        error.showing_its_line(&self.text)
    }
}
