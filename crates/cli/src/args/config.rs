//! The flags that name config files.

use std::path::{Path, PathBuf};

use clap::Args;

use super::file::{NamedFile, file, given};

/// What verbs read where no file is named. The form without a verb never does: the Go tool did not, which read
/// `./image-syncer.json`.
pub(crate) const DEFAULT: &str = "image-syncer.yaml";

// No documentation: clap would show it in place of the commands'.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Config")]
pub(crate) struct ConfigArgs {
    /// Config file, JSON or YAML
    ///
    /// With `auth`, `images` and `sync`; - is stdin. Where no file is named, verbs read ./image-syncer.yaml. Where that is
    /// not there, and without a verb, ./image-syncer.json is read.
    #[arg(long, value_name = "FILE", value_parser = file(), overrides_with = "config")]
    pub(crate) config: Option<PathBuf>,

    /// File with logins alone
    ///
    /// {"registry": {"username", "password", "insecure"}}; - is stdin.
    #[arg(long, value_name = "FILE", value_parser = file(), overrides_with = "auth")]
    pub(crate) auth: Option<PathBuf>,

    /// File with rules alone
    ///
    /// {"source": "target" or ["target", ...]}; - is stdin.
    #[arg(long, value_name = "FILE", value_parser = file(), overrides_with = "images")]
    pub(crate) images: Option<PathBuf>,

    /// Registry for rules with empty targets
    ///
    /// Without it, what the variable `DEFAULT_REGISTRY` has.
    #[arg(long, value_name = "HOST", env = "DEFAULT_REGISTRY", hide_env = true, overrides_with = "registry")]
    pub(crate) registry: Option<String>,

    /// Namespace for rules with empty targets
    ///
    /// Without it, what the variable `DEFAULT_NAMESPACE` has.
    #[arg(
        long,
        value_name = "NAME",
        env = "DEFAULT_NAMESPACE",
        hide_env = true,
        overrides_with = "namespace"
    )]
    pub(crate) namespace: Option<String>,

    /// The verb that reads them; none in the form without one.
    #[arg(skip)]
    pub(crate) verb: Option<&'static str>,
}

impl ConfigArgs {
    /// The files that are read.
    pub(crate) fn files(&self) -> Vec<NamedFile> {
        let flags = [("--config", &self.config), ("--auth", &self.auth), ("--images", &self.images)];
        NamedFile::all(flags.map(|(flag, path)| (flag, path.as_deref())))
    }

    /// As a verb reads them: `image-syncer.yaml` of this folder where no file is named.
    pub(crate) fn of_verb(mut self, verb: &'static str) -> Self {
        self.verb = Some(verb);
        let others = [self.auth.as_deref(), self.images.as_deref()];
        self.config = config_of_verb(self.config.as_deref(), &others);
        self
    }
}

/// The config that a verb reads: `image-syncer.yaml` of this folder where neither it nor another file is named.
pub(super) fn config_of_verb(config: Option<&Path>, others: &[Option<&Path>]) -> Option<PathBuf> {
    if let Some(config) = given(config) {
        return Some(config.to_owned());
    }
    let is_named = others.iter().any(|path| given(*path).is_some());
    (!is_named && Path::new(DEFAULT).exists()).then(|| DEFAULT.into())
}
