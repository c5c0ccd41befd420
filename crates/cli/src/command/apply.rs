//! `image-syncer apply PLAN`: carries out the steps of a plan with this config's logins.

mod lines;
mod plan_file;
mod slip;

use std::path::Path;
use std::sync::Arc;

use oci::Digest;
use oci::foreign_text::clean;
use sync::{Action, OnConflict, Shard};

use self::plan_file::{At, Failures, Integrity, Lacks, Malformed, Numbered, PlanFile};
use super::asked::{Asked, Results};
use super::execute;
use super::heads::config_digest;
use super::logins::{oddities, registries_and_config};
use super::refuse::refuse;
use super::shard::shard;
use crate::args::ApplyArgs;
use crate::config::{
    Binder, ConfigError, RefusedRule, Resolved, ResolvedTasks, Retried, Share, SharedRegistries, WrittenRule,
};
use crate::output::plan::Step;
use crate::output::remainder;

/// Carries the plan out; returns the exit status.
pub(crate) async fn run(args: ApplyArgs) -> u8 {
    if let Some(why) = args.meaningless() {
        return refuse(&[ConfigError::new(format!("`apply` does not take {why}"))]);
    }
    let results = if args.json { Results::Report } else { Results::Nothing };
    match resolved(&args) {
        Ok((resolved, part)) => {
            let inputs = args.files();
            let (shard, split) = part.unzip();
            let asked = Asked { inputs, shard, split, ..Asked::of_config("apply", results) };
            execute::run(resolved, &args.run, asked).await
        }
        Err(errors) => refuse(&errors),
    }
}

/// The shard of a plan, and the fingerprint of the plan's division.
type PlanShard = (Shard, Digest);

/// The resolved steps; and the shard, if only one shard of the plan is carried out.
fn resolved(args: &ApplyArgs) -> Result<(Resolved, Option<PlanShard>), Vec<ConfigError>> {
    let shard = shard(args.shard)?;
    let unusable = |problem: String| vec![ConfigError::new(problem).file(&args.plan)];
    let plan = PlanFile::read(&args.plan).map_err(unusable)?;
    let edited = problem(plan.integrity);
    if let Some(problem) = edited.filter(|_| !args.allow_edited) {
        let error = ConfigError::new(problem).file(&args.plan);
        return Err(vec![error.help(
            "make the plan anew with `image-syncer plan --out FILE`; where the change is meant, as when steps were taken out, add --allow-edited",
        )]);
    }
    let (plan, part) = match shard {
        Some(shard) => {
            let (plan, split) = plan.only(shard).map_err(unusable)?;
            (plan, Some((shard, split)))
        }
        None => (plan, None),
    };
    let (registries, mut warnings, config) = registries_and_config(&args.login)?;
    warnings.extend(edited.map(|problem| format!("{problem}: it is carried out as it stands")));
    let now = config.and_then(|config| config_digest(config, &args.config()));
    if let (Some(planned), Some(now)) = (&plan.config_digest, now) {
        warnings.extend(warning_of_config(planned, &now));
    }
    let lacking = lacking(&plan.lacks, &args.plan);
    let (tasks, mut refused, kept) = bind(plan, &args.plan, &registries);
    refused.extend(lacking);
    warnings.extend(warning_of_kept(kept));
    warnings.extend(oddities(&registries));
    let (rules, patterns) = Default::default();
    Ok((Resolved { rules, patterns, tasks, refused, registries, warnings }, part))
}

/// The problem with a plan whose checksum is missing or wrong.
fn problem(integrity: Integrity) -> Option<&'static str> {
    match integrity {
        Integrity::AsWritten => None,
        Integrity::Changed => {
            Some("the plan was changed since it was made: its rules and steps do not fit its `checksum`")
        }
        Integrity::Unknown => {
            Some("the plan has no `checksum`, which tells whether its steps are as they were planned")
        }
    }
}

fn warning_of_config(planned: &Digest, now: &Digest) -> Option<String> {
    (planned != now).then(|| {
        "the plan was made with other rules than those of this config: its steps are carried out all the same, each if the target is as it was"
            .to_owned()
    })
}

fn warning_of_kept(kept: usize) -> Option<String> {
    let (steps, stay) = if kept == 1 { ("step", "stays") } else { ("steps", "stay") };
    (kept > 0).then(|| {
        format!("{kept} {steps} of the plan met something else at the target, which {stay}, as the rule says (`onConflict: keep`)")
    })
}

