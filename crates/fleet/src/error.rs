//! What goes wrong between workers, coordinator and NATS.

/// Why a fleet cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server does not answer.
    #[error("NATS at {server} cannot be reached: {reason}")]
    Connect {
        /// Host and port.
        server: String,
        /// Its words, or the network's.
        reason: String,
    },
    /// The server does not take the login, or it cannot be read.
    #[error("NATS at {server} does not take this login: {reason}")]
    Login {
        /// Host and port.
        server: String,
        /// Its words, or the file system's.
        reason: String,
    },
    /// Nobody has answered, however often it was asked.
    #[error("NATS did not answer when it was asked to {what}: {reason}")]
    NoAnswer {
        /// What was asked.
        what: String,
        /// The client's words.
        reason: String,
    },
    /// NATS has answered that it does not keep this.
    #[error("NATS does not have {what}: {reason}")]
    Gone {
        /// A stream or bucket.
        what: String,
        /// Its words.
        reason: String,
    },
    /// What NATS kept of a run is gone in the middle of it.
    #[error("NATS has lost run {run}: {reason}")]
    RunLost {
        /// Which run.
        run: String,
        /// Its words.
        reason: String,
    },
    /// A run goes on that was to be called off: workers could not be told.
    #[error("run {run} could not be called off, and workers go on with it: {reason}")]
    NotCalledOff {
        /// Which run.
        run: String,
        /// Why nobody was told.
        reason: String,
    },
    /// NATS does not do what it is asked for.
    #[error("NATS does not {what}: {reason}")]
    Refused {
        /// What was asked.
        what: String,
        /// Its words.
        reason: String,
    },
    /// What somebody else has written there makes no sense.
    #[error("what NATS keeps under {key} cannot be read: {reason}")]
    Malformed {
        /// Where.
        key: String,
        /// Why.
        reason: String,
    },
    /// The login may not hear what it is answered.
    #[error("NATS does not let this login hear its answers: {0}")]
    NoInbox(String),
    /// The login may not do what a coordinator does.
    #[error("this login may not coordinate: NATS refuses it: {0}")]
    NoCoordinator(String),
    /// No streams are kept there.
    #[error("NATS at {server} keeps no streams: its JetStream is off")]
    NoJetStream {
        /// Host and port.
        server: String,
    },
    /// Another worker has this one's name, and has just given a sign of life.
    #[error("another worker at this NATS is called {0}, and works")]
    NameTaken(String),
    /// There is no such run.
    #[error("there is no run {0} to join: leave --run out to begin one")]
    NoRun(String),
    /// The run that is asked for has other rules.
    #[error("run {0} was planned with other rules or flags than these")]
    OtherConfig(String),
    /// The run that is asked for is one of a release whose messages this one does not read.
    #[error(
        "the coordinator of run {run} is {theirs}, this one is {ours}: they do not understand each other. Run one release everywhere"
    )]
    OtherRelease {
        /// Which run.
        run: String,
        /// Who began it.
        theirs: String,
        /// This one.
        ours: String,
    },
    /// The images make a message that NATS does not take.
    #[error("{0} has more names than fit into one message")]
    TooLarge(String),
}

/// An error and what lies behind it, cleaned, each thing once: the client's errors repeat what lies behind them.
pub(crate) fn words(error: &dyn std::error::Error) -> String {
    let text = oci::with_sources(error);
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split(": ").filter(|part| !part.is_empty()) {
        parts.retain(|known| *known != part);
        parts.push(part);
    }
    oci::foreign_text::clean(&parts.join(": ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Link(&'static str, #[source] Option<Box<Link>>);

    #[test]
    fn what_a_client_repeats_is_told_once() {
        let nats = Link("nats: authorization violation", None);
        let error = Link("authorization violation: nats: authorization violation", Some(Box::new(nats)));
        assert_eq!(words(&error), "nats: authorization violation");
        let refused = Link("IO error: refused", Some(Box::new(Link("refused", None))));
        assert_eq!(words(&refused), "IO error: refused");
    }
}
