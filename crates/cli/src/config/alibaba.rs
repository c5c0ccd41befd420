//! The API of an Alibaba registry, for commands without rules: from flags, an `auth` entry, and the registry's own answers.

use std::path::Path;
use std::sync::Arc;

use oci::{RegistryHost, RepositoryName};
use registry::Transport;

use super::environment::Lookup;
use super::error::ConfigError;
use super::load::auth_of;
use super::registries::Registries;
use crate::args::ReachArgs;
use endpoints::{AcrAccess, AcrSettings};

/// The client of the API behind a registry. `given` overrides the file.
pub(crate) fn alibaba(
    file: Option<&Path>,
    (host, repository): (&RegistryHost, &RepositoryName),
    given: AcrSettings,
    reach: &ReachArgs,
    transport: &Transport,
    lookup: Lookup<'_>,
) -> Result<Arc<AcrAccess>, Vec<ConfigError>> {
    let mut auth = file.map(|file| auth_of(file, lookup)).transpose()?.unwrap_or_default();
    let known = auth.take_for_acr(host, repository, given);
    if let (Some(file), false) = (file, known) {
        let problem = format!("`auth` has no entry for `{host}`");
        return Err(vec![ConfigError::new(problem).file(file).help("add one, or leave --config out")]);
    }
    auth.reach_by(reach)?;
    Registries::new(auth, lookup, transport)
        .alibaba(host, repository)
        .map_err(|problem| vec![ConfigError::new(problem)])
}
