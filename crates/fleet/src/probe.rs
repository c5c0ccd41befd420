//! Finds out what a NATS offers to a fleet, and what a login may do there. Deletes what it creates for that.

mod local_store;
mod monitoring;
mod rights;
mod scratch;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::Deserialize;

use crate::connection::Connection;
use crate::probe::monitoring::Told;
pub use crate::probe::rights::Rights;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The findings.
#[derive(Debug)]
pub struct Probe {
    /// The server's version, in its own words.
    pub version: String,
    /// Whether the connection is encrypted.
    pub is_encrypted: bool,
    /// Whether the server requires a login.
    pub wants_login: bool,
    /// Whether it can be reached from other machines.
    pub is_open_to_others: bool,
    /// Whether it keeps streams.
    pub jetstream: JetStream,
    /// What the login may do.
    pub rights: Rights,
    /// The server's time and this machine's, if the server tells its time.
    pub clock: Option<(SystemTime, SystemTime)>,
    /// The folder in which streams are kept, if that can be found out.
    pub store: Option<PathBuf>,
}

/// Whether streams are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JetStream {
    /// The server keeps them.
    On,
    /// The server does not: its `JetStream` is off.
    Off,
    /// Not for this login's account, or nothing can be stored; in the server's words.
    Refused(String),
}

impl Connection {
    /// Probes the server and the login.
    pub async fn probe(&self) -> Probe {
        let info = self.client.server_info();
        let rights = rights::look(self).await;
        let jetstream = match (info.jetstream, self.account().await) {
            (false, _) => JetStream::Off,
            (true, Some(words)) => JetStream::Refused(words),
            (true, None) => JetStream::On,
        };
        let mut found = Found::default();
        if jetstream == JetStream::On {
            found = self.look_around(&rights).await;
        }
        let Told { now, store } = monitoring::ask(&self.server.0, &info.server_id).await.unwrap_or_default();
        Probe {
            version: self.server_version(),
            is_encrypted: info.tls_required || self.uses_tls,
            wants_login: info.auth_required,
            is_open_to_others: !crate::access::is_loopback(&info.host) || !self.is_local(),
            jetstream: found.refused.map_or(jetstream, JetStream::Refused),
            rights,
            clock: found.clock.or(now),
            store: store.or(found.store),
        }
    }

    /// Stores something for a moment, as far as the login may.
    async fn look_around(&self, rights: &Rights) -> Found {
        if !rights.may_try_store {
            return Found { clock: scratch::clock_of_lease(self).await, ..Found::default() };
        }
        match scratch::Stream::make(self).await {
            Ok(stream) => {
                // The server has the stream's files open now.
                let store = self.is_local().then(|| local_store::of_listener(self.server.1)).flatten();
                let clock = stream.clock;
                stream.remove(self).await;
                Found { clock, store, refused: None }
            }
            Err(refused) => Found { refused: Some(refused), ..Found::default() },
        }
    }

    /// The server's error about the account; `None` if there is none, or the server does not answer.
    async fn account(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Answer {
            error: Option<Words>,
        }
        #[derive(Deserialize)]
        struct Words {
            description: String,
        }
        let asked = self.client.request("$JS.API.INFO", "".into());
        let answer = tokio::time::timeout(PATIENCE, asked).await.ok()?.ok()?;
        let answer: Answer = serde_json::from_slice(&answer.payload).ok()?;
        answer.error.map(|error| oci::foreign_text::clean_to(&error.description, 300).into_owned())
    }

    fn is_local(&self) -> bool {
        crate::access::is_loopback(&self.server.0)
    }
}

#[derive(Default)]
struct Found {
    clock: Option<(SystemTime, SystemTime)>,
    store: Option<PathBuf>,
    /// Why nothing can be stored.
    refused: Option<String>,
}
