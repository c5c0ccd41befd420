//! `image-syncer plan`: the steps of `sync`, for people, for programs, and for `apply`.

use oci::Digest;

use super::asked::{Asked, Form, PlanResults, Results, StatusOfPlan};
use super::execute;
use super::heads::config_digest;
use super::refuse::refuse;
use super::resolve::written;
use super::shard::shard_of_config;
use super::sync::of_written;
use crate::args::{JobArgs, OnlyArgs, PlanArgs, RunArgs};
use crate::config::{ConfigError, Resolved};
use crate::output::plan::Shown;

/// Plans; returns the exit status.
pub(crate) async fn run(args: PlanArgs) -> u8 {
    if let Some(why) = args.meaningless() {
        let error = ConfigError::new(format!("`plan` does not take {why}"));
        return refuse(&[
            error.help("`--out FILE` and `--report FILE` name all images; `sync` takes this flag")
        ]);
    }
    let run = RunArgs { dry_run: true, ..args.job.run };
    let shown = Shown { all: args.all, bandwidth: run.bandwidth };
    let status = if args.exit_code { StatusOfPlan::Changes } else { StatusOfPlan::Made };
    let results = PlanResults { shown, form: Form::of(args.json), status };
    let job = JobArgs { config: args.job.config.of_verb("plan"), run, ..args.job };
    let to_do = shard_of_config(args.shard, &job).and_then(|shard| Ok((to_do(&job, &args.only)?, shard)));
    let ((resolved, config_digest), shard) = match to_do {
        Ok(to_do) => to_do,
        Err(errors) => return refuse(&errors),
    };
    let asked = Asked {
        plan_file: args.out.as_deref(),
        inputs: job.files(),
        config_digest,
        shards: args.shards,
        shard,
        ..Asked::of_config("plan", Results::Plan(results))
    };
    execute::run(resolved, &job.run, asked).await
}

/// The rules to plan, and the digest of the whole config, whatever flags narrow it.
fn to_do(job: &JobArgs, only: &OnlyArgs) -> Result<(Resolved, Option<Digest>), Vec<ConfigError>> {
    let config = written(&job.config, &job.reach)?;
    let digest = config_digest(config.clone(), &job.config);
    Ok((of_written(config, job, only)?, digest))
}
