//! The recent hash states of a blob.

use std::sync::{Arc, Mutex};

use oci::HashTrail;

/// Several states, because the last one may be ahead of the registry: bytes wait in queues and sockets.
const STATES: usize = 3;

/// The hash states of a blob. They belong to the blob, whatever session its bytes go to.
pub(crate) type SharedTrail = Arc<Mutex<HashTrail>>;

/// The trail of a blob of which no byte was sent yet.
pub(crate) fn new_trail() -> HashTrail {
    HashTrail::of_the_end(STATES)
}
