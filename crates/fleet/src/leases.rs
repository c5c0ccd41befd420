//! The engine's leases, kept by NATS: the worker that creates a blob's key may send the blob, and then writes which repository has it.

use std::time::Duration;

use async_nats::jetstream::kv::CreateErrorKind;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use oci::{Digest, RepositoryName};
use sync::endpoint::StoreId;
use sync::{Lease, LeaseWanted, Leased, Leases};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::bucket::Bucket;
use crate::connection::Connection;
use crate::error::Error;
use crate::waiting::until_there;

/// Leases that workers of one NATS share.
pub struct NatsLeases {
    worker: String,
    leases: Bucket,
    holders: Bucket,
    /// A lease that is not renewed ends after this time.
    kept: Duration,
}

/// The wait before asking again for a blob that another worker sends.
const AGAIN: Duration = Duration::from_millis(500);

impl NatsLeases {
    /// Opens the leases that this NATS keeps.
    ///
    /// # Errors
    /// The buckets do not exist, this login may not see them, or NATS does not answer.
    pub async fn open(connection: &Connection) -> Result<Self, Error> {
        let (leases, holders) = (connection.leases().await?, connection.holders().await?);
        let kept = leases.kept().await?;
        Ok(Self { worker: connection.name.clone(), leases, holders, kept })
    }

    /// The same, as soon as a coordinator has created the buckets; `None` if none does within `idle_exit`, or before `cancel`. `say` is
    /// called if NATS does not tell whether they exist.
    ///
    /// # Errors
    /// This login may not subscribe to its inbox, so it would wait for ever.
    pub async fn when_there(
        connection: &Connection,
        idle_exit: Option<Duration>,
        cancel: &CancellationToken,
        say: &(dyn Fn(&str) + Send + std::marker::Sync),
    ) -> Result<Option<Self>, Error> {
        tokio::select! {
            there = until_there(|| Self::open(connection), connection, (idle_exit, cancel), say) => Ok(there),
            why = connection.denials.inbox_refused(&connection.inbox) => Err(Error::NoInbox(why)),
        }
    }

    async fn asked(&self, wanted: LeaseWanted<'_>) -> Leased {
        let key = key(wanted.store, wanted.digest);
        if let Some(holder) = self.holder(&key).await {
            return Leased::HeldBy(holder);
        }
        match self.leases.create_now(&key, self.worker.clone().into()).await {
            Ok(revision) => {
                let held = self.held(key, revision, wanted.repository);
                // Since the question above, another worker may have sent the blob and given its lease back.
                match self.holder(&held.key).await {
                    Some(holder) => Leased::HeldBy(holder),
                    None => Leased::Yours(Box::new(held)),
                }
            }
            Err(error) if error.kind() == CreateErrorKind::AlreadyExists => Leased::Theirs(AGAIN),
            // NATS does not answer. Two workers may send the blob, which only costs its bytes.
            Err(_) => Leased::Yours(Box::new(Unshared)),
        }
    }

    /// The repository that has the blob.
    async fn holder(&self, key: &str) -> Option<RepositoryName> {
        repository(&self.holders.get_now(key).await?)
    }

    fn held(&self, key: String, revision: u64, repository: &RepositoryName) -> Held {
        let (leases, worker) = (self.leases.clone(), self.worker.clone());
        let renewed = key.clone();
        let every = self.kept / 3;
        let renewing = tokio::spawn(async move {
            let mut revision = revision;
            loop {
                tokio::time::sleep(every).await;
                match renew(&leases, &renewed, &worker, revision).await {
                    Ok(Some(next)) => revision = next,
                    // The lease is lost, and the upload goes on: the store checks digests, so a second upload only costs bytes.
                    Ok(None) => return,
                    // NATS is away. The lease ends unless one of the next renewals comes in time.
                    Err(_) => {}
                }
            }
        });
        let (leases, holders) = (self.leases.clone(), self.holders.clone());
        let worker = self.worker.clone();
        Held { key, worker, repository: repository.clone(), leases, holders, renewing }
    }
}

/// Renews a lease; `None` if it is another worker's by now.
async fn renew(leases: &Bucket, key: &str, worker: &str, revision: u64) -> Result<Option<u64>, Error> {
    let renewed = leases.update_within(Duration::ZERO, key, worker.to_owned().into(), revision).await?;
    if renewed.is_some() {
        return Ok(renewed);
    }
    // The other revision may be this worker's, of a renewal whose answer was lost.
    let there = leases.get_once(key).await?;
    let Some((_, ours)) = there.filter(|(holder, _)| *holder == worker.as_bytes()) else { return Ok(None) };
    leases.update_within(Duration::ZERO, key, worker.to_owned().into(), ours).await
}

impl Leases for NatsLeases {
    fn ask<'a>(&'a self, wanted: LeaseWanted<'a>) -> BoxFuture<'a, Leased> {
        self.asked(wanted).boxed()
    }
}

/// Keys may have letters, digits and `-`, `_`, `/`, `=`, `.`, so the store's name is hashed.
fn key(store: &StoreId, digest: &Digest) -> String {
    let store = Digest::sha256(store.as_str().as_bytes());
    format!("{}.{}", &store.hex()[..16], digest.to_string().replace(':', "."))
}

fn repository(text: &[u8]) -> Option<RepositoryName> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A lease that NATS does not know of.
struct Unshared;

impl Lease for Unshared {
    fn done(self: Box<Self>) -> BoxFuture<'static, ()> {
        futures_util::future::ready(()).boxed()
    }
}

struct Held {
    key: String,
    worker: String,
    repository: RepositoryName,
    leases: Bucket,
    holders: Bucket,
    renewing: JoinHandle<()>,
}

impl Lease for Held {
    fn done(self: Box<Self>) -> BoxFuture<'static, ()> {
        async move {
            let value = self.repository.to_string().into();
            // Written before the lease ends, so that the next worker that asks finds the blob.
            let _ = tokio::time::timeout(Duration::from_secs(5), self.holders.put(&self.key, value)).await;
        }
        .boxed()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.renewing.abort();
        let leases = self.leases.clone();
        let (key, worker) = (std::mem::take(&mut self.key), std::mem::take(&mut self.worker));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // After an absence of NATS the lease may be another worker's.
            runtime.spawn(async move { leases.delete_if(&key, worker.as_bytes()).await });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_a_store_and_a_blob_and_has_no_odd_character() {
        let digest = Digest::sha256(b"x");
        let one = key(&StoreId::new("r.io:5000 user"), &digest);
        assert!(one.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.'), "{one}");
        assert_ne!(one, key(&StoreId::new("r.io:5000 other"), &digest));
        assert_eq!(repository(b"b/app").map(|name| name.to_string()), Some("b/app".to_owned()));
        assert_eq!((repository(b"no good"), repository(&[0xff])), (None, None));
    }
}
