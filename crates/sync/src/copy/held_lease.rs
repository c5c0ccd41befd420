//! The lease among all processes to send a blob, held while it is sent.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::lock::lock;
use crate::memory::leases::Lease;

/// A partly sent blob keeps its lease in waits up to this length: another process would send the blob from its beginning.
const LONGEST_KEPT: Duration = Duration::from_secs(30);

/// A lease that may have been given back already; empty if no other process writes to the store. Clones share the lease.
#[derive(Clone, Default)]
pub(crate) struct HeldLease(Arc<Mutex<Option<Box<dyn Lease>>>>);

impl HeldLease {
    pub(super) fn hold(&self, lease: Option<Box<dyn Lease>>) {
        *lock(&self.0) = lease;
    }

    /// Lets other processes send the blob.
    pub(super) fn give_back(&self) {
        drop(self.take());
    }

    /// Gives the lease back if a started blob has to wait for too long.
    pub(super) fn wait(&self, wait: Duration) {
        if wait > LONGEST_KEPT {
            self.give_back();
        }
    }

    pub(super) fn take(&self) -> Option<Box<dyn Lease>> {
        lock(&self.0).take()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use futures_util::future::BoxFuture;

    use super::*;

    struct Given;

    impl Lease for Given {
        fn done(self: Box<Self>) -> BoxFuture<'static, ()> {
            std::future::ready(()).boxed()
        }
    }

    #[test]
    fn a_lease_is_kept_in_short_waits_and_given_back_in_long_ones() {
        let lease = HeldLease::default();
        for (wait, is_kept) in [(0, true), (30, true), (31, false), (3600, false)] {
            lease.hold(Some(Box::new(Given)));
            lease.clone().wait(Duration::from_secs(wait));
            assert_eq!(lease.take().is_some(), is_kept, "{wait}");
        }
    }
}
