//! Runs the binary as a user would, with its own folder and environment.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, ensure};

/// A folder with config files, and the environment for runs in it.
pub(crate) struct Workplace {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

/// The output and the end of a run.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Workplace {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { folder: tempfile::TempDir::new()?, variables: Vec::new() })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.path().join(name);
        std::fs::write(&path, text)?;
        Ok(path)
    }

    pub(crate) fn read(&self, name: &str) -> Result<String> {
        std::fs::read_to_string(self.path().join(name)).with_context(|| format!("{name} is not there"))
    }

    pub(crate) fn variable(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// The command, with only those variables of this test's environment that programs need to start.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_image-syncer"));
        command.args(arguments.split_whitespace()).current_dir(self.path()).env_clear().stdin(Stdio::null());
        command.env("HOME", self.path()).env("TMPDIR", self.path());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs `image-syncer` with these arguments, which have no blanks inside.
    pub(crate) fn run(&self, arguments: &str) -> Result<Ran> {
        Ran::of(self.command(arguments).output()?)
    }
}

impl Ran {
    pub(crate) fn of(output: Output) -> Result<Self> {
        let ended = || format!("ended by a signal: {}", String::from_utf8_lossy(&output.stderr));
        let code = output.status.code().with_context(ended)?;
        let (stdout, stderr) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
        Ok(Self { code, stdout, stderr })
    }

    /// The whole output.
    pub(crate) fn all(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }

    /// Fails with the whole output unless the run ended with this status.
    pub(crate) fn expect_code(self, code: i32) -> Result<Self> {
        ensure!(self.code == code, "ended with {} instead of {code}:\n{}", self.code, self.all());
        Ok(self)
    }

    /// Fails with the whole output unless stderr has all of these texts.
    pub(crate) fn says(self, texts: &[&str]) -> Result<Self> {
        for text in texts {
            ensure!(self.stderr.contains(text), "does not say {text:?}:\n{}", self.all());
        }
        Ok(self)
    }

    /// Fails if the output has any of these texts.
    pub(crate) fn hides(self, secrets: &[&str]) -> Result<Self> {
        for secret in secrets {
            ensure!(!self.all().contains(secret), "a secret was printed");
        }
        Ok(self)
    }
}
