//! Registries with the logins that flags name, for verbs that have no rules of a config.

use super::resolve::transport;
use crate::args::{LoginArgs, given};
use crate::config::{self, ConfigError, SharedRegistries};

/// The registries, before anybody has named one, and what is odd about the files.
///
/// # Errors
/// A file cannot be used.
pub(super) fn registries(args: &LoginArgs) -> Result<(SharedRegistries, Vec<String>), Vec<ConfigError>> {
    let (auth, config) = (given(args.auth.as_deref()), args.config());
    let mut written = config::typed(config.as_deref(), auth, Vec::new(), &config::environment)?;
    written.auth.reach_by(&args.reach)?;
    let mut warnings = written.warnings;
    warnings.extend(written.auth.warnings.iter().cloned());
    Ok((SharedRegistries::with_logins(written.auth, &config::environment, &transport()?), warnings))
}

/// What is odd about logins and flags, once all registries are named.
pub(super) fn oddities(registries: &SharedRegistries) -> Vec<String> {
    let registries = registries.lock();
    registries.warnings().into_iter().chain(registries.unused_flags()).collect()
}
