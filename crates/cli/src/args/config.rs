//! The flags that name config files.

use std::path::{Path, PathBuf};

use clap::Args;

use super::file::{file, given};

/// What verbs read where no file is named. The form without a verb never does: the Go tool did not.
const DEFAULT: &str = "image-syncer.yaml";

/// Where rules and logins stand.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ConfigArgs {
    /// One file (JSON or YAML) with `auth` and `images`; - is stdin
    #[arg(long, value_name = "FILE", value_parser = file(), overrides_with = "config")]
    pub(crate) config: Option<PathBuf>,

    /// File with the logins: {"registry": {"username", "password", "insecure"}}; - is stdin
    #[arg(long, value_name = "FILE", value_parser = file(), overrides_with = "auth")]
    pub(crate) auth: Option<PathBuf>,

    /// File with the rules: {"source": "target" or ["target", ...]}; - is stdin
    #[arg(long, value_name = "FILE", value_parser = file(), overrides_with = "images")]
    pub(crate) images: Option<PathBuf>,

    /// Registry for rules whose target is empty
    #[arg(long, value_name = "HOST", env = "DEFAULT_REGISTRY", overrides_with = "registry")]
    pub(crate) registry: Option<String>,

    /// Namespace for rules whose target is empty
    #[arg(long, value_name = "NAME", env = "DEFAULT_NAMESPACE", overrides_with = "namespace")]
    pub(crate) namespace: Option<String>,
}

impl ConfigArgs {
    /// As a verb reads them: `image-syncer.yaml` of this folder where no file is named.
    pub(crate) fn of_verb(mut self) -> Self {
        let is_named = [&self.config, &self.auth, &self.images].map(|path| given(path.as_deref()).is_some());
        if !is_named.contains(&true) && Path::new(DEFAULT).exists() {
            self.config = Some(DEFAULT.into());
        }
        self
    }
}
