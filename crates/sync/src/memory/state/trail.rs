//! Where the hashing of a blob stood, as far back as is of use.

use std::sync::{Arc, Mutex};

use oci::HashTrail;

/// The last state may be ahead of what the registry has: bytes wait in queues and sockets.
const STATES: usize = 3;

/// Where the hashing of a blob stood. It is of the blob, whatever session its bytes go to.
pub(crate) type SharedTrail = Arc<Mutex<HashTrail>>;

/// The trail of a blob of which nothing was sent yet.
pub(crate) fn new_trail() -> HashTrail {
    HashTrail::of_the_end(STATES)
}
