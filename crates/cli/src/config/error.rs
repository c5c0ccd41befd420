//! Errors of a config: the problem, its place, and the advice.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use oci::foreign_text::{Cleaned, clean_to};

use super::excerpt::Excerpt;
use super::file_name;
use super::syntax_error::{Place, SyntaxError};

/// The most bytes of one part: it may quote several texts of the config.
const LONGEST: usize = 4096;

/// An error that must be fixed before anything is copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfigError {
    file: Option<PathBuf>,
    line: Option<usize>,
    column: Option<usize>,
    problem: String,
    excerpt: Option<Box<Excerpt>>,
    help: Option<String>,
}

impl ConfigError {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        let (file, line, column, excerpt, help) = Default::default();
        Self { file, line, column, problem: problem.into(), excerpt, help }
    }

    /// The error for a text that is not valid JSON or YAML.
    pub(crate) fn syntax(kind: &str, text: &str, error: &SyntaxError) -> Self {
        if text.trim().is_empty() {
            return Self::new("the file is empty");
        }
        if text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with('#')) {
            return Self::new("the file has nothing but comments")
                .help("take the `#` away from what is to count, and write your own registries there");
        }
        let excerpt = Excerpt::new(text, error.place);
        // A reason may quote a character, which may belong to a password.
        let reason = if excerpt.is_hidden { "this place cannot be read" } else { &error.reason };
        let new = Self::new(format!("this is not valid {kind}: {reason}"));
        let help = error.help.map(str::to_owned);
        let Place { line, column } = error.place;
        Self { line: Some(line), column: Some(column), excerpt: Some(Box::new(excerpt)), help, ..new }
    }

    pub(crate) fn file(mut self, file: &Path) -> Self {
        self.file = Some(file.to_owned());
        self
    }

    pub(crate) fn line(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    /// Adds a line of the file, with a mark under a word.
    pub(crate) fn showing(self, text: &str, line: usize, word: &str) -> Self {
        let shown = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        let column = shown.find(word).map_or(1, |offset| shown[..offset].chars().count() + 1);
        self.showing_place(text, Place { line, column })
    }

    /// Adds a line of the file, with a mark under a place.
    pub(crate) fn showing_place(mut self, text: &str, place: Place) -> Self {
        self.excerpt = Some(Box::new(Excerpt::new(text, place)));
        (self.line, self.column) = (Some(place.line), Some(place.column));
        self
    }

    /// Adds the line that the error is about.
    pub(crate) fn showing_its_line(mut self, text: &str) -> Self {
        if let (Some(line), None) = (self.line, &self.excerpt) {
            let shown = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
            let column = shown.chars().take_while(|character| character.is_whitespace()).count() + 1;
            self.excerpt = Some(Box::new(Excerpt::new(text, Place { line, column })));
        }
        self
    }

    /// The line number, for sorting.
    pub(crate) fn line_number(&self) -> usize {
        self.line.unwrap_or_default()
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl ConfigError {
    /// The problem with its place, on one line.
    pub(crate) fn problem(&self) -> String {
        let problem = clean_to(&self.problem, LONGEST);
        let Some(file) = &self.file else { return problem.into_owned() };
        let file = Cleaned(file_name::shown(file));
        match (self.line, self.column) {
            (Some(line), Some(column)) => format!("{file}:{line}:{column}: {problem}"),
            (Some(line), None) => format!("{file}:{line}: {problem}"),
            (None, _) => format!("{file}: {problem}"),
        }
    }

    /// The advice, on one line.
    pub(crate) fn advice(&self) -> Option<Cow<'_, str>> {
        self.help.as_deref().map(|help| clean_to(help, LONGEST))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.problem())?;
        if let (Some(excerpt), Some(line)) = (&self.excerpt, self.line) {
            write!(formatter, "\n{}", excerpt.lines(line, "  "))?;
        }
        if let Some(help) = self.advice() {
            write!(formatter, "\n  help: {help}")?;
        }
        Ok(())
    }
}
