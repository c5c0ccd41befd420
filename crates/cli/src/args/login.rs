//! The flags of verbs that take from a config its logins alone, and how registries are reached.

use std::path::PathBuf;

use clap::Args;

use super::config::config_of_verb;
use super::file::{NamedFile, file};
use super::reach::ReachArgs;

// No documentation: clap would show it in place of the commands'.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Config")]
pub(crate) struct LoginArgs {
    /// Config whose logins count
    ///
    /// Those of `auth` in it; - is stdin. Without it and `--auth`, `./image-syncer.yaml` is read.
    #[arg(long, value_name = "FILE", value_parser = file(), overrides_with = "config")]
    pub(crate) config: Option<PathBuf>,

    /// File with logins alone
    ///
    /// {"registry": {"username", "password", "insecure"}}; - is stdin.
    #[arg(long, value_name = "FILE", value_parser = file(), overrides_with = "auth")]
    pub(crate) auth: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) reach: ReachArgs,
}

impl LoginArgs {
    /// The files that are read.
    pub(crate) fn files(&self) -> Vec<NamedFile> {
        NamedFile::all([("--config", self.config().as_deref()), ("--auth", self.auth.as_deref())])
    }

    /// The config whose logins count.
    pub(crate) fn config(&self) -> Option<PathBuf> {
        config_of_verb(self.config.as_deref(), &[self.auth.as_deref()])
    }
}
