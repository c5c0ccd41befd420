//! A pause that a registry asks for, told to all workers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::host::is_host;
use super::{Checked, Malformed, is_name};

/// The longest pause. Registries ask for minutes, and a client that may write to NATS must not stop workers for longer.
const LONGEST: Duration = Duration::from_secs(3600);

/// A host has asked a worker for a pause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PauseToAll {
    pub(crate) worker: String,
    /// `host:port`.
    pub(crate) host: String,
    milliseconds: u64,
}

impl PauseToAll {
    pub(crate) fn new(worker: &str, host: String, wait: Duration) -> Self {
        let milliseconds = u64::try_from(wait.min(LONGEST).as_millis()).unwrap_or(u64::MAX);
        Self { worker: worker.to_owned(), host, milliseconds }
    }

    pub(crate) fn wait(&self) -> Duration {
        Duration::from_millis(self.milliseconds)
    }
}

impl Checked for PauseToAll {
    fn checked(self) -> Result<Self, Malformed> {
        if !is_name(&self.worker) {
            return Err(Malformed::new("the worker has no name"));
        }
        if !is_host(&self.host) {
            return Err(Malformed::new("the host has no name"));
        }
        if self.wait() > LONGEST {
            return Err(Malformed::new("nobody waits so long"));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{read, write};

    #[test]
    fn a_pause_has_an_end() {
        let long = PauseToAll::new("w1", "r.io:443".to_owned(), Duration::from_secs(100_000));
        assert_eq!(read::<PauseToAll>(&write(&long)).map(|pause| pause.wait()), Ok(LONGEST));
        for wrong in [
            r#"{"worker": "w1", "host": "r.io:443", "milliseconds": 3600001}"#,
            r#"{"worker": "w 1", "host": "r.io:443", "milliseconds": 1}"#,
            r#"{"worker": "w1", "host": "r.io\u001b", "milliseconds": 1}"#,
        ] {
            assert!(read::<PauseToAll>(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
