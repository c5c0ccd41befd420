//! One config file, read into a tree, with its text for errors.

use std::path::{Path, PathBuf};

use super::document::{Format, Node};
use super::error::ConfigError;
use super::syntax_error::SyntaxError;
use super::{file_text, json, yaml};

/// A file that is valid JSON or YAML.
pub(super) struct ConfigFile {
    pub(super) path: PathBuf,
    pub(super) format: Format,
    pub(super) root: Node,
    /// What was not read of it, and other odd things.
    pub(super) warnings: Vec<String>,
    text: String,
}

impl ConfigFile {
    /// By the file's ending; a file with another ending is JSON if it can be read as such, else YAML.
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
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
        let shown = file_text::shown(path);
        let mut warnings: Vec<String> =
            read.warning.into_iter().map(|warning| format!("{shown}: {warning}")).collect();
        warnings.extend(document.repeated.iter().map(|repeated| {
            format!(
                "{shown}:{}: `{}` stands here and again in line {}: only the last one counts (several targets of one source are a list)",
                repeated.lost, repeated.key, repeated.kept
            )
        }));
        warnings.extend(document.unread.map(|line| {
            let what = if format == Format::Json { "JSON value" } else { "YAML document" };
            format!("{shown}:{line}: a second {what} begins here and is ignored: only the one from line {} is read", document.root.line)
        }));
        Ok(Self { path: path.to_owned(), format, root: document.root, warnings, text })
    }

    /// A problem with what stands in a line, at a word there.
    pub(super) fn error(&self, problem: String, line: usize, word: &str) -> ConfigError {
        ConfigError::new(problem).file(&self.path).showing(&self.text, line, word)
    }

    /// A problem with the file as a whole.
    pub(super) fn whole(&self, problem: &str) -> ConfigError {
        ConfigError::new(problem).file(&self.path)
    }

    /// The line of an error that has none to show so far.
    pub(super) fn show(&self, error: ConfigError) -> ConfigError {
        error.showing_its_line(&self.text)
    }
}
