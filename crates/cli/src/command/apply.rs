//! `image-syncer apply PLAN`: carries out what a plan decided, with this config's logins.

mod plan_file;

use std::path::Path;

use oci::Digest;
use oci::foreign_text::clean;

use self::plan_file::{Malformed, PlanFile};
use super::asked::{Asked, Results};
use super::execute;
use super::heads::config_digest;
use super::logins::{oddities, registries};
use super::refuse::refuse;
use crate::args::ApplyArgs;
use crate::config::{
    Binder, ConfigError, RefusedRule, Resolved, ResolvedTasks, SharedRegistries, WrittenRule,
};

/// Carries it out; gives the exit status.
pub(crate) async fn run(args: ApplyArgs) -> u8 {
    let results = if args.json { Results::Report } else { Results::Nothing };
    match resolved(&args) {
        Ok(resolved) => execute::run(resolved, &args.run, Asked::of_config("apply", results)).await,
        Err(errors) => refuse(&errors),
    }
}

fn resolved(args: &ApplyArgs) -> Result<Resolved, Vec<ConfigError>> {
    let plan =
        PlanFile::read(&args.plan).map_err(|problem| vec![ConfigError::new(problem).file(&args.plan)])?;
    let (registries, mut warnings) = registries(&args.login)?;
    if let (Some(planned), Some(now)) =
        (&plan.config_digest, config_digest(&args.config(), &args.login.reach))
    {
        warnings.extend(warning_of_config(planned, &now));
    }
    let (tasks, refused) = bind(plan, &args.plan, &registries);
    warnings.extend(oddities(&registries));
    let (rules, patterns) = Default::default();
    Ok(Resolved { rules, patterns, tasks, refused, registries, warnings })
}

fn warning_of_config(planned: &Digest, now: &Digest) -> Option<String> {
    (planned != now).then(|| {
        "the plan was made with other rules than those of this config: its steps are carried out all the same, each if the target is as it was"
            .to_owned()
    })
}

/// The steps by rule, with the endpoints that they name; and those that are refused.
fn bind(
    plan: PlanFile,
    file: &Path,
    registries: &SharedRegistries,
) -> (Vec<ResolvedTasks>, Vec<RefusedRule>) {
    let PlanFile { rules, steps, malformed, .. } = plan;
    let mut refused: Vec<_> = malformed.into_iter().map(|step| refusal(step, file)).collect();
    let policies: Vec<_> = rules.iter().map(|rule| rule.policy.clone()).collect();
    let tasks = rules.into_iter().enumerate().map(|(order, rule)| {
        let name = rule.name;
        let written = WrittenRule { name, ..WrittenRule::of_images(order, 0, rule.source, rule.targets) };
        ResolvedTasks { written, tasks: Vec::new() }
    });
    let (mut tasks, mut binder): (Vec<_>, _) = (tasks.collect(), Binder::new(registries));
    for step in steps {
        let (rule, image) = (step.rule, step.image.clone());
        let policy = step.policy.clone().unwrap_or_else(|| policies[rule].clone());
        match step.task(policy).map(|task| binder.bind(task)) {
            Some(Ok(task)) => tasks[rule].tasks.push(task),
            Some(Err(error)) => {
                let (source, target) = (image.source_name(), image.target_name());
                refused.push(refusal(Malformed { source, target, problem: error.to_string() }, file));
            }
            None => {}
        }
    }
    (tasks, refused)
}

fn refusal(step: Malformed, file: &Path) -> RefusedRule {
    let Malformed { source, target, problem } = step;
    let name = if target.is_empty() { "without a target".into() } else { format!("for {}", clean(&target)) };
    let error = ConfigError::new(format!("the step {name} cannot be carried out: {}", clean(&problem)))
        .file(file)
        .help("make the plan anew with `image-syncer plan --out FILE`: its steps are not written by hand");
    RefusedRule { written: WrittenRule::of_images(0, 0, source, vec![target]), error }
}
