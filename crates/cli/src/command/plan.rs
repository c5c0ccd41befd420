//! `image-syncer plan`: what `sync` would do, for people, for programs, and for `apply`.

use super::asked::{Asked, PlanResults, Results};
use super::execute;
use super::heads::config_digest;
use super::refuse::refuse;
use super::shard::shard;
use super::sync::to_do;
use crate::args::{JobArgs, PlanArgs, RunArgs};
use crate::output::plan::Shown;

/// Plans; gives the exit status.
pub(crate) async fn run(args: PlanArgs) -> u8 {
    let run = RunArgs { dry_run: true, ..args.job.run };
    let shown = Shown { all: args.all, bandwidth: run.bandwidth };
    let results = PlanResults { shown, json: args.json, status_for_changes: args.exit_code };
    let job = JobArgs { config: args.job.config.of_verb("plan"), run, ..args.job };
    let asked = Asked {
        plan_file: args.out.as_deref(),
        config_digest: config_digest(&job.config, &job.reach),
        shards: args.shards,
        ..Asked::of_config("plan", Results::Plan(results))
    };
    match to_do(&job, &args.only).and_then(|resolved| Ok((resolved, shard(args.shard)?))) {
        Ok((resolved, shard)) => execute::run(resolved, &job.run, Asked { shard, ..asked }).await,
        Err(errors) => refuse(&errors),
    }
}
