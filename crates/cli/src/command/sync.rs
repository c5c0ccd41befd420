//! The main job, with a verb and in the Go tool's form without one: rules and logins from files.

use ::sync::{ReferrerPolicy, Rewrite};
use registry::{Proxies, Transport};

use super::execute::{self, Asked, Results, USER_AGENT};
use super::retry;
use crate::args::{ConfigArgs, JobArgs, OldArgs, ReachArgs, RunArgs, SyncArgs, given};
use crate::config::{self, ConfigError, Defaults, Resolved, Written};
use crate::exit_code;
use crate::output::{Paint, say, say_lines};

/// Runs the form without a verb; gives the exit status.
pub(crate) async fn run_old(args: &OldArgs) -> u8 {
    main_job(&args.job, Results::OldSentence).await
}

/// Runs `image-syncer sync`; gives the exit status.
pub(crate) async fn run(args: SyncArgs) -> u8 {
    let results = if args.json { Results::Report } else { Results::Nothing };
    let job = JobArgs { config: args.job.config.of_verb("sync"), ..args.job };
    main_job(&job, results).await
}

async fn main_job(args: &JobArgs, results: Results) -> u8 {
    match to_do(args) {
        Ok(resolved) => execute::run(resolved, &args.run, Asked::of_config("sync", results)).await,
        Err(errors) => refuse(&errors),
    }
}

/// All rules of the config, or what failed of them.
fn to_do(args: &JobArgs) -> Result<Resolved, Vec<ConfigError>> {
    let defaults = with_policies(&defaults(&args.config), &args.run);
    let config = written(&args.config, &args.reach)?;
    match given(args.retry_failed.as_deref()) {
        Some(file) => retry::resolve(config, file, defaults),
        None => resolve_written(config, defaults),
    }
}

/// What the files say; everything that can be wrong with them shows here, before any registry is asked.
pub(super) fn resolve(args: &ConfigArgs, reach: &ReachArgs) -> Result<Resolved, Vec<ConfigError>> {
    resolve_written(written(args, reach)?, defaults(args))
}

fn written(args: &ConfigArgs, reach: &ReachArgs) -> Result<Written, Vec<ConfigError>> {
    let mut written = config::load(args, &environment)?;
    written.auth.reach_by(reach)?;
    Ok(written)
}

fn defaults(args: &ConfigArgs) -> Defaults<'_> {
    Defaults {
        registry: args.registry.as_deref().unwrap_or_default(),
        namespace: args.namespace.as_deref().unwrap_or_default(),
        ..Defaults::default()
    }
}

/// What the command line says of how images are copied.
pub(super) fn with_policies<'a>(defaults: &Defaults<'a>, args: &RunArgs) -> Defaults<'a> {
    let referrers = |copies| if copies { ReferrerPolicy::Copy } else { ReferrerPolicy::Leave };
    Defaults {
        referrers: args.referrers.map(referrers),
        platforms: args.platforms(),
        rewrite: if args.force { Rewrite::Always } else { Rewrite::Changed },
        registry: defaults.registry,
        namespace: defaults.namespace,
    }
}

/// What rules mean, wherever they come from.
pub(super) fn resolve_written(
    written: Written,
    defaults: Defaults<'_>,
) -> Result<Resolved, Vec<ConfigError>> {
    config::resolve(written, defaults, &transport()?, &environment)
}

/// Connections through the environment's proxies.
pub(super) fn transport() -> Result<Transport, Vec<ConfigError>> {
    let proxies = Proxies::from_environment(&environment);
    let proxies = proxies.map_err(|error| vec![ConfigError::new(error.to_string())])?;
    let transport = Transport::new(USER_AGENT, &[])
        .map_err(|error| vec![ConfigError::new(format!("connections cannot be set up: {error}"))])?;
    Ok(transport.through(&proxies))
}

/// The only place where the environment is read for the config.
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Tells what is wrong with the config.
pub(super) fn refuse(errors: &[ConfigError]) -> u8 {
    let paint = Paint::for_stderr();
    for error in errors {
        say_lines(&format!("{}: {error}", paint.red("error")));
    }
    exit_code::USAGE
}

/// Tells what is odd, but no reason to stop.
pub(crate) fn warn(warning: &str) {
    say(&format!("{}: {warning}", Paint::for_stderr().yellow("warning")));
}
