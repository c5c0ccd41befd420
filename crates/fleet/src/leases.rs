//! The engine's leases, kept by NATS: whoever creates a key may send the blob, and who has sent it says where it is.

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
    /// Without a sign of life, a lease ends after this.
    kept: Duration,
}

/// How long who asks waits before asking again.
const AGAIN: Duration = Duration::from_millis(500);

impl NatsLeases {
    /// The leases that this NATS keeps.
    ///
    /// # Errors
    /// The buckets are not there, or may not be seen.
    pub async fn open(connection: &Connection) -> Result<Self, Error> {
        let (leases, holders) = (connection.leases().await?, connection.holders().await?);
        let kept = leases.kept().await?;
        Ok(Self { worker: connection.name.clone(), leases, holders, kept })
    }

    /// The same, as soon as a coordinator has made the buckets; `None` where none does within `idle_exit`, or before `cancel`. `say` is
    /// told where NATS does not say whether they are there.
    ///
    /// # Errors
    /// This login may not hear answers: nobody waits for ever.
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
                // Whoever had the lease may have brought the blob, and given the lease back, since the question above.
                match self.holder(&held.key).await {
                    Some(holder) => Leased::HeldBy(holder),
                    None => Leased::Yours(Box::new(held)),
                }
            }
            Err(error) if error.kind() == CreateErrorKind::AlreadyExists => Leased::Theirs(AGAIN),
            // Nobody answers: two may send it, which costs its bytes.
            Err(_) => Leased::Yours(Box::new(Unshared)),
        }
    }

    /// Where a blob was brought to.
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
                // What is lost is sent on: the store checks digests, so that costs bytes and nothing else.
                let Some(next) = leases.update_now(&renewed, worker.clone().into(), revision).await else {
                    return;
                };
                revision = next;
            }
        });
        let (leases, holders) = (self.leases.clone(), self.holders.clone());
        Held { key, repository: repository.clone(), leases, holders, renewing }
    }
}

impl Leases for NatsLeases {
    fn ask<'a>(&'a self, wanted: LeaseWanted<'a>) -> BoxFuture<'a, Leased> {
        self.asked(wanted).boxed()
    }
}

/// Keys have letters, digits and `-`, `_`, `/`, `=`, `.`: what a store is called is hashed.
fn key(store: &StoreId, digest: &Digest) -> String {
    let store = Digest::sha256(store.as_str().as_bytes());
    format!("{}.{}", &store.hex()[..16], digest.to_string().replace(':', "."))
}

fn repository(text: &[u8]) -> Option<RepositoryName> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A right that nobody else knows of.
struct Unshared;

impl Lease for Unshared {
    fn done(self: Box<Self>) -> BoxFuture<'static, ()> {
        futures_util::future::ready(()).boxed()
    }
}

struct Held {
    key: String,
    repository: RepositoryName,
    leases: Bucket,
    holders: Bucket,
    renewing: JoinHandle<()>,
}

impl Lease for Held {
    fn done(self: Box<Self>) -> BoxFuture<'static, ()> {
        async move {
            let value = self.repository.to_string().into();
            // Others are told where it is before they may ask for the right to send it.
            let _ = tokio::time::timeout(Duration::from_secs(5), self.holders.put(&self.key, value)).await;
        }
        .boxed()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.renewing.abort();
        let (leases, key) = (self.leases.clone(), std::mem::take(&mut self.key));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { leases.delete_now(&key).await });
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
