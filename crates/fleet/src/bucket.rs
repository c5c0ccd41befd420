//! A bucket of NATS. Requests are retried while the server is away.

use std::error::Error as _;
use std::time::Duration;

use async_nats::jetstream::context::{GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::kv::{CreateErrorKind, Entry, Operation, Store, UpdateErrorKind};
use async_nats::jetstream::{Context, ErrorCode, kv};
use bytes::Bytes;

use crate::answer::{PATIENCE, until_answered};
use crate::error::Error;
use crate::final_answer::final_error;

/// A key-value bucket, in which each value has a revision.
#[derive(Clone)]
pub(crate) struct Bucket {
    jetstream: Context,
    store: Store,
    name: String,
}

impl Bucket {
    pub(crate) async fn open(jetstream: &Context, name: &str) -> Result<Self, Error> {
        let store = jetstream.get_key_value(name).await.map_err(|error| {
            let what = format!("show {name}");
            match error.source().and_then(|source| source.downcast_ref::<GetStreamError>()) {
                Some(source) => unasked(name, &what, source),
                None => Error::Refused { what, reason: crate::error::words(&error) },
            }
        })?;
        Ok(Self { jetstream: jetstream.clone(), store, name: name.to_owned() })
    }

    /// How long values are kept; zero if for ever.
    pub(crate) async fn kept(&self) -> Result<Duration, Error> {
        let status =
            self.store.status().await.map_err(|error| refused(&format!("show {}", self.name), &error))?;
        Ok(status.max_age())
    }

    /// The value of a key with its revision; `None` if there is none.
    pub(crate) async fn get(&self, key: &str) -> Result<Option<(Bytes, u64)>, Error> {
        let entry = self.again(&format!("give {key}"), PATIENCE, || self.store.entry(key)).await?;
        Ok(entry.and_then(put))
    }

    /// The same without a retry. An error if NATS does not answer, since `None` means that the key has no value.
    pub(crate) async fn get_once(&self, key: &str) -> Result<Option<(Bytes, u64)>, Error> {
        let entry = self.again(&format!("give {key}"), Duration::ZERO, || self.store.entry(key)).await?;
        Ok(entry.and_then(put))
    }

    /// Sets a key that has no value; `None` if it has one.
    pub(crate) async fn create(&self, key: &str, value: Bytes) -> Result<Option<u64>, Error> {
        let create = || async {
            match self.store.create(key, value.clone()).await {
                Ok(revision) => Ok(Some(revision)),
                Err(error) if error.kind() == CreateErrorKind::AlreadyExists => Ok(None),
                Err(error) => Err(error),
            }
        };
        if let Some(revision) = self.again(&format!("set {key}"), PATIENCE, create).await? {
            return Ok(Some(revision));
        }
        // The value may come from an earlier try whose answer was lost.
        let there = self.get(key).await?;
        Ok(there.filter(|(known, _)| *known == value).map(|(_, revision)| revision))
    }

    /// Sets a key that still has this revision; `None` if it has another one. That may come from an earlier try whose answer was lost.
    pub(crate) async fn update(&self, key: &str, value: Bytes, revision: u64) -> Result<Option<u64>, Error> {
        self.update_within(PATIENCE, key, value, revision).await
    }

    /// The same, with retries for `patience` at most.
    pub(crate) async fn update_within(
        &self,
        patience: Duration,
        key: &str,
        value: Bytes,
        revision: u64,
    ) -> Result<Option<u64>, Error> {
        let update = || async {
            match self.store.update(key, value.clone(), revision).await {
                Ok(revision) => Ok(Some(revision)),
                Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => Ok(None),
                Err(error) => Err(error),
            }
        };
        self.again(&format!("set {key}"), patience, update).await
    }

    /// Sets a key that has no value, without a retry.
    pub(crate) async fn create_now(&self, key: &str, value: Bytes) -> Result<u64, kv::CreateError> {
        self.store.create(key, value).await
    }

    /// The value of a key that is only a hint, without a retry. `None` also if NATS does not answer.
    pub(crate) async fn get_now(&self, key: &str) -> Option<Bytes> {
        put(self.store.entry(key).await.ok().flatten()?).map(|(value, _)| value)
    }

    /// The last entry of a key with its time, without a retry.
    pub(crate) async fn entry_now(&self, key: &str) -> Option<Entry> {
        self.store.entry(key).await.ok().flatten()
    }

    pub(crate) async fn put(&self, key: &str, value: Bytes) -> Result<(), Error> {
        self.put_within(PATIENCE, key, value).await
    }

    /// Sets a key, and retries for `patience` at most.
    pub(crate) async fn put_within(&self, patience: Duration, key: &str, value: Bytes) -> Result<(), Error> {
        let put = || self.store.put(key, value.clone());
        self.again(&format!("set {key}"), patience, put).await.map(drop)
    }

    pub(crate) async fn delete(&self, key: &str) -> Result<(), Error> {
        self.again(&format!("delete {key}"), PATIENCE, || self.store.delete(key)).await
    }

    /// Deletes a key that has this value, without a retry.
    pub(crate) async fn delete_if(&self, key: &str, value: &[u8]) {
        if let Ok(Some((known, revision))) = self.get_once(key).await
            && known == value
        {
            let _ = self.store.delete_expect_revision(key, Some(revision)).await;
        }
    }

    /// Watches the keys below `prefix`: all entries since a revision, and those to come.
    pub(crate) async fn watch(&self, prefix: &str, since: u64) -> Result<Watch, Error> {
        let key = format!("{prefix}.>");
        let watch = if since == 0 {
            self.store.watch_with_history(&key).await
        } else {
            self.store.watch_from_revision(&key, since + 1).await
        };
        watch.map(Watch).map_err(|error| refused(&format!("tell of {key}"), &error))
    }

    /// Retries until NATS answers. A missing bucket and a refusal are answers, too.
    async fn again<T, E: std::error::Error + 'static, F: Future<Output = Result<T, E>>>(
        &self,
        what: &str,
        patience: Duration,
        ask: impl Fn() -> F,
    ) -> Result<T, Error> {
        let asked = || async {
            let error = match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if let Some(error) = final_error(what, &error) {
                return Err(error);
            }
            let (what, reason) = (what.to_owned(), crate::error::words(&error));
            Err(self.is_gone().await.unwrap_or(Error::NoAnswer { what, reason }))
        };
        until_answered(patience, asked).await
    }

    /// The error, if NATS says that the bucket does not exist.
    async fn is_gone(&self) -> Option<Error> {
        let error = self.jetstream.get_stream(format!("KV_{}", self.name)).await.err()?;
        Some(unasked(&self.name, "", &error)).filter(|error| matches!(error, Error::Gone { .. }))
    }
}

fn put(entry: Entry) -> Option<(Bytes, u64)> {
    (entry.operation == Operation::Put).then_some((entry.value, entry.revision))
}

/// The entries below a prefix, as they are written.
pub(crate) struct Watch(kv::Watch);

impl Watch {
    /// The next entry; `None` if the watch has broken, and the caller must begin a new one.
    pub(crate) async fn next(&mut self) -> Option<Entry> {
        use futures_util::StreamExt as _;

        self.0.next().await?.ok()
    }
}

fn refused(what: &str, error: &dyn std::error::Error) -> Error {
    let reason = crate::error::words(error);
    Error::Refused { what: what.to_owned(), reason }
}

/// Why a stream cannot be shown: it does not exist, NATS refuses, or NATS did not answer.
pub(crate) fn unasked(name: &str, what: &str, error: &GetStreamError) -> Error {
    let (what, reason) = (what.to_owned(), crate::error::words(error));
    match error.kind() {
        GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => {
            Error::Gone { what: name.to_owned(), reason }
        }
        GetStreamErrorKind::Request => Error::NoAnswer { what, reason },
        _ => Error::Refused { what, reason },
    }
}
