//! What the registry client's errors mean to the engine: the one place that says how far a failure reaches.

use oci::ErrorKind;
use registry::{Error, Offer, OptionalEndpoint};
use sync::endpoint::{EndpointError, Meaning, Scope};

/// The error as the engine judges it.
pub fn judged(error: Error) -> EndpointError {
    let (kind, meaning) = (error.kind(), meaning(&error));
    let (is_retryable, wait) = (error.is_retryable(), error.retry_after());
    EndpointError { scope: scope(kind), is_retryable, wait, meaning, ..EndpointError::new(kind, error) }
}

/// The same of the question for the tags of a target: `None` where there is no repository, so that there are no tags.
pub(crate) fn judged_list(error: Error) -> Option<EndpointError> {
    match error.offer(OptionalEndpoint::TargetTags) {
        Offer::NothingHere => None,
        Offer::Absent | Offer::Forbidden => {
            Some(EndpointError { meaning: Meaning::NotListed, ..judged(error) })
        }
        Offer::Unclear => Some(judged(error)),
    }
}

/// How far a failure of this kind reaches.
pub(crate) fn scope(kind: ErrorKind) -> Scope {
    match kind {
        ErrorKind::Unauthorized => Scope::Login,
        ErrorKind::Denied => Scope::Repository,
        ErrorKind::RateLimited
        | ErrorKind::Unavailable
        | ErrorKind::Network
        | ErrorKind::Tls
        | ErrorKind::Stalled => Scope::Store,
        ErrorKind::NotFound
        | ErrorKind::Mismatch
        | ErrorKind::TooLarge
        | ErrorKind::Rejected
        | ErrorKind::Protocol => Scope::Image,
    }
}

fn meaning(error: &Error) -> Meaning {
    if error.misses_content() {
        Meaning::MissesContent
    } else if error.is_immutable_tag() {
        Meaning::ImmutableTag
    } else if error.is_conflict() {
        Meaning::Conflict
    } else {
        Meaning::None
    }
}
