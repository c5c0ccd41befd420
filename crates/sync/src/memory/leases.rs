//! The right to send a large blob, if several processes copy images to one store.
//!
//! Within a process the ledger decides which copy sends what. Processes that share a store coordinate through an
//! implementation of [`Leases`]: which repository has the blob, may this process send it, it is still sending, it is
//! done. A lease may be lost, or given twice: the store checks digests, so a blob that is sent twice only costs its
//! bytes.

use std::time::Duration;

use futures_util::future::BoxFuture;
use oci::{Digest, RepositoryName};

use crate::endpoint::StoreId;

/// Smaller blobs are sent without asking, because the request would cost as much.
pub(crate) const SMALLEST_LEASED: u64 = 1 << 20;

/// A blob that a process wants to send to a repository.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The target store.
    pub store: &'a StoreId,
    /// The repository in the store.
    pub repository: &'a RepositoryName,
    /// Which blob.
    pub digest: &'a Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// The lease service of all processes that share stores.
pub trait Leases: Send + Sync {
    /// Asks which repository has a blob, and for the right to send it. An implementation that cannot find out gives
    /// the right.
    fn ask<'a>(&'a self, wanted: Wanted<'a>) -> BoxFuture<'a, Leased>;
}

/// The answer to a request to send a blob.
pub enum Leased {
    /// No other process sends the blob until the lease is dropped or lost. The lease renews itself.
    Yours(Box<dyn Lease>),
    /// The blob is in this repository of the store.
    HeldBy(RepositoryName),
    /// Another process is sending the blob: ask again after this time.
    Theirs(Duration),
}

/// The right to send a blob. Dropping the lease gives the right back.
pub trait Lease: Send + Sync {
    /// Reports that the repository has the blob now.
    fn done(self: Box<Self>) -> BoxFuture<'static, ()>;
}
