//! The entry of an open run in the list of runs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use oci::Digest;
use serde::{Deserialize, Serialize};

use super::is_name;
use super::release::Release;

/// An open run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunEntry {
    /// The release of its coordinator.
    pub(crate) release: Release,
    pub(crate) run: String,
    /// The digest of the rules. Workers with other rules ignore the run.
    pub(crate) config: Digest,
    /// The digest of the flags that select images.
    pub(crate) selection: Digest,
    /// How many jobs it has. All of them are in the book.
    pub(crate) jobs: u32,
    /// When it began, in milliseconds since 1970, by its coordinator's clock.
    #[serde(default)]
    pub(crate) began: Option<u64>,
}

/// No run takes this long: an entry that says so comes from a wrong clock, or is forged.
const LONGEST_RUN: Duration = Duration::from_secs(400 * 24 * 3600);

impl RunEntry {
    /// When it began, if that is known: `now` at the latest, since clocks differ. `None` if that would be ages ago.
    pub(crate) fn began(&self, now: SystemTime) -> Option<SystemTime> {
        let told = UNIX_EPOCH.checked_add(Duration::from_millis(self.began?))?;
        let is_ages_ago = now.duration_since(told).is_ok_and(|ago| ago > LONGEST_RUN);
        (!is_ages_ago).then_some(told.min(now))
    }

    /// Whether it has these rules and flags.
    pub(crate) fn is_of(&self, config: &Digest, selection: &Digest) -> bool {
        (&self.config, &self.selection) == (config, selection)
    }
}

/// The key in a run's book that says which coordinator has called the run off.
pub(crate) fn stop_key(run: &str) -> String {
    format!("{run}.stop")
}

/// The coordinator that has called a run off, from the value of that key.
pub(crate) fn caller(text: &[u8]) -> Option<String> {
    std::str::from_utf8(text).ok().filter(|name| is_name(name)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(began: Option<u64>) -> RunEntry {
        let digest = Digest::sha256(b"c");
        let (config, selection, run) = (digest.clone(), digest, "r-1".to_owned());
        RunEntry { release: Release::ours(), run, config, selection, jobs: 2, began }
    }

    #[test]
    fn a_beginning_is_in_the_past_and_not_ages_ago() {
        let day = |number: u64| UNIX_EPOCH + Duration::from_secs(number * 86_400);
        let told = |number: u64| Some(number * 86_400_000);
        let now = day(20_000);
        for (began, is) in [
            (None, None),
            (told(19_999), Some(day(19_999))),
            (told(20_001), Some(now)),
            (Some(u64::MAX), Some(now)),
            (told(19_599), None),
            (Some(0), None),
        ] {
            assert_eq!(entry(began).began(now), is, "{began:?}");
        }
    }
}
