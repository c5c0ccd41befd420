//! `--retry-failed`: copies exactly the images that an earlier run listed, with the config's logins and the policies of their rules.

mod known;
mod origin;
mod patterns;

use std::path::Path;

use ::sync::Rule;

use self::known::{Known, Terms};
use self::origin::Origins;
use self::patterns::{Split, foreign, split};
use super::resolve::resolve_written;
use crate::config::{self, ConfigError, Defaults, Resolved, ResolvedRule, RuleLogins, Written};

/// The part of `config` that is left to do.
pub(super) fn resolve(
    config: Written,
    file: &Path,
    defaults: Defaults<'_>,
) -> Result<Resolved, Vec<ConfigError>> {
    let (failed, odd) = config::images(file)?;
    let is_empty = failed.is_empty();
    let (auth, logins) = (config.auth.clone(), config.logins);
    let (sync, first) = (config.sync.clone(), config.rules.len());
    let mut whole = resolve_written(config, defaults.clone())?;
    whole.warnings.extend(odd);
    if is_empty {
        let mut warnings = whole.warnings;
        warnings.push(format!("{} names no images: there is nothing to try again", file.display()));
        let (rules, patterns, tasks, refused) = Default::default();
        return Ok(Resolved { rules, patterns, tasks, refused, registries: whole.registries, warnings });
    }
    let origins = Origins::of(&whole, &failed);
    let Split { lines, sync } = split(failed, &whole, sync, first);
    let (rules_file, warnings) = (Some(file.to_owned()), Vec::new());
    let again = Written { auth, rules: lines, sync, rules_file, warnings, logins };
    let mut again = resolve_written(again, defaults)?;
    // The warnings of the config are about all its rules.
    again.warnings.clone_from(&whole.warnings);
    again
        .warnings
        .extend(foreign(&again.patterns, &whole).map(|(source, target)| of_its_own(source, target)));
    let mut known = Known::of(&whole);
    let rules = std::mem::take(&mut again.rules);
    let warnings = &mut again.warnings;
    let with_policies = |rule| with_policies((&mut known, &origins), rule, warnings);
    again.rules = rules.into_iter().flat_map(with_policies).collect();
    Ok(again)
}

fn of_its_own(source: &str, target: &str) -> String {
    format!("no rule of the config copies {source} to {target}: it is tried again as a rule of its own")
}

/// The rules that stand for a line: several if its targets come from different rules, or one target from several rules.
fn with_policies(
    (known, origins): (&mut Known<'_>, &Origins),
    resolved: ResolvedRule,
    warnings: &mut Vec<String>,
) -> Vec<ResolvedRule> {
    let ResolvedRule { written, rule, logins } = resolved;
    let mut parts: Vec<ResolvedRule> = Vec::new();
    for (target, login) in rule.targets.iter().zip(logins.targets) {
        let mut terms = known.terms(rule.source.name(), target, &rule.selection);
        if terms.is_empty() {
            warnings.push(of_its_own(&written.source, target.target.name()));
            let (policy, selection) = (rule.policy.clone(), rule.selection.clone());
            terms.push(Terms { policy, selection, orders: Vec::new() });
        }
        for terms in terms {
            let written = origins.named(&written, &terms.orders);
            let is_one = |part: &&mut ResolvedRule| part.written == written && terms.are_those_of(&part.rule);
            if let Some(part) = parts.iter_mut().find(is_one) {
                part.rule.targets.push(target.clone());
                part.logins.targets.push(login.clone());
                continue;
            }
            let Terms { policy, selection, .. } = terms;
            let rule = Rule { targets: vec![target.clone()], policy, selection, ..rule.clone() };
            let logins = RuleLogins { source: logins.source.clone(), targets: vec![login.clone()] };
            parts.push(ResolvedRule { written, rule, logins });
        }
    }
    parts
}
