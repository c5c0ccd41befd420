//! A bucket of NATS, asked again while the server is away.

use std::error::Error as _;
use std::time::Duration;

use async_nats::jetstream::context::{GetStreamError, GetStreamErrorKind, PublishError, PublishErrorKind};
use async_nats::jetstream::kv::{CreateErrorKind, Entry, Operation, Store};
use async_nats::jetstream::{self, Context, ErrorCode, kv};
use bytes::Bytes;

use crate::answer::{PATIENCE, until_answered};
use crate::error::Error;

/// Keys with values, of which each has a revision.
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

    /// How long values are kept; for ever without.
    pub(crate) async fn kept(&self) -> Result<Duration, Error> {
        let status =
            self.store.status().await.map_err(|error| refused(&format!("show {}", self.name), &error))?;
        Ok(status.max_age())
    }

    /// The value of a key with its revision; `None` where there is none.
    pub(crate) async fn get(&self, key: &str) -> Result<Option<(Bytes, u64)>, Error> {
        let entry = self.again(&format!("give {key}"), PATIENCE, || self.store.entry(key)).await?;
        Ok(entry.and_then(put))
    }

    /// The same, asked once. That nobody answers is an error, for a key without a value is `None`.
    pub(crate) async fn get_once(&self, key: &str) -> Result<Option<(Bytes, u64)>, Error> {
        let entry = self.again(&format!("give {key}"), Duration::ZERO, || self.store.entry(key)).await?;
        Ok(entry.and_then(put))
    }

    /// Sets a key that has no value; `None` where it has one.
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
        // It may be ours: the answer to an earlier try was lost.
        let there = self.get(key).await?;
        Ok(there.filter(|(known, _)| *known == value).map(|(_, revision)| revision))
    }

    /// Sets a key that has no value, and asks once.
    pub(crate) async fn create_now(&self, key: &str, value: Bytes) -> Result<u64, kv::CreateError> {
        self.store.create(key, value).await
    }

    /// Sets a key that still has this revision; `None` where it has another one, or nobody answers.
    pub(crate) async fn update_now(&self, key: &str, value: Bytes, revision: u64) -> Option<u64> {
        self.store.update(key, value, revision).await.ok()
    }

    /// A hint for which nobody waits: `None` where the key has no value, and where nobody answers.
    pub(crate) async fn get_now(&self, key: &str) -> Option<Bytes> {
        put(self.store.entry(key).await.ok().flatten()?).map(|(value, _)| value)
    }

    /// A key as it stands, with its time.
    pub(crate) async fn entry_now(&self, key: &str) -> Option<Entry> {
        self.store.entry(key).await.ok().flatten()
    }

    pub(crate) async fn put(&self, key: &str, value: Bytes) -> Result<(), Error> {
        self.put_within(PATIENCE, key, value).await
    }

    /// The same, where nobody waits for longer than this.
    pub(crate) async fn put_within(&self, patience: Duration, key: &str, value: Bytes) -> Result<(), Error> {
        let put = || self.store.put(key, value.clone());
        self.again(&format!("set {key}"), patience, put).await.map(drop)
    }

    pub(crate) async fn delete(&self, key: &str) -> Result<(), Error> {
        self.again(&format!("delete {key}"), PATIENCE, || self.store.delete(key)).await
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

    /// Asks until there is an answer. That the bucket is gone is one, and that the server refuses, too.
    async fn again<T, E: std::error::Error + 'static, F: Future<Output = Result<T, E>>>(
        &self,
        what: &str,
        patience: Duration,
        ask: impl Fn() -> F,
    ) -> Result<T, Error> {
        let asked = || async {
            let error = match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) if is_refusal(&error) => return Err(refused(what, &error)),
                Err(error) => error,
            };
            let (what, reason) = (what.to_owned(), crate::error::words(&error));
            Err(self.is_gone().await.unwrap_or(Error::NoAnswer { what, reason }))
        };
        until_answered(patience, asked).await
    }

    /// Whether NATS says that the bucket is not there.
    async fn is_gone(&self) -> Option<Error> {
        let error = self.jetstream.get_stream(format!("KV_{}", self.name)).await.err()?;
        Some(unasked(&self.name, "", &error)).filter(|error| matches!(error, Error::Gone { .. }))
    }
}

fn put(entry: Entry) -> Option<(Bytes, u64)> {
    (entry.operation == Operation::Put).then_some((entry.value, entry.revision))
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

/// Answers that stay the same however often is asked: there is no room, or the message is too large. Others, such as those of a
/// server that is starting or of a cluster that chooses who leads, may pass.
const FINAL: [ErrorCode; 8] = [
    ErrorCode::ACCOUNT_RESOURCES_EXCEEDED,
    ErrorCode::INSUFFICIENT_RESOURCES,
    ErrorCode::MEMORY_RESOURCES_EXCEEDED,
    ErrorCode::STORAGE_RESOURCES_EXCEEDED,
    ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM,
    ErrorCode::STREAM_MAX_STREAM_BYTES_EXCEEDED,
    ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM,
    ErrorCode::STREAM_SEALED,
];

/// Whether the server does not do what it was asked for, however often: its store is full, or a message is too large for it.
fn is_refusal(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(answer) = error.downcast_ref::<jetstream::Error>() {
            return is_final(answer);
        }
        let published = error.downcast_ref::<PublishError>();
        if published.is_some_and(|error| error.kind() == PublishErrorKind::MaxPayloadExceeded) {
            return true;
        }
        cause = error.source();
    }
    false
}

fn is_final(answer: &jetstream::Error) -> bool {
    // A store that is closed, because its server is being stopped, is told with the same code as one that is full.
    let is_full = |text: String| text.contains("exceeded") || text.contains("no space");
    let code = answer.error_code();
    FINAL.contains(&code) || (code == ErrorCode::STREAM_STORE_FAILED && is_full(answer.to_string()))
}

fn refused(what: &str, error: &dyn std::error::Error) -> Error {
    let reason = crate::error::words(error);
    Error::Refused { what: what.to_owned(), reason }
}

/// What it means that a stream cannot be shown: it is not there, NATS does not want to, or nobody has answered.
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
