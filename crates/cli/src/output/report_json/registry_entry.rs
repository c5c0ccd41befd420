//! What the report tells of each registry.

use std::collections::{BTreeMap, BTreeSet};

use registry::{HostLimit, Registry, RequestKind, Traffic};
use serde::Serialize;

use crate::output::Tally;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RegistryEntry<'a> {
    host: &'a str,
    /// What it was taken for.
    kind: &'static str,
    /// Of it, its token server and the services that it sends us to, with all logins.
    pub(super) requests: u64,
    /// Of bodies.
    bytes_read: u64,
    bytes_sent: u64,
    /// How long requests and tries were held back, summed up: for its `Retry-After`, for their turn, after a failure.
    waited_seconds: f64,
    warnings: Vec<String>,
    /// Pulls that are left, where it tells: the fewest of all logins.
    pulls_left: Option<u64>,
    pull_limit: Option<u64>,
    limits: Vec<LimitEntry>,
}

/// How many requests at once a host got in the end, where they were fewer than it was ready to take.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LimitEntry {
    host: String,
    /// `look`, `read`, `upload` or `commit`.
    requests: &'static str,
    at_once: usize,
    too_much: u64,
}

/// One entry for each host, whatever logins it was used with.
pub(super) fn registry_entries<'a>(registries: &'a [Registry], tally: &Tally) -> Vec<RegistryEntry<'a>> {
    let mut by_host: BTreeMap<&str, Vec<&Registry>> = BTreeMap::new();
    for registry in registries {
        by_host.entry(registry.host().as_str()).or_default().push(registry);
    }
    by_host.into_iter().filter_map(|(host, logins)| registry_entry(host, &logins, tally)).collect()
}

fn registry_entry<'a>(host: &'a str, logins: &[&Registry], tally: &Tally) -> Option<RegistryEntry<'a>> {
    let quota = logins.iter().filter_map(|login| login.quota()).min_by_key(|quota| quota.remaining);
    let warnings: BTreeSet<_> = logins.iter().flat_map(|login| login.warnings()).collect();
    let limits = logins.iter().flat_map(|login| login.limits()).filter(|limit| limit.too_much > 0);
    // Logins share what was learned of a host.
    let limits: BTreeMap<_, _> = limits.map(limit_entry).map(|limit| (limit.key(), limit)).collect();
    let traffic: Traffic = logins.iter().map(|login| login.traffic()).sum();
    Some(RegistryEntry {
        host,
        kind: logins.first()?.profile().name,
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

impl LimitEntry {
    fn key(&self) -> (String, &'static str) {
        (self.host.clone(), self.requests)
    }
}

fn limit_entry(limit: HostLimit) -> LimitEntry {
    let requests = match limit.kind {
        RequestKind::Look => "look",
        RequestKind::Read => "read",
        RequestKind::Upload => "upload",
        RequestKind::Commit => "commit",
    };
    LimitEntry { host: limit.host, requests, at_once: limit.at_once, too_much: limit.too_much }
}
