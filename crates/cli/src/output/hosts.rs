//! Which hosts slow a run down, and how: what the registries' handles know of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use registry::Registry;

/// What a host gets at once before it was ever too much for it is more than this.
const FEW: usize = 16;

/// A host that takes less than it could be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SlowHost {
    pub(crate) host: String,
    /// How long it asked to be left alone still (`Retry-After`).
    pub(crate) pause: Option<Duration>,
    /// How many requests of one kind it gets at once, where these were cut down.
    pub(crate) at_once: Option<usize>,
    /// The registries that need it, by the name that images have in front.
    pub(crate) of: BTreeSet<String>,
}

/// Asks which hosts are slow now.
pub(crate) type AskHosts = Box<dyn Fn() -> Vec<SlowHost> + Send + Sync>;

/// Those that are slow now, in the order of their names.
pub(crate) fn slow_hosts(registries: &[Registry]) -> Vec<SlowHost> {
    let limits = registries.iter().flat_map(Registry::limits);
    let cut = limits.filter(|limit| limit.too_much > 0 && limit.at_once < FEW);
    let pauses = registries.iter().flat_map(|registry| {
        let pauses = registry.pauses().into_iter();
        pauses.map(|pause| Paused { host: pause.host, left: pause.left, of: registry.host().to_string() })
    });
    joined(cut.map(|limit| (limit.host, limit.at_once)).collect(), pauses.collect())
}

/// A host that asked to be left alone, and a registry that needs it.
struct Paused {
    host: String,
    left: Duration,
    of: String,
}

/// One entry for each host: the least that it gets, and the longest that it waits.
fn joined(cut: Vec<(String, usize)>, pauses: Vec<Paused>) -> Vec<SlowHost> {
    let mut hosts = BTreeMap::<String, SlowHost>::new();
    let slow =
        |host: &String| SlowHost { host: host.clone(), pause: None, at_once: None, of: BTreeSet::new() };
    for (host, at_once) in cut {
        let entry = hosts.entry(host.clone()).or_insert_with(|| slow(&host));
        entry.at_once = Some(entry.at_once.map_or(at_once, |other| other.min(at_once)));
    }
    for Paused { host, left, of } in pauses {
        let entry = hosts.entry(host.clone()).or_insert_with(|| slow(&host));
        entry.pause = entry.pause.max(Some(left));
        entry.of.insert(of);
    }
    hosts.into_values().collect()
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
            host: host.to_owned(),
            pause: pause.map(Duration::from_secs),
            at_once,
            of: of.iter().map(|of| (*of).to_owned()).collect(),
        };
        let wanted = [
            slow("a:443", None, Some(1), &[]),
            slow("b:443", Some(7), Some(3), &["b"]),
            slow("c:443", Some(2), None, &["d", "docker.io"]),
        ];
        assert_eq!(joined(cut, pauses.into()), wanted);
    }
}
