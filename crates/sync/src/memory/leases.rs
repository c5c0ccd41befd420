//! The right to send a large blob, where several processes bring images to one store.
//!
//! Inside a process the ledger decides who sends what. Processes that share a store ask each other, through whatever keeps
//! [`Leases`]: who has it, may I send it, I am still sending it, it is there. A lease may be lost, or given twice: the store checks
//! digests, so a blob that is sent twice costs its bytes and nothing else.

use std::time::Duration;

use futures_util::future::BoxFuture;
use oci::{Digest, RepositoryName};

use crate::endpoint::StoreId;

/// Smaller blobs are sent without asking: the question would cost as much.
pub(crate) const SMALLEST_LEASED: u64 = 1 << 20;

/// A blob on its way to a repository.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Where it is to go.
    pub store: &'a StoreId,
    /// Which repository there.
    pub repository: &'a RepositoryName,
    /// Which blob.
    pub digest: &'a Digest,
    /// Its bytes.
    pub size: u64,
}

/// Keeps the leases of all processes that share stores.
pub trait Leases: Send + Sync {
    /// Asks who has a blob, and for the right to send it. What cannot be asked is answered with the right.
    fn ask<'a>(&'a self, wanted: Wanted<'a>) -> BoxFuture<'a, Leased>;
}

/// The answer to the wish to send a blob.
pub enum Leased {
    /// Nobody else sends it, until the lease is dropped or lost. Whoever keeps it says that it is still sending.
    Yours(Box<dyn Lease>),
    /// It was brought to this repository of the store.
    HeldBy(RepositoryName),
    /// Somebody else is sending it: ask again after a while.
    Theirs(Duration),
}

/// The right to send a blob. Dropping it gives the right back.
pub trait Lease: Send + Sync {
    /// The blob is in the repository now.
    fn done(self: Box<Self>) -> BoxFuture<'static, ()>;
}
