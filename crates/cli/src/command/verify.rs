//! `image-syncer verify`: checks whether the images at targets are complete.

use ::sync::{Against, Depth, ReferrerPolicy, Repair, Verification};

use super::asked::{Asked, Form, Results, VerifyResults};
use super::execute;
use super::refuse::refuse;
use super::resolve::{resolve_written, with_policies};
use super::shard::shard_of_config;
use super::sync::to_do;
use crate::args::{JobArgs, RunArgs, VerifyArgs, given};
use crate::config::{self, ConfigError, Defaults, Resolved, WrittenRule};

/// Verifies, repairs if asked to, and reports; returns the exit status.
pub(crate) async fn run(args: VerifyArgs) -> u8 {
    if let Some(why) = args.meaningless() {
        return refuse(&[ConfigError::new(format!("`verify` does not take {why}"))]);
    }
    if args.repair && !args.targets.is_empty() {
        let error =
            ConfigError::new("`verify TARGET` does not take --repair: there is no source to repair from");
        return refuse(&[
            error.help("leave out TARGET: with --config each rule names the source of its targets")
        ]);
    }
    let how = verification(&args);
    let has_source = args.targets.is_empty();
    let VerifyArgs { targets, job, only, json, repair, shard: part, .. } = args;
    // Without a repair, the state is read only.
    let run = RunArgs { dry_run: !repair, ..job.run };
    let job = JobArgs { config: job.config.of_verb("verify"), run, ..job };
    let resolved = || if has_source { to_do(&job, &only) } else { alone(&job, targets) };
    let asked = Asked {
        inputs: job.files(),
        ..Asked::of_config("verify", Results::Verification(VerifyResults { how, form: Form::of(json) }))
    };
    match shard_of_config(part, &job).and_then(|shard| Ok((resolved()?, shard))) {
        // A shard may have no images.
        Ok((resolved, shard)) => {
            let asked = Asked { needs_images: shard.is_none(), shard, ..asked };
            execute::run(resolved, &job.run, asked).await
        }
        Err(errors) => refuse(&errors),
    }
}

fn verification(args: &VerifyArgs) -> Verification {
    Verification {
        against: if args.targets.is_empty() { Against::Source } else { Against::Itself },
        depth: if args.deep { Depth::Content } else { Depth::Length },
        repair: if args.repair { Repair::Broken } else { Repair::Never },
        sample: args.sample,
    }
}

/// The named images, each compared with itself.
fn alone(job: &JobArgs, targets: Vec<String>) -> Result<Resolved, Vec<ConfigError>> {
    let rules = targets.into_iter().enumerate();
    let rules = rules.map(|(order, text)| WrittenRule::of_images(order, order + 1, text, Vec::new()));
    let (auth, config) = (given(job.config.auth.as_deref()), given(job.config.config.as_deref()));
    let mut written = config::typed(config, auth, rules.collect(), &config::environment)?;
    written.auth.reach_by(&job.reach)?;
    let defaults = with_policies(&Defaults::default(), &job.run);
    let referrers = defaults.referrers.clone().or(Some(ReferrerPolicy::Copy));
    let resolved = resolve_written(written, Defaults { referrers, ..defaults })?;
    Ok(resolved.onto_themselves())
}
