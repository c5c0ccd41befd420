//! The list of runs, which coordinators write and workers read.

use serde::{Deserialize, Serialize};

use super::listed::{Listed, OtherRun};
use super::run::RunEntry;
use super::{Checked, Malformed, is_name};

/// The list of runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Runs {
    pub(crate) open: Vec<Listed>,
    /// Runs that are over, the oldest first. Only the last ones have their books still.
    #[serde(default)]
    pub(crate) closed: Vec<String>,
}

/// The most runs in the list: more than users begin at once.
pub(crate) const MOST_RUNS: usize = 64;

impl Runs {
    /// The open runs of releases that this one understands.
    pub(crate) fn ours(&self) -> impl Iterator<Item = &RunEntry> {
        self.open.iter().filter_map(|listed| match listed {
            Listed::Ours(entry) => Some(entry),
            Listed::Other(_) => None,
        })
    }

    /// The open runs of other releases.
    pub(crate) fn others(&self) -> impl Iterator<Item = &OtherRun> {
        self.open.iter().filter_map(|listed| match listed {
            Listed::Other(other) => Some(other),
            Listed::Ours(_) => None,
        })
    }

    /// Whether a run is open.
    pub(crate) fn has(&self, run: &str) -> bool {
        self.open.iter().any(|listed| listed.run() == run)
    }
}

impl Checked for Runs {
    fn checked(self) -> Result<Self, Malformed> {
        if self.open.len() > MOST_RUNS || self.closed.len() > MOST_RUNS {
            return Err(Malformed::new(format!("it has {} runs", self.open.len() + self.closed.len())));
        }
        let mut names = self.open.iter().map(Listed::run).chain(self.closed.iter().map(String::as_str));
        if names.all(is_name) { Ok(self) } else { Err(Malformed::new("a run has no name")) }
    }
}

#[cfg(test)]
mod tests {
    use oci::Digest;

    use super::*;
    use crate::message::release::Release;
    use crate::message::{read, write};

    fn entry() -> RunEntry {
        let digest = Digest::sha256(b"c");
        let (config, selection, run) = (digest.clone(), digest, "r-1".to_owned());
        RunEntry { release: Release::ours(), run, config, selection, jobs: 2, began: None }
    }

    #[test]
    fn runs_of_other_releases_are_named_and_stay_as_they_are() {
        let config = Digest::sha256(b"c");
        let earlier =
            format!(r#"{{"run":"r-0","config":"{config}","selection":"{config}","jobs":2,"began":null}}"#);
        let later = r#"{"parts":[1,{}],"release":{"format":9,"version":"9.0.0"},"run":"r-9"}"#;
        let ours = String::from_utf8(write(&entry()).to_vec()).unwrap();
        let text = format!(r#"{{"open":[{earlier},{ours},{later}],"closed":["r"]}}"#);
        let runs = read::<Runs>(text.as_bytes()).unwrap();
        assert_eq!(runs.ours().map(|entry| entry.run.as_str()).collect::<Vec<_>>(), ["r-1"]);
        let others: Vec<_> =
            runs.others().map(|other| (other.run.as_str(), other.release.to_string())).collect();
        let releases = ["an earlier release", "release 9.0.0 (messages of format 9)"].map(str::to_owned);
        assert_eq!(others, ["r-0", "r-9"].into_iter().zip(releases).collect::<Vec<_>>());
        assert!(runs.has("r-0") && runs.has("r-1") && !runs.has("r"));
        let again: serde_json::Value = serde_json::from_slice(&write(&runs)).unwrap();
        assert_eq!(again, serde_json::from_str::<serde_json::Value>(&text).unwrap());
        let release = serde_json::to_value(Release::ours()).unwrap();
        for wrong in [
            serde_json::json!({"open": [{"run": "r 1"}]}),
            serde_json::json!({"open": [{"run": "r", "release": release}]}),
        ] {
            assert!(read::<Runs>(wrong.to_string().as_bytes()).is_err(), "{wrong}");
        }
    }
}
