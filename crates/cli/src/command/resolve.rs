//! Resolves files and flags before any registry is asked.

use ::sync::{ReferrerPolicy, Rewrite};
use registry::{Proxies, Transport};

use crate::args::{ConfigArgs, NarrowArgs, OnlyArgs, ReachArgs, RunArgs};
use crate::config::{self, Absent, ConfigError, Defaults, Resolved, Written, environment};

/// The user agent of all requests.
const USER_AGENT: &str = concat!("image-syncer/", env!("CARGO_PKG_VERSION"));

/// Resolves the files. All errors in them are found here, before any registry is asked.
pub(super) fn resolve(
    args: &ConfigArgs,
    only: &OnlyArgs,
    reach: &ReachArgs,
) -> Result<Resolved, Vec<ConfigError>> {
    resolve_written(only_named(written(args, reach)?, only)?, defaults(args))
}

/// Like `resolve`, narrowed by flags, for verbs that never log in: a login's variable or file may be missing.
pub(super) fn resolve_narrowed(
    args: &ConfigArgs,
    only: &OnlyArgs,
    narrow: &NarrowArgs,
) -> Result<Resolved, Vec<ConfigError>> {
    let written = only_named(config::load(args, Absent::IsTold, &environment)?, only)?;
    resolve_written(written, narrowed(&defaults(args), narrow))
}

pub(super) fn written(args: &ConfigArgs, reach: &ReachArgs) -> Result<Written, Vec<ConfigError>> {
    let mut written = config::load(args, Absent::IsError, &environment)?;
    written.auth.reach_by(reach)?;
    Ok(written)
}

/// All rules, or only the one that the flag names.
pub(super) fn only_named(written: Written, args: &OnlyArgs) -> Result<Written, Vec<ConfigError>> {
    match &args.only {
        Some(name) => written.only(name).map_err(|error| vec![error]),
        None => Ok(written),
    }
}

pub(super) fn defaults(args: &ConfigArgs) -> Defaults<'_> {
    Defaults {
        registry: args.registry.as_deref().unwrap_or_default(),
        namespace: args.namespace.as_deref().unwrap_or_default(),
        ..Defaults::default()
    }
}

/// The command line's policies for copying.
pub(super) fn with_policies<'a>(defaults: &Defaults<'a>, args: &RunArgs) -> Defaults<'a> {
    let rewrite = if args.force { Rewrite::Always } else { Rewrite::Changed };
    Defaults { rewrite, ..narrowed(defaults, &args.narrow) }
}

/// The command line's narrowing of what is copied.
fn narrowed<'a>(defaults: &Defaults<'a>, args: &NarrowArgs) -> Defaults<'a> {
    let referrers = |copies| if copies { ReferrerPolicy::Copy } else { ReferrerPolicy::Leave };
    Defaults {
        referrers: args.referrers.map(referrers),
        platforms: args.platforms(),
        tags: args.select.tags.narrowing(),
        repositories: args.select.repositories.selection(),
        ..defaults.clone()
    }
}

/// Resolves rules from any origin.
pub(super) fn resolve_written(
    written: Written,
    defaults: Defaults<'_>,
) -> Result<Resolved, Vec<ConfigError>> {
    config::resolve(written, defaults, &transport()?, &environment)
}

/// The transport, with the environment's proxies.
pub(super) fn transport() -> Result<Transport, Vec<ConfigError>> {
    let proxies = Proxies::from_environment(&environment);
    let proxies = proxies.map_err(|error| vec![ConfigError::new(error.to_string())])?;
    let transport = Transport::new(USER_AGENT, &[])
        .map_err(|error| vec![ConfigError::new(format!("connections cannot be set up: {error}"))])?;
    Ok(transport.through(&proxies))
}
