//! What a failed question to a store is about.

use serde::{Deserialize, Serialize};

/// What to make of an error, whatever its details. Its names travel between workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ErrorKind {
    /// Who we are is not accepted, or nobody is logged in.
    Unauthorized,
    /// We are known, but may not do this.
    Denied,
    /// The repository, manifest or blob is not there.
    NotFound,
    /// Too many requests.
    RateLimited,
    /// The server has trouble of its own.
    Unavailable,
    /// Name, connection or body.
    Network,
    /// TLS or certificate.
    Tls,
    /// Nothing moved for too long.
    Stalled,
    /// Bytes do not have the digest or size that they should.
    Mismatch,
    /// What was sent is larger than the other side, or a proxy in front of it, takes.
    TooLarge,
    /// The other side does not accept what was sent.
    Rejected,
    /// The answer makes no sense.
    Protocol,
}
