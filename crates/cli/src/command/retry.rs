//! `--retry-failed`: copies exactly the images that an earlier run listed, with the config's logins and the policies of their rules.

mod known;

use std::path::Path;
use std::sync::Arc;

use ::sync::{Rule, Selection};

use self::known::Known;
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
    let again = Written {
        auth: config.auth.clone(),
        rules: failed,
        sync: None,
        rules_file: Some(file.to_owned()),
        warnings: Vec::new(),
        logins: config.logins,
    };
    let mut whole = resolve_written(config, defaults.clone())?;
    whole.warnings.extend(odd);
    if is_empty {
        let mut warnings = whole.warnings;
        warnings.push(format!("{} names no images: there is nothing to try again", file.display()));
        let (rules, patterns, tasks, refused) = Default::default();
        return Ok(Resolved { rules, patterns, tasks, refused, registries: whole.registries, warnings });
    }
    let mut again = resolve_written(again, defaults)?;
    // The warnings of the config are about all its rules.
    again.warnings.clone_from(&whole.warnings);
    let mut known = Known::of(&whole);
    let rules = std::mem::take(&mut again.rules);
    let warnings = &mut again.warnings;
    again.rules = rules.into_iter().flat_map(|rule| with_policies(&mut known, rule, warnings)).collect();
    Ok(again)
}

/// Splits a rule in two if its targets came from rules with different policies.
fn with_policies(
    known: &mut Known<'_>,
    resolved: ResolvedRule,
    warnings: &mut Vec<String>,
) -> Vec<ResolvedRule> {
    let ResolvedRule { written, rule, logins } = resolved;
    let mut parts: Vec<ResolvedRule> = Vec::new();
    for (target, login) in rule.targets.iter().zip(logins.targets) {
        let found = known.terms((rule.source.name(), target.target.name()), &rule.selection);
        if found.is_none() {
            warnings.push(format!(
                "no rule of the config copies {} to {}: it is tried again as a rule of its own",
                written.source,
                target.target.name()
            ));
        }
        let (policy, selection) = found.unwrap_or_else(|| (rule.policy.clone(), rule.selection.clone()));
        let own = if let Selection::Chosen(own) = &selection { Some(own.clone()) } else { None };
        let is_alike = |part: &&mut ResolvedRule| {
            let theirs = if let Selection::Chosen(own) = &part.rule.selection { Some(own) } else { None };
            part.rule.policy == policy
                && match (theirs, &own) {
                    (Some(theirs), Some(own)) => Arc::ptr_eq(theirs, own),
                    (theirs, own) => theirs.is_none() && own.is_none(),
                }
        };
        if let Some(part) = parts.iter_mut().find(is_alike) {
            part.rule.targets.push(target.clone());
            part.logins.targets.push(login);
        } else {
            let rule = Rule { targets: vec![target.clone()], policy, selection, ..rule.clone() };
            let logins = RuleLogins { source: logins.source.clone(), targets: vec![login] };
            parts.push(ResolvedRule { written: written.clone(), rule, logins });
        }
    }
    parts
}
