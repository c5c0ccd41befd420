//! Registries with the logins of the flags, for verbs without rules of a config.

use super::resolve::transport;
use crate::args::{LoginArgs, given};
use crate::config::{self, ConfigError, SharedRegistries, Written};

/// The registries, none used yet, and the warnings about the files.
///
/// # Errors
/// A file cannot be used.
pub(super) fn registries(args: &LoginArgs) -> Result<(SharedRegistries, Vec<String>), Vec<ConfigError>> {
    let (auth, config) = (given(args.auth.as_deref()), args.config());
    let written = config::typed(config.as_deref(), auth, Vec::new(), &config::environment)?;
    of_logins(written, args)
}

/// Like `registries`, with the whole config if its rules can be read.
///
/// # Errors
/// A file cannot be used.
pub(super) fn registries_and_config(
    args: &LoginArgs,
) -> Result<(SharedRegistries, Vec<String>, Option<Written>), Vec<ConfigError>> {
    let Some(config) = args.config() else {
        let (registries, warnings) = registries(args)?;
        return Ok((registries, warnings, None));
    };
    let auth = given(args.auth.as_deref());
    let (logins, all) = config::logins_and_all(&config, auth, &config::environment)?;
    let (registries, warnings) = of_logins(logins, args)?;
    Ok((registries, warnings, all))
}

fn of_logins(
    mut written: Written,
    args: &LoginArgs,
) -> Result<(SharedRegistries, Vec<String>), Vec<ConfigError>> {
    written.auth.reach_by(&args.reach)?;
    let mut warnings = written.warnings;
    warnings.extend(written.auth.warnings.iter().cloned());
    Ok((SharedRegistries::with_logins(written.auth, &config::environment, &transport()?), warnings))
}

/// Warnings about logins and flags. Call it when all registries have been used.
pub(super) fn oddities(registries: &SharedRegistries) -> Vec<String> {
    let registries = registries.lock();
    registries.warnings().into_iter().chain(registries.unused_flags()).collect()
}
