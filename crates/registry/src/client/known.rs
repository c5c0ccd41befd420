//! A handle's statistics of its registry: limits, pauses, unanswered requests and traffic.

use super::Registry;
use crate::http::limit::{HostLimit, HostPause};
use crate::http::traffic::Traffic;
use crate::http::unanswered::HostSilence;

impl Registry {
    /// How many requests at once the registry, and the services to which it redirects, get now.
    pub fn limits(&self) -> Vec<HostLimit> {
        self.0.limits.learned()
    }

    /// The registry and the services to which it redirects, if they asked us to wait.
    pub fn pauses(&self) -> Vec<HostPause> {
        self.0.limits.pauses()
    }

    /// The registry and the servers to which it redirects, if they owe this login an answer, and for how long.
    pub fn silences(&self) -> Vec<HostSilence> {
        self.0.traffic.silences()
    }

    /// How many answers the registry gave so far to all clones and logins of one [`Transport`](crate::Transport), refusals included. If
    /// none came in a while, or only those of a server in trouble, the registry is not there.
    pub fn answers(&self) -> u64 {
        self.0.answers.get()
    }

    /// The requests so far with this login, to the registry and to the servers to which it redirects.
    pub fn traffic(&self) -> Traffic {
        self.0.traffic.read()
    }
}
