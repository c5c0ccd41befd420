//! Stores something for a moment: this shows whether the store takes it, and what time the server has.

use std::time::{Duration, SystemTime};

use async_nats::jetstream::kv::Operation;
use async_nats::jetstream::stream::{Config, StorageType};

use crate::connection::Connection;

/// The stream's name, different for two probes at the same time.
pub(super) fn name(connection: &Connection) -> String {
    format!("isync_check_{}", connection.name())
}

/// A stream of this probe alone.
pub(super) struct Stream {
    name: String,
    pub(super) clock: Option<(SystemTime, SystemTime)>,
}

impl Stream {
    pub(super) async fn make(connection: &Connection) -> Result<Self, String> {
        let name = name(connection);
        let config = Config {
            name: name.clone(),
            subjects: vec![format!("isync.check.{}", connection.name())],
            storage: StorageType::File,
            max_bytes: 1 << 20,
            max_age: Duration::from_secs(60),
            ..Config::default()
        };
        // A stream that a killed probe left behind would tell an old time.
        let _ = connection.jetstream.delete_stream(&name).await;
        let before = SystemTime::now();
        let made = connection.jetstream.create_stream(config).await;
        let made = made.map_err(|error| crate::error::words(&error))?;
        let clock = Some((made.cached_info().created.into(), middle(before)));
        Ok(Self { name, clock })
    }

    pub(super) async fn remove(self, connection: &Connection) {
        let _ = connection.jetstream.delete_stream(&self.name).await;
    }
}

/// The server's time, by a lease for no blob. Workers may create leases, too.
pub(super) async fn clock_of_lease(connection: &Connection) -> Option<(SystemTime, SystemTime)> {
    let leases = connection.leases().await.ok()?;
    let (key, before) = (format!("check.{}", connection.name()), SystemTime::now());
    leases.create_now(&key, connection.name().to_owned().into()).await.ok()?;
    let ours = middle(before);
    let entry = leases.entry_now(&key).await;
    leases.delete_if(&key, connection.name().as_bytes()).await;
    let entry = entry.filter(|entry| entry.operation == Operation::Put)?;
    Some((entry.created.into(), ours))
}

/// The middle between `before` and now: the server has looked at its clock between them.
fn middle(before: SystemTime) -> SystemTime {
    before + before.elapsed().unwrap_or_default() / 2
}
