//! A bucket of NATS, asked again while the server is away.

use std::time::Duration;

use async_nats::jetstream::kv::{CreateErrorKind, Entry, Operation, Store};
use async_nats::jetstream::{Context, kv};
use bytes::Bytes;

use crate::error::Error;

/// For so long a server may be away before anybody gives up.
const PATIENCE: Duration = Duration::from_secs(90);
const BETWEEN: Duration = Duration::from_millis(500);

/// Keys with values, of which each has a revision.
#[derive(Clone)]
pub(crate) struct Bucket {
    store: Store,
    name: String,
}

impl Bucket {
    pub(crate) async fn open(jetstream: &Context, name: &str) -> Result<Self, Error> {
        let store =
            jetstream.get_key_value(name).await.map_err(|error| refused(&format!("show {name}"), &error))?;
        Ok(Self { store, name: name.to_owned() })
    }

    /// How long values are kept; for ever without.
    pub(crate) async fn kept(&self) -> Result<Duration, Error> {
        let status =
            self.store.status().await.map_err(|error| refused(&format!("show {}", self.name), &error))?;
        Ok(status.max_age())
    }

    /// The value of a key with its revision; `None` where there is none.
    pub(crate) async fn get(&self, key: &str) -> Result<Option<(Bytes, u64)>, Error> {
        let entry = self.again(&format!("give {key}"), || self.store.entry(key)).await?;
        Ok(entry.filter(|entry| entry.operation == Operation::Put).map(|entry| (entry.value, entry.revision)))
    }

    /// Sets a key that has no value; `None` where it has one.
    pub(crate) async fn create(&self, key: &str, value: Bytes) -> Result<Option<u64>, Error> {
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            match self.store.create(key, value.clone()).await {
                Ok(revision) => return Ok(Some(revision)),
                Err(error) if error.kind() == CreateErrorKind::AlreadyExists => {
                    // It may be ours: the answer to an earlier try was lost.
                    let there = self.get(key).await?;
                    return Ok(there.filter(|(known, _)| *known == value).map(|(_, revision)| revision));
                }
                Err(error) if tokio::time::Instant::now() > end => {
                    return Err(refused(&format!("set {key}"), &error));
                }
                Err(_) => tokio::time::sleep(BETWEEN).await,
            }
        }
    }

    /// Sets a key that has no value, and asks once.
    pub(crate) async fn create_now(&self, key: &str, value: Bytes) -> Result<u64, kv::CreateError> {
        self.store.create(key, value).await
    }

    /// Sets a key that still has this revision; `None` where it has another one, or nobody answers.
    pub(crate) async fn update_now(&self, key: &str, value: Bytes, revision: u64) -> Option<u64> {
        self.store.update(key, value, revision).await.ok()
    }

    pub(crate) async fn get_now(&self, key: &str) -> Option<Bytes> {
        let entry = self.store.entry(key).await.ok().flatten()?;
        (entry.operation == Operation::Put).then_some(entry.value)
    }

    /// A key as it stands, with its time.
    pub(crate) async fn entry_now(&self, key: &str) -> Option<Entry> {
        self.store.entry(key).await.ok().flatten()
    }

    pub(crate) async fn put(&self, key: &str, value: Bytes) -> Result<(), Error> {
        self.again(&format!("set {key}"), || self.store.put(key, value.clone())).await.map(drop)
    }

    pub(crate) async fn delete(&self, key: &str) -> Result<(), Error> {
        self.again(&format!("delete {key}"), || self.store.delete(key)).await
    }

    pub(crate) async fn delete_now(&self, key: &str) {
        let _ = self.store.delete(key).await;
    }

    /// All that was set below `prefix` since a revision, and what is set from now on.
    pub(crate) async fn watch(&self, prefix: &str, since: u64) -> Result<Watch, Error> {
        let key = format!("{prefix}.>");
        let watch = if since == 0 {
            self.store.watch_with_history(&key).await
        } else {
            self.store.watch_from_revision(&key, since + 1).await
        };
        watch.map(Watch).map_err(|error| refused(&format!("tell of {key}"), &error))
    }

    async fn again<T, E: std::error::Error, F: Future<Output = Result<T, E>>>(
        &self,
        what: &str,
        ask: impl Fn() -> F,
    ) -> Result<T, Error> {
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) if tokio::time::Instant::now() > end => return Err(refused(what, &error)),
                Err(_) => tokio::time::sleep(BETWEEN).await,
            }
        }
    }
}

/// What happens below a prefix.
pub(crate) struct Watch(kv::Watch);

impl Watch {
    /// The next entry; `None` when the watch has broken, and has to be begun anew.
    pub(crate) async fn next(&mut self) -> Option<Entry> {
        use futures_util::StreamExt as _;

        self.0.next().await?.ok()
    }
}

fn refused(what: &str, error: &dyn std::error::Error) -> Error {
    let reason = crate::error::words(error);
    Error::Refused { what: what.to_owned(), reason }
}
