//! The main job's flags, with a verb and without.

use std::path::PathBuf;

use clap::Args;

use super::config::ConfigArgs;
use super::file::{self, NamedFile};
use super::reach::ReachArgs;
use super::run::RunArgs;

// No documentation: clap would show it in place of the commands'.
#[derive(Clone, Debug, Args)]
pub(crate) struct JobArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    #[command(flatten)]
    pub(crate) reach: ReachArgs,

    /// Copy only what failed before
    ///
    /// What this file names, which --output-failed-images of an earlier run wrote, with the config's logins and the policies of
    /// the rules that it came from; - is stdin.
    #[arg(long, value_name = "FILE", value_parser = file::named(), overrides_with = "retry_failed", help_heading = "Selection")]
    pub(crate) retry_failed: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) run: RunArgs,
}

impl JobArgs {
    /// The files that are read.
    pub(crate) fn files(&self) -> Vec<NamedFile> {
        let mut files = self.config.files();
        files.extend(NamedFile::all([("--retry-failed", self.retry_failed.as_deref())]));
        files
    }
}
