//! The right to send a blob: a place among all transfers of this process and, if other processes write to the same
//! store, a lease for a large blob.
//!
//! The place is taken first: only a task that sends holds a lease, never one that waits for a place. A task that
//! waits for another process holds neither.

use std::sync::Arc;

use oci::{Descriptor, RepositoryName};

use super::held_lease::HeldLease;
use crate::engine::Place;
use crate::engine::deadline::TooLate;
use crate::engine::run::{ImageCopy, Run};
use crate::memory::asked_leases::Answer;
use crate::memory::leases::{SMALLEST_LEASED, Wanted};
use crate::{Cause, Error, Operation};

/// What to do with a blob that has its place.
pub(super) enum Right {
    /// Send it.
    Send(Place),
    /// Mount it from this repository of the same store: another process has brought it there.
    Mount(Place, RepositoryName),
}

/// Takes a place and, for a large blob, the lease, if other processes write to the same store.
pub(super) async fn right_to_send(
    run: &Run,
    (copy, lease_held): (&ImageCopy, &HeldLease),
    blob: &Descriptor,
) -> Result<Right, Arc<Error>> {
    loop {
        let place = copy.place(run, blob).await;
        let (Some(leases), Some(size)) = (run.engine.leases(), blob.size) else {
            return Ok(Right::Send(place));
        };
        if size < SMALLEST_LEASED {
            return Ok(Right::Send(place));
        }
        let (store, repository) = (copy.target.store(), copy.target.repository());
        match leases.ask(Wanted { store, repository, digest: &blob.digest, size }).await {
            Answer::Send(lease) => {
                lease_held.hold(lease);
                return Ok(Right::Send(place));
            }
            Answer::HeldBy(holder) => return Ok(Right::Mount(place, holder)),
            Answer::AskAgain(wait) => {
                drop(place);
                let slept = copy.activity.wait_for_others(run.deadline.sleep(wait)).await;
                slept.map_err(|TooLate| {
                    let operation = Operation::StartBlob(blob.digest.clone());
                    Arc::new(copy.target_error(operation, Cause::Stopped))
                })?;
            }
        }
    }
}
