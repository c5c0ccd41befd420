//! Errors for tests.

use std::time::Duration;

use oci::ErrorKind;

use super::{Error, Operation, Side};
use crate::endpoint::{EndpointError, Scope};

fn error(cause: EndpointError) -> Error {
    let place = "r.io/a".to_owned();
    Error { side: Side::Source, place, operation: Operation::ListTags, cause: cause.into() }
}

pub(crate) fn broken() -> Error {
    let cause = EndpointError::new(ErrorKind::Network, "the connection broke");
    error(EndpointError { scope: Scope::Store, is_retryable: true, ..cause })
}

pub(crate) fn refused(status: u16, retry_after: Option<u64>) -> Error {
    let (kind, scope) = match status {
        404 => (ErrorKind::NotFound, Scope::Image),
        429 => (ErrorKind::RateLimited, Scope::Store),
        _ => (ErrorKind::Unavailable, Scope::Store),
    };
    let cause = EndpointError::new(kind, format!("{status}"));
    let wait = retry_after.map(Duration::from_secs);
    error(EndpointError { scope, is_retryable: status != 404, wait, ..cause })
}

pub(crate) fn wrong_bytes() -> Error {
    let cause = EndpointError::new(ErrorKind::Mismatch, "other bytes than their digest says");
    error(EndpointError { is_retryable: true, ..cause })
}
