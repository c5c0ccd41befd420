//! The main job, as `sync` and in the Go tool's form without a verb: rules and logins from files.

use super::asked::{Asked, Results};
use super::execute;
use super::refuse::refuse;
use super::resolve::{defaults, only_named, resolve_written, with_policies, written};
use super::retry;
use super::shard::shard_of_config;
use crate::args::{FleetArgs, JobArgs, OldArgs, OnlyArgs, ShardArgs, SyncArgs, given};
use crate::config::{ConfigError, Resolved, Written};

/// Runs the form without a verb; returns the exit status.
pub(crate) async fn run_old(args: &OldArgs) -> u8 {
    main_job(
        &args.job,
        (&OnlyArgs::default(), ShardArgs::default()),
        &FleetArgs::default(),
        Results::OldSentence,
    )
    .await
}

/// Runs `image-syncer sync`; returns the exit status.
pub(crate) async fn run(args: SyncArgs) -> u8 {
    let results = if args.json { Results::Report } else { Results::Nothing };
    let job = JobArgs { config: args.job.config.of_verb("sync"), ..args.job };
    main_job(&job, (&args.only, args.shard), &args.fleet, results).await
}

async fn main_job(
    args: &JobArgs,
    (only, part): (&OnlyArgs, ShardArgs),
    fleet: &FleetArgs,
    results: Results,
) -> u8 {
    #[cfg(not(feature = "fleet"))]
    if let Some(url) = &fleet.fleet {
        return super::no_fleet(url);
    }
    // Standard input can be read only once.
    let to_do = shard_of_config(part, args).and_then(|shard| {
        let config = written(&args.config, &args.reach)?;
        Ok((of_written(config.clone(), args, only)?, config, shard))
    });
    let (resolved, config, shard) = match to_do {
        Ok(to_do) => to_do,
        Err(errors) => return refuse(&errors),
    };
    let asked = Asked { inputs: args.files(), shard, ..Asked::of_config("sync", results) };
    #[cfg(feature = "fleet")]
    let asked = match super::fleet::fleet_run(fleet, config, args, only).await {
        Ok(fleet) => Asked { fleet, ..asked },
        Err(errors) => return refuse(&errors),
    };
    #[cfg(not(feature = "fleet"))]
    drop(config);
    execute::run(resolved, &args.run, asked).await
}

/// The rules to copy: all rules of the config, the named one, or what failed of them.
pub(super) fn to_do(args: &JobArgs, only: &OnlyArgs) -> Result<Resolved, Vec<ConfigError>> {
    of_written(written(&args.config, &args.reach)?, args, only)
}

/// Like `to_do`, for a config that is already read.
pub(super) fn of_written(
    config: Written,
    args: &JobArgs,
    only: &OnlyArgs,
) -> Result<Resolved, Vec<ConfigError>> {
    let defaults = with_policies(&defaults(&args.config), &args.run);
    let retried = given(args.retry_failed.as_deref());
    if retried.is_some() && only.only.is_some() {
        let error = ConfigError::new("--only and --retry-failed cannot be used together");
        return Err(vec![
            error.help("the file of --retry-failed says which images are meant: leave --only out"),
        ]);
    }
    let config = only_named(config, only)?;
    match retried {
        Some(file) => retry::resolve(config, file, defaults),
        None => resolve_written(config, defaults),
    }
}
