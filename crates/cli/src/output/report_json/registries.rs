//! Merges the entries of each registry.

use std::collections::{BTreeMap, BTreeSet};

use registry::Profile;

use super::facts::{LimitEntry, RegistryEntry};

/// One merged entry for each host.
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

/// How specific a kind's name is: an unknown kind is less specific than a known one, and an empty name the least.
fn says(kind: &str) -> u8 {
    match kind {
        "" => 0,
        unknown if unknown == Profile::UNKNOWN.name => 1,
        _ => 2,
    }
}

fn add(known: &mut RegistryEntry, more: &RegistryEntry) {
    if says(&more.kind) > says(&known.kind) {
        known.kind.clone_from(&more.kind);
    }
    known.requests = known.requests.saturating_add(more.requests);
    known.bytes_read = known.bytes_read.saturating_add(more.bytes_read);
    known.bytes_sent = known.bytes_sent.saturating_add(more.bytes_sent);
    known.waited_seconds += more.waited_seconds;
    let warnings: BTreeSet<_> = known.warnings.drain(..).chain(more.warnings.iter().cloned()).collect();
    known.warnings = warnings.into_iter().collect();
    // The smallest number that a run saw.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_that_one_of_several_has_learned_is_known() {
        let entry = |kind: &str| RegistryEntry {
            host: "r.io".to_owned(),
            kind: kind.to_owned(),
            requests: 2,
            ..RegistryEntry::default()
        };
        for (kinds, known) in [
            (["registry", "zot", "registry"], "zot"),
            (["zot", "registry", ""], "zot"),
            (["", "", "zot"], "zot"),
            (["registry", "", ""], "registry"),
            (["", "registry", ""], "registry"),
        ] {
            let joined = by_host(kinds.map(entry).iter());
            assert_eq!(
                (joined.len(), joined[0].kind.as_str(), joined[0].requests),
                (1, known, 6),
                "{kinds:?}"
            );
        }
    }
}