/// Binds the steps to endpoints, by rule. Also returns the refused steps, and the number of conflicts that keep the target's image.
fn bind(
    plan: PlanFile,
    file: &Path,
    registries: &SharedRegistries,
) -> (Vec<ResolvedTasks>, Vec<RefusedRule>, usize) {
    let PlanFile { rules, steps, impossible, malformed, .. } = plan;
    let policies: Vec<_> = rules.iter().map(|rule| rule.policy.clone()).collect();
    let policy_of = |step: &Step| step.policy.clone().or_else(|| policies.get(step.rule).cloned());
    let tasks = rules.into_iter().enumerate().map(|(order, rule)| {
        let written = WrittenRule::of_images(order, 0, rule.source, rule.targets);
        let written = WrittenRule { name: rule.name, retried: rule.part_of.map(part_of), ..written };
        ResolvedTasks { written, tasks: Vec::new() }
    });
    let (mut tasks, mut binder): (Vec<_>, _) = (tasks.collect(), Binder::new(registries));
    let mut refused: Vec<_> = malformed.into_iter().map(|step| refusal(step, file)).collect();
    for Numbered { at, step } in steps {
        let (rule, image, policy) = (step.rule, step.image.clone(), policy_of(&step));
        let task = policy.and_then(|policy| step.task(policy));
        let bound = task
            .ok_or_else(|| NO_TASK.to_owned())
            .and_then(|task| binder.bind(task).map_err(|error| error.to_string()));
        match bound {
            Ok(task) => tasks[rule].tasks.push(task),
            Err(problem) => {
                let (source, target) = (image.source_name(), image.target_name());
                refused.push(refusal(Malformed { at, source, target, problem, instead: None }, file));
            }
        }
    }
    let (kept, impossible): (Vec<_>, Vec<_>) =
        impossible.into_iter().partition(|Numbered { step, .. }| {
            let stays = policy_of(step).is_some_and(|policy| policy.on_conflict == OnConflict::Keep);
            step.action == Action::Conflict && stays
        });
    refused.extend(impossible.iter().map(|Numbered { step, .. }| impossibility(step, file)));
    (tasks, refused, kept.len())
}

/// A plan of what failed has parts of rules, and only the labels of those.
fn part_of(label: Arc<str>) -> Retried {
    let named = WrittenRule::of_images(0, 0, label.to_string(), Vec::new());
    Retried { of: Arc::new(named), label, share: Share::Part, also: Vec::new() }
}

/// The problem of a step that the checks of the plan did not find unusable.
const NO_TASK: &str = "it does not say what is to be brought";
/// The advice for a plan that was edited and cannot be used.
const ANEW: &str = "make the plan anew with `image-syncer plan --out FILE`";

fn refusal(step: Malformed, file: &Path) -> RefusedRule {
    let Malformed { at: At { number, line }, source, target, problem, instead } = step;
    let name = if target.is_empty() { String::new() } else { format!(", for {},", clean(&target)) };
    let error = ConfigError::new(format!("step {number}{name} cannot be carried out: {}", clean(&problem)))
        .file(file)
        .line(line)
        .help(match instead {
            Some(instead) => format!("{instead}; or {ANEW}"),
            None => ANEW.to_owned(),
        });
    RefusedRule { written: WrittenRule::of_images(0, 0, source, vec![target]), error, count: 1 }
}

/// Images and rules that the plan lacks because planning them failed. They are reported as refused and count for the exit status.
fn lacking(lacks: &Lacks, file: &Path) -> Vec<RefusedRule> {
    let refusal = |source: String, count: usize, problem: String, help: &str| {
        let help = format!("{help}{}then plan again", if help.is_empty() { "" } else { "; " });
        let error = ConfigError::new(problem).file(file).help(help);
        RefusedRule { written: WrittenRule::of_images(0, 0, source, Vec::new()), error, count }
    };
    let failed = lacks.failures.iter().map(|alike| {
        let Failures { kind, hint, count, examples } = alike;
        let what = clean(&remainder::examples(examples, *count as u64)).into_owned();
        let problem = format!("the plan lacks {what}: that failed when it was made ({})", clean(kind));
        refusal(examples.first().cloned().unwrap_or_default(), *count, problem, &clean(hint))
    });
    let refused = lacks.refused_rules.iter().map(|words| {
        let first = clean(words.lines().next().unwrap_or_default()).into_owned();
        refusal(
            String::new(),
            1,
            format!("the plan lacks a rule that was refused when it was made: {first}"),
            "",
        )
    });
    failed.chain(refused).collect()
}

/// A step that was impossible when the plan was made.
fn impossibility(step: &Step, file: &Path) -> RefusedRule {
    let (source, target) = (step.image.source_name(), step.image.target_name());
    let (why, help) = match step.action {
        Action::Conflict => (
            "the target had another image under this name, which its rule wants to stay".to_owned(),
            "look who pushed it; if it may be replaced, give the rule `onConflict: overwrite`, and plan again",
        ),
        _ => (
            format!("the source did not have {}", clean(&source)),
            "push it to the source, or take it out of the config, and plan again",
        ),
    };
    let problem = format!("{} is not brought: when the plan was made, {why}", clean(&target));
    let error = ConfigError::new(problem).file(file).help(help);
    RefusedRule { written: WrittenRule::of_images(0, 0, source, vec![target]), error, count: 1 }
}
