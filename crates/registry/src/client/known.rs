//! What a handle knows of how its registry is asked: how much, how often at once, and who holds it up.

use super::Registry;
use crate::http::limit::{HostLimit, HostPause};
use crate::http::traffic::Traffic;
use crate::http::unanswered::HostSilence;

impl Registry {
    /// How many requests at once it, and the services that it sent us to, get by now.
    pub fn limits(&self) -> Vec<HostLimit> {
        self.0.limits.learned()
    }

    /// Which of it, and of the services that it sent us to, asked to be left alone for a while.
    pub fn pauses(&self) -> Vec<HostPause> {
        self.0.limits.pauses()
    }

    /// Which of it, and of the servers that it sent us to, owe this login an answer, and for how long.
    pub fn silences(&self) -> Vec<HostSilence> {
        self.0.traffic.silences()
    }

    /// How many answers it gave so far to all clones and logins of one [`Transport`](crate::Transport), refusals included: none in a while,
    /// or only of a server in trouble, means that it is not there.
    pub fn answers(&self) -> u64 {
        self.0.answers.get()
    }

    /// What was asked of it so far with this login, and of the servers that it sent us to.
    pub fn traffic(&self) -> Traffic {
        self.0.traffic.read()
    }
}
