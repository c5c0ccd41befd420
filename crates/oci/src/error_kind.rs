//! Kinds of errors of requests to a store.

use serde::{Deserialize, Serialize};

/// The kind of an error, without its details. Workers send its name to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ErrorKind {
    /// The store refuses the login, or wants one.
    Unauthorized,
    /// The store accepts the login, but refuses the request.
    Denied,
    /// The repository, manifest or blob is not there.
    NotFound,
    /// Too many requests.
    RateLimited,
    /// The server itself fails.
    Unavailable,
    /// Name resolution, connection or body failed.
    Network,
    /// TLS or the certificate failed.
    Tls,
    /// Nothing moved for too long.
    Stalled,
    /// Bytes do not have the expected digest or size.
    Mismatch,
    /// The request's content is larger than the other side, or a proxy in front of it, takes.
    TooLarge,
    /// The other side refuses the request's content.
    Rejected,
    /// The answer makes no sense.
    Protocol,
}
