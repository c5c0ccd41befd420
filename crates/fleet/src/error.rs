//! The errors of workers and coordinators.

/// Why a fleet cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server cannot be reached.
    #[error("NATS at {server} cannot be reached: {reason}")]
    Connect {
        /// Host and port.
        server: String,
        /// The server's words, or the network's.
        reason: String,
    },
    /// The server does not accept the login, or the login cannot be read.
    #[error("NATS at {server} does not take this login: {reason}")]
    Login {
        /// Host and port.
        server: String,
        /// The server's words, or the file system's.
        reason: String,
    },
    /// NATS has not answered, after all retries.
    #[error("NATS did not answer when it was asked to {what}: {reason}")]
    NoAnswer {
        /// What was asked.
        what: String,
        /// The client's words.
        reason: String,
    },
    /// NATS has answered that this does not exist.
    #[error("NATS does not have {what}: {reason}")]
    Gone {
        /// A stream or bucket.
        what: String,
        /// Its words.
        reason: String,
    },
    /// NATS has lost the entries of a run that is not over.
    #[error("NATS has lost run {run}: {reason}")]
    RunLost {
        /// Which run.
        run: String,
        /// Its words.
        reason: String,
    },
    /// A run could not be called off and goes on, because workers could not be told.
    #[error("run {run} could not be called off, and workers go on with it: {reason}")]
    NotCalledOff {
        /// Which run.
        run: String,
        /// Why workers could not be told.
        reason: String,
    },
    /// NATS refuses a request.
    #[error("NATS does not {what}: {reason}")]
    Refused {
        /// What was asked.
        what: String,
        /// Its words.
        reason: String,
    },
    /// NATS takes no message of this size: its config, or the stream's, has a lower limit.
    #[error("NATS does not {what}, the message is too large for it: {reason}")]
    MessageTooLarge {
        /// What was asked.
        what: String,
        /// Its words.
        reason: String,
    },
    /// A value that another client has written cannot be read.
    #[error("what NATS keeps under {key} cannot be read: {reason}")]
    Malformed {
        /// The key of the value.
        key: String,
        /// Why it cannot be read.
        reason: String,
    },
    /// The login may not subscribe to its inbox, so it hears no answers.
    #[error("NATS does not let this login hear its answers: {0}")]
    NoInbox(String),
    /// The login lacks rights that a coordinator needs.
    #[error("this login may not coordinate: NATS refuses it: {0}")]
    NoCoordinator(String),
    /// The server keeps no streams.
    #[error("NATS at {server} keeps no streams: its JetStream is off")]
    NoJetStream {
        /// Host and port.
        server: String,
    },
    /// Another live worker has this worker's name.
    #[error("another worker at this NATS is called {0}, and works")]
    NameTaken(String),
    /// There is no such run.
    #[error("there is no run {0} to join: leave --run out to begin one")]
    NoRun(String),
    /// The list of runs is full, and all of them have jobs left.
    #[error("NATS has {number} open runs, and takes no more: the oldest one is {oldest}")]
    TooManyRuns {
        /// How many there are.
        number: usize,
        /// The first one.
        oldest: String,
    },
    /// The run to join has other rules or flags.
    #[error("run {0} was planned with other rules or flags than these")]
    OtherConfig(String),
    /// The run to join is of a release whose messages this one does not read.
    #[error(
        "the coordinator of run {run} is {theirs}, this one is {ours}: they do not understand each other. Run one release everywhere"
    )]
    OtherRelease {
        /// Which run.
        run: String,
        /// The release that began it.
        theirs: String,
        /// This release.
        ours: String,
    },
    /// A job's images do not fit into a message that NATS takes.
    #[error("{0} has more names than fit into one message")]
    TooLarge(String),
}

/// The text of an error and its sources, cleaned, each part once: the client's errors repeat their sources.
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
