//! The entries for registries in a report.

use std::collections::{BTreeMap, BTreeSet};

use registry::{HostLimit, Registry, RequestKind, Traffic};

use super::facts::{LimitEntry, RegistryEntry};
use crate::output::Tally;

/// One entry for each host, over all its logins.
pub(crate) fn registry_entries(registries: &[Registry], tally: &Tally) -> Vec<RegistryEntry> {
    let mut by_host: BTreeMap<&str, Vec<&Registry>> = BTreeMap::new();
    for registry in registries {
        by_host.entry(registry.host().as_str()).or_default().push(registry);
    }
    by_host.into_iter().filter_map(|(host, logins)| registry_entry(host, &logins, tally)).collect()
}

fn registry_entry(host: &str, logins: &[&Registry], tally: &Tally) -> Option<RegistryEntry> {
    let quota = logins.iter().filter_map(|login| login.quota()).min_by_key(|quota| quota.remaining);
    let warnings: BTreeSet<_> = logins.iter().flat_map(|login| login.warnings()).collect();
    let limits = logins.iter().flat_map(|login| login.limits()).filter(|limit| limit.too_much > 0);
    // Handles with different logins share the limits of a host.
    let limits: BTreeMap<_, _> =
        limits.map(limit_entry).map(|limit| ((limit.host.clone(), limit.requests.clone()), limit)).collect();
    let traffic: Traffic = logins.iter().map(|login| login.traffic()).sum();
    Some(RegistryEntry {
        host: host.to_owned(),
        kind: logins.first()?.profile().name.to_owned(),
        requests: traffic.requests,
        bytes_read: traffic.bytes_read,
        bytes_sent: traffic.bytes_sent,
        waited_seconds: (traffic.waited + tally.waited_for(host)).as_secs_f64(),
        warnings: warnings.into_iter().collect(),
        pulls_left: quota.map(|quota| quota.remaining),
        pull_limit: quota.and_then(|quota| quota.limit),
        limits: limits.into_values().collect(),
    })
}

fn limit_entry(limit: HostLimit) -> LimitEntry {
    let requests = match limit.kind {
        RequestKind::Look => "look",
        RequestKind::Read => "read",
        RequestKind::Upload => "upload",
        RequestKind::Commit => "commit",
    };
    LimitEntry {
        host: limit.host,
        requests: requests.to_owned(),
        at_once: limit.at_once,
        too_much: limit.too_much,
    }
}
