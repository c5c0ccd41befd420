//! The rules with `prune`, and the guards of their deletions.

use std::collections::HashMap;

use sync::prune::{Guards, MaxDelete};

use super::load::Written;
use super::sync_rules::{SyncRule, WrittenMaxDelete};

impl Written {
    /// The guards of all rules with `prune`, or of the one with that name, by their places among all rules.
    pub(crate) fn guards(&self, only: Option<&str>, max_delete: Option<MaxDelete>) -> HashMap<usize, Guards> {
        let before = self.rules.len();
        let rules = self.sync.iter().flat_map(|sync| &sync.rules).enumerate();
        let is_meant = |rule: &SyncRule| {
            only.is_none_or(|only| rule.name.as_ref().is_some_and(|name| name.text == only))
        };
        let guards = rules.filter(|(_, rule)| is_meant(rule)).filter_map(|(index, rule)| {
            let mut guards = guards_of(rule)?;
            guards.max_delete = max_delete.unwrap_or(guards.max_delete);
            Some((before + index, guards))
        });
        guards.collect()
    }
}

fn guards_of(rule: &SyncRule) -> Option<Guards> {
    let written = rule.policies.prune.as_ref()?;
    let mut guards = Guards::default();
    match written.max_delete {
        Some(WrittenMaxDelete::Tags(most)) => guards.max_delete = MaxDelete::Tags(most),
        Some(WrittenMaxDelete::Percent(part)) => guards.max_delete = MaxDelete::Percent(part),
        None => {}
    }
    if let Some(grace) = &written.grace {
        guards.grace = grace.duration;
    }
    Some(guards)
}
