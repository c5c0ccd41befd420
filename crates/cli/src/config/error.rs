//! What is wrong with a config, where, and what to write instead.

use std::fmt;
use std::path::{Path, PathBuf};

use registry::foreign_text::{Cleaned, clean_to};

/// The most bytes of one part: several texts of the config may stand in it.
const LONGEST: usize = 4096;

/// One thing that must be mended before anything is copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfigError {
    file: Option<PathBuf>,
    line: Option<usize>,
    problem: String,
    help: Option<String>,
}

impl ConfigError {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self { file: None, line: None, problem: problem.into(), help: None }
    }

    pub(crate) fn file(mut self, file: &Path) -> Self {
        self.file = Some(file.to_owned());
        self
    }

    pub(crate) fn line(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    /// Where it stands, for sorting.
    pub(crate) fn line_number(&self) -> usize {
        self.line.unwrap_or_default()
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(formatter, "{}:", Cleaned(file.display()))?;
            if let Some(line) = self.line {
                write!(formatter, "{line}:")?;
            }
            formatter.write_str(" ")?;
        }
        formatter.write_str(&clean_to(&self.problem, LONGEST))?;
        if let Some(help) = &self.help {
            write!(formatter, "\n  help: {}", clean_to(help, LONGEST))?;
        }
        Ok(())
    }
}
