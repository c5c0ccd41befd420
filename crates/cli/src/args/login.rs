//! The flags of verbs that take from a config its logins alone, and how registries are reached.

use std::path::PathBuf;

use clap::Args;

use super::config::config_of_verb;
use super::file::file;
use super::reach::ReachArgs;

/// Where logins stand, and how registries are reached.
#[derive(Clone, Debug, Args)]
pub(crate) struct LoginArgs {
    /// Take the logins from `auth` in this file; - is stdin. Without it and `--auth`, `./image-syncer.yaml` is read
    #[arg(long, value_name = "FILE", value_parser = file(), overrides_with = "config")]
    pub(crate) config: Option<PathBuf>,

    /// File with the logins, as for `--auth` without a verb; - is stdin
    #[arg(long, value_name = "FILE", value_parser = file(), overrides_with = "auth")]
    pub(crate) auth: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) reach: ReachArgs,
}

impl LoginArgs {
    /// The config whose logins count.
    pub(crate) fn config(&self) -> Option<PathBuf> {
        config_of_verb(self.config.as_deref(), &[self.auth.as_deref()])
    }
}
