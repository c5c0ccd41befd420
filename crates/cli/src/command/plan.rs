//! `image-syncer plan`: what `sync` would do, for people, for programs, and for `apply`.

use oci::Digest;

use super::asked::{Asked, PlanResults, Results};
use super::execute;
use super::expand::selected;
use super::refuse::refuse;
use super::resolve::resolve;
use super::sync::to_do;
use crate::args::{ConfigArgs, JobArgs, OnlyArgs, PlanArgs, ReachArgs, RunArgs};
use crate::config::{Resolved, ResolvedPattern, ResolvedRule};
use crate::output::plan::{Head, Shown, digest_of};

/// Plans; gives the exit status.
pub(crate) async fn run(args: PlanArgs) -> u8 {
    let run = RunArgs { dry_run: true, ..args.job.run };
    let shown = Shown { all: args.all, bandwidth: run.bandwidth };
    let results = PlanResults { shown, json: args.json, status_for_changes: args.exit_code };
    let job = JobArgs { config: args.job.config.of_verb("plan"), run, ..args.job };
    let asked = Asked {
        plan_file: args.out.as_deref(),
        config_digest: config_digest(&job.config, &job.reach),
        ..Asked::of_config("plan", Results::Plan(results))
    };
    match to_do(&job, &args.only) {
        Ok(resolved) => execute::run(resolved, &job.run, asked).await,
        Err(errors) => refuse(&errors),
    }
}

/// What a plan says of the rules, in the order in which they are carried out.
pub(super) fn heads(resolved: &Resolved) -> Vec<Head> {
    let rules = resolved.rules.iter().map(|rule| (rule.written.order, of_rule(rule)));
    let patterns = resolved.patterns.iter().map(|pattern| (pattern.written.order, of_pattern(pattern)));
    let mut heads: Vec<_> = rules.chain(patterns).collect();
    heads.sort_by_key(|(order, _)| *order);
    heads.into_iter().map(|(_, head)| head).collect()
}

fn of_rule(resolved: &ResolvedRule) -> Head {
    let ResolvedRule { written, rule, .. } = resolved;
    Head {
        name: written.name.clone(),
        source: written.source.clone(),
        targets: written.targets.clone(),
        tags: selected(&rule.selection),
        policy: rule.policy.clone(),
        named: rule.selection.named().map_or(0, |images| images.len()),
    }
}

fn of_pattern(resolved: &ResolvedPattern) -> Head {
    let ResolvedPattern { written, rule, tags, .. } = resolved;
    Head {
        name: written.name.clone(),
        source: written.source.clone(),
        targets: written.targets.clone(),
        tags: selected(tags),
        policy: rule.policy.clone(),
        named: 0,
    }
}

/// Stands for the rules of a config as they are written, whatever flags narrow them. `None` where it has no rules that can
/// be carried out.
pub(super) fn config_digest(args: &ConfigArgs, reach: &ReachArgs) -> Option<Digest> {
    let resolved = resolve(args, &OnlyArgs::default(), reach).ok()?;
    Some(digest_of(&heads(&resolved)))
}
