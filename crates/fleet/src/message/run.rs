//! A run, as the list of those that are open tells of it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use oci::Digest;
use serde::{Deserialize, Serialize};

use super::is_name;
use super::release::Release;

/// A run that is going on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunEntry {
    /// Of its coordinator.
    pub(crate) release: Release,
    pub(crate) run: String,
    /// Of the rules. Workers with others have nothing to do with it.
    pub(crate) config: Digest,
    /// Of what flags select of the rules.
    pub(crate) selection: Digest,
    /// All of them stand in the book.
    pub(crate) jobs: u32,
    /// When it began, in milliseconds since 1970, by its coordinator's clock.
    #[serde(default)]
    pub(crate) began: Option<u64>,
}

/// No run takes so long: who says so has no clock, or lies.
const LONGEST_RUN: Duration = Duration::from_secs(400 * 24 * 3600);

impl RunEntry {
    /// When it began, where that is known: not after now, however clocks differ, and not ages ago.
    pub(crate) fn began(&self, now: SystemTime) -> Option<SystemTime> {
        let told = UNIX_EPOCH.checked_add(Duration::from_millis(self.began?))?;
        let is_ages_ago = now.duration_since(told).is_ok_and(|ago| ago > LONGEST_RUN);
        (!is_ages_ago).then_some(told.min(now))
    }

    /// Whether it brings what these rules and flags select.
    pub(crate) fn is_of(&self, config: &Digest, selection: &Digest) -> bool {
        (&self.config, &self.selection) == (config, selection)
    }
}

/// Where a run's book says who has called it off.
pub(crate) fn stop_key(run: &str) -> String {
    format!("{run}.stop")
}

/// Who has called a run off, by what stands there.
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
