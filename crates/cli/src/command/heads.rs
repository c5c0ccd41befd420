//! The description of a config's rules in a plan.

use oci::Digest;

use super::expand::selected;
use super::resolve::{defaults, resolve_written};
use crate::args::ConfigArgs;
use crate::config::{Resolved, ResolvedPattern, ResolvedRule, Written};
use crate::output::plan::{Head, digest_of};

/// For all rules, in the order in which they are carried out.
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
        name: written.in_documents().name.clone(),
        source: written.in_documents().source.clone(),
        targets: written.targets.clone(),
        part_of: written.part_of(),
        tags: selected(&rule.selection),
        policy: rule.policy.clone(),
        named: rule.selection.named().map_or(0, |images| images.len()),
    }
}

fn of_pattern(resolved: &ResolvedPattern) -> Head {
    let ResolvedPattern { written, rule, tags, .. } = resolved;
    Head {
        name: written.in_documents().name.clone(),
        source: written.in_documents().source.clone(),
        targets: written.targets.clone(),
        part_of: written.part_of(),
        tags: selected(tags),
        policy: rule.policy.clone(),
        named: 0,
    }
}

/// The digest of a config's rules as written, whatever flags narrow them. `None` if no rule can be carried out.
pub(super) fn config_digest(config: Written, args: &ConfigArgs) -> Option<Digest> {
    let resolved = resolve_written(config, defaults(args)).ok()?;
    Some(digest_of(&heads(&resolved)))
}
