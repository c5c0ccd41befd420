//! Which hosts slow a run down, and how: what the registries' handles know of them.

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
}

/// Asks which hosts are slow now.
pub(crate) type AskHosts = Box<dyn Fn() -> Vec<SlowHost> + Send + Sync>;

/// Those that are slow now, in the order of their names.
pub(crate) fn slow_hosts(registries: &[Registry]) -> Vec<SlowHost> {
    let limits = registries.iter().flat_map(Registry::limits);
    let cut = limits.filter(|limit| limit.too_much > 0 && limit.at_once < FEW);
    let pauses = registries.iter().flat_map(Registry::pauses);
    joined(
        cut.map(|limit| (limit.host, limit.at_once)).collect(),
        pauses.map(|pause| (pause.host, pause.left)).collect(),
    )
}

/// One entry for each host: the least that it gets, and the longest that it waits.
fn joined(cut: Vec<(String, usize)>, pauses: Vec<(String, Duration)>) -> Vec<SlowHost> {
    let mut hosts = std::collections::BTreeMap::<String, SlowHost>::new();
    let slow = |host: &String| SlowHost { host: host.clone(), pause: None, at_once: None };
    for (host, at_once) in cut {
        let entry = hosts.entry(host.clone()).or_insert_with(|| slow(&host));
        entry.at_once = Some(entry.at_once.map_or(at_once, |other| other.min(at_once)));
    }
    for (host, left) in pauses {
        let entry = hosts.entry(host.clone()).or_insert_with(|| slow(&host));
        entry.pause = entry.pause.max(Some(left));
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
            vec![("b:443".to_owned(), Duration::from_secs(7)), ("c:443".to_owned(), Duration::from_secs(2))],
        );
        let slow = |host: &str, pause: Option<u64>, at_once| SlowHost {
            host: host.to_owned(),
            pause: pause.map(Duration::from_secs),
            at_once,
        };
        let wanted =
            [slow("a:443", None, Some(1)), slow("b:443", Some(7), Some(3)), slow("c:443", Some(2), None)];
        assert_eq!(joined(cut, pauses), wanted);
    }
}
