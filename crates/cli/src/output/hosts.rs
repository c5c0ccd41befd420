//! Which hosts slow a run down, and how, from the registries' handles.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use registry::Registry;

use super::amount_text::time;
use super::number::counted;
use crate::config::SharedRegistries;

/// The initial limit of requests at once is more than this.
const FEW: usize = 16;
/// Answers within this time are normal.
const SILENCE: Duration = Duration::from_secs(5);

/// A host that limits requests, or does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SlowHost {
    pub(crate) host: String,
    /// The rest of the pause that it asked for (`Retry-After`).
    pub(crate) pause: Option<Duration>,
    /// The time that a request has been waiting for an answer.
    pub(crate) silent: Option<Duration>,
    /// The reduced limit of requests of one kind at once.
    pub(crate) at_once: Option<usize>,
    /// The registries that depend on it, by their names in references.
    pub(crate) of: BTreeSet<String>,
}

impl fmt::Display for SlowHost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = &self.host;
        match (self.pause, self.silent, self.at_once) {
            (Some(pause), ..) => write!(formatter, "{host} asked to wait: {} more", time(pause)),
            (None, Some(silent), _) => write!(formatter, "{host} has not answered for {}", time(silent)),
            (None, None, Some(at_once)) => {
                let requests = counted(at_once as u64, "request", "requests");
                write!(formatter, "{host} is throttled: {requests} at once")
            }
            (None, None, None) => write!(formatter, "{host} is slow"),
        }
    }
}

/// Returns the hosts that are slow now.
pub(crate) type AskHosts = Box<dyn Fn() -> Vec<SlowHost> + Send + Sync>;

/// For all registries that are in use at the time of the call.
pub(crate) fn ask_hosts(registries: &SharedRegistries) -> AskHosts {
    let registries = registries.clone();
    Box::new(move || slow_hosts(&registries.lock().all()))
}

/// The hosts that are slow now, sorted by name.
fn slow_hosts(registries: &[Registry]) -> Vec<SlowHost> {
    let limits = registries.iter().flat_map(Registry::limits);
    let cut = limits.filter(|limit| limit.too_much > 0 && limit.at_once < FEW);
    let pauses = registries.iter().flat_map(|registry| {
        let pauses = registry.pauses().into_iter();
        pauses.map(|pause| Paused { host: pause.host, left: pause.left, of: registry.host().to_string() })
    });
    let mut hosts = joined(cut.map(|limit| (limit.host, limit.at_once)).collect(), pauses.collect());
    let silences = registries.iter().flat_map(Registry::silences);
    for silence in silences.filter(|silence| silence.waited >= SILENCE) {
        let entry = hosts.entry(silence.host.clone()).or_insert_with(|| slow(&silence.host));
        entry.silent = entry.silent.max(Some(silence.waited));
    }
    hosts.into_values().collect()
}

fn slow(host: &str) -> SlowHost {
    SlowHost { host: host.to_owned(), pause: None, silent: None, at_once: None, of: BTreeSet::new() }
}

/// A host that asked for a pause, and a registry that depends on it.
struct Paused {
    host: String,
    left: Duration,
    of: String,
}

/// One entry for each host, with its smallest limit and its longest pause.
fn joined(cut: Vec<(String, usize)>, pauses: Vec<Paused>) -> BTreeMap<String, SlowHost> {
    let mut hosts = BTreeMap::<String, SlowHost>::new();
    for (host, at_once) in cut {
        let entry = hosts.entry(host.clone()).or_insert_with(|| slow(&host));
        entry.at_once = Some(entry.at_once.map_or(at_once, |other| other.min(at_once)));
    }
    for Paused { host, left, of } in pauses {
        let entry = hosts.entry(host.clone()).or_insert_with(|| slow(&host));
        entry.pause = entry.pause.max(Some(left));
        entry.of.insert(of);
    }
    hosts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_is_slow_for_several_reasons_is_named_once() {
        let (cut, pauses) = (
            vec![("b:443".to_owned(), 8), ("b:443".to_owned(), 3), ("a:443".to_owned(), 1)],
            [("b:443", 7, "b"), ("c:443", 2, "docker.io"), ("c:443", 1, "d")].map(|(host, left, of)| {
                Paused { host: host.to_owned(), left: Duration::from_secs(left), of: of.to_owned() }
            }),
        );
        let slow = |host: &str, pause: Option<u64>, at_once, of: &[&str]| SlowHost {
            pause: pause.map(Duration::from_secs),
            at_once,
            of: of.iter().map(|of| (*of).to_owned()).collect(),
            ..slow(host)
        };
        let wanted = [
            slow("a:443", None, Some(1), &[]),
            slow("b:443", Some(7), Some(3), &["b"]),
            slow("c:443", Some(2), None, &["d", "docker.io"]),
        ];
        assert!(joined(cut, pauses.into()).into_values().eq(wanted));
    }

    #[test]
    fn who_asked_to_wait_is_told_so_before_all_else() {
        let (silent, pause) = (Some(Duration::from_secs(75)), Some(Duration::from_secs(7)));
        for (host, told) in [
            (SlowHost { pause, silent, at_once: Some(1), ..slow("r:1") }, "r:1 asked to wait: 7 s more"),
            (SlowHost { silent, at_once: Some(1), ..slow("r:1") }, "r:1 has not answered for 1 min 15 s"),
            (SlowHost { at_once: Some(1), ..slow("r:1") }, "r:1 is throttled: 1 request at once"),
            (SlowHost { at_once: Some(3), ..slow("r:1") }, "r:1 is throttled: 3 requests at once"),
        ] {
            assert_eq!(host.to_string(), told);
        }
    }
}
