//! A process's request counts by registry, as messages tell them.

use std::collections::HashSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::host::is_host;
use super::{Checked, Malformed, is_name};
use crate::spent::Spent;

/// The most registries in one result: more than the images of one job have.
pub(crate) const MOST_REGISTRIES: usize = 64;
/// The longest name of a kind of registry.
const LONGEST_KIND: usize = 64;

/// A process's request counts at one registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpentAt {
    host: String,
    kind: String,
    requests: u64,
    bytes_read: u64,
    bytes_sent: u64,
    waited_milliseconds: u64,
}

impl SpentAt {
    /// `None` if readers would reject it.
    pub(crate) fn new(host: &str, spent: Spent) -> Option<Self> {
        let waited_milliseconds = u64::try_from(spent.waited.as_millis()).unwrap_or(u64::MAX);
        let Spent { kind, requests, bytes_read, bytes_sent, .. } = spent;
        let host = host.to_owned();
        let new = Self { host, kind, requests, bytes_read, bytes_sent, waited_milliseconds };
        new.is_sound().then_some(new)
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn spent(&self) -> Spent {
        Spent {
            kind: self.kind.clone(),
            requests: self.requests,
            bytes_read: self.bytes_read,
            bytes_sent: self.bytes_sent,
            waited: Duration::from_millis(self.waited_milliseconds),
        }
    }

    fn is_sound(&self) -> bool {
        let is_plain = |character: char| character == ' ' || character.is_ascii_graphic();
        is_host(&self.host) && self.kind.len() <= LONGEST_KIND && self.kind.chars().all(is_plain)
    }
}

/// A process's request counts that its results do not tell.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpentBy {
    pub(crate) worker: String,
    /// When the process started: this distinguishes processes of one name.
    pub(crate) born: u64,
    pub(crate) spent: Vec<SpentAt>,
}

impl Checked for SpentBy {
    fn checked(self) -> Result<Self, Malformed> {
        if !is_name(&self.worker) {
            return Err(Malformed::new("the worker has no name"));
        }
        check(&self.spent)?;
        Ok(self)
    }
}

/// Checks the request counts in a message.
pub(super) fn check(told: &[SpentAt]) -> Result<(), Malformed> {
    let mut hosts = HashSet::new();
    if told.len() > MOST_REGISTRIES {
        Err(Malformed::new(format!("it tells of {} registries", told.len())))
    } else if !told.iter().all(SpentAt::is_sound) {
        Err(Malformed::new("a registry has no name"))
    } else if !told.iter().all(|entry| hosts.insert(entry.host())) {
        Err(Malformed::new("it tells of a registry twice"))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::ended::JobResult;
    use crate::message::{read, write};

    fn told(entries: &[(&str, &str)]) -> Result<usize, String> {
        let entry = |(host, kind): &(&str, &str)| {
            serde_json::json!({"host": host, "kind": kind, "requests": 1, "bytes_read": 2, "bytes_sent": 3,
                "waited_milliseconds": 4})
        };
        let spent: Vec<_> = entries.iter().map(entry).collect();
        let text = serde_json::json!({"worker": "w1", "born": 1, "ended": [], "spent": spent}).to_string();
        read::<JobResult>(text.as_bytes()).map(|result| result.spent.len()).map_err(|error| error.to_string())
    }

    #[test]
    fn only_what_makes_sense_is_read() {
        assert_eq!(told(&[("r.io:5000", "Harbor"), ("[::1]:5000", "Google Artifact Registry")]), Ok(2));
        for wrong in [[("", "x"), ("b", "x")], [("a\u{1b}[31m", "x"), ("b", "x")], [("a", "x\n"), ("b", "x")]]
        {
            assert_eq!(told(&wrong), Err("a registry has no name".to_owned()), "{wrong:?}");
        }
        assert_eq!(told(&[("a", "x"), ("a", "x")]), Err("it tells of a registry twice".to_owned()));
        let many: Vec<_> = (0..65).map(|number| format!("r{number}.io")).collect();
        let many: Vec<_> = many.iter().map(|host| (host.as_str(), "x")).collect();
        assert_eq!(told(&many), Err("it tells of 65 registries".to_owned()));
        assert!(SpentAt::new("a b", Spent::default()).is_none());
    }

    #[test]
    fn the_most_that_is_told_fits_beside_the_most_images() {
        let entry = |number: usize| {
            let host = format!("{number:0>300}");
            SpentAt::new(&host, Spent { kind: "k".repeat(64), requests: u64::MAX, ..Spent::default() })
        };
        let spent: Vec<_> = (0..MOST_REGISTRIES).filter_map(entry).collect();
        assert_eq!(spent.len(), MOST_REGISTRIES);
        assert!(write(&spent).len() < 64 << 10, "{}", write(&spent).len());
    }
}
