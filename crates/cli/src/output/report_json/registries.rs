//! What several tell of the same registries becomes one.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{LimitEntry, RegistryEntry};

/// One entry for each host, with all that is told of it.
pub(super) fn by_host<'a>(entries: impl Iterator<Item = &'a RegistryEntry>) -> Vec<RegistryEntry> {
    let mut by_host: BTreeMap<String, RegistryEntry> = BTreeMap::new();
    for entry in entries {
        match by_host.get_mut(&entry.host) {
            Some(known) => add(known, entry),
            None => _ = by_host.insert(entry.host.clone(), entry.clone()),
        }
    }
    by_host.into_values().collect()
}

/// The kind of a registry of which nothing is known.
const UNKNOWN: &str = "registry";

fn add(known: &mut RegistryEntry, more: &RegistryEntry) {
    // Any other name says more.
    if known.kind == UNKNOWN {
        known.kind.clone_from(&more.kind);
    }
    known.requests = known.requests.saturating_add(more.requests);
    known.bytes_read = known.bytes_read.saturating_add(more.bytes_read);
    known.bytes_sent = known.bytes_sent.saturating_add(more.bytes_sent);
    known.waited_seconds += more.waited_seconds;
    let warnings: BTreeSet<_> = known.warnings.drain(..).chain(more.warnings.iter().cloned()).collect();
    known.warnings = warnings.into_iter().collect();
    // The fewest that anybody saw.
    let quotas = [(known.pulls_left, known.pull_limit), (more.pulls_left, more.pull_limit)];
    let quota = quotas.into_iter().filter(|(left, _)| left.is_some()).min();
    (known.pulls_left, known.pull_limit) = quota.unwrap_or_default();
    let mut limits: BTreeMap<(String, String), LimitEntry> = BTreeMap::new();
    for limit in known.limits.drain(..).chain(more.limits.iter().cloned()) {
        let key = (limit.host.clone(), limit.requests.clone());
        let known = limits.entry(key).or_insert_with(|| LimitEntry { too_much: 0, ..limit.clone() });
        known.at_once = known.at_once.min(limit.at_once);
        known.too_much = known.too_much.saturating_add(limit.too_much);
    }
    known.limits = limits.into_values().collect();
}
