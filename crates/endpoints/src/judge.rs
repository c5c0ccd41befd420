//! What the registry client's errors mean to the engine: the one place that says how far a failure reaches.

use oci::ErrorKind;
use registry::{Error, Offer, OptionalEndpoint};
use sync::endpoint::{EndpointError, Meaning, Scope};

/// The error as the engine judges it.
pub fn judged(error: Error) -> EndpointError {
    let (kind, meaning) = (error.kind(), meaning(&error));
    let (is_retryable, wait) = (error.is_retryable(), error.retry_after());
    EndpointError { scope: reach(&error), is_retryable, wait, meaning, ..EndpointError::new(kind, error) }
}

/// The same of the question for the tags of a target: `None` where there is no repository, so that there are no tags.
pub(crate) fn judged_list(error: Error) -> Option<EndpointError> {
    match error.offer(OptionalEndpoint::TargetTags) {
        Offer::NothingHere => None,
        Offer::Absent | Offer::Forbidden | Offer::Unclear => Some(judged(error)),
    }
}

/// How far a registry's failure reaches. A 500 answers this question alone: registries give it for ever of a tag whose
/// content they have lost, and serve all others (<https://github.com/distribution/distribution/issues/2489>).
fn reach(error: &Error) -> Scope {
    match error {
        Error::Refused(refusal) => reach_of_refusal(refusal.kind(), refusal.status.as_u16()),
        Error::Token { .. } => reach_of_token(error.kind()),
        _ => scope(error.kind()),
    }
}

fn reach_of_refusal(kind: ErrorKind, status: u16) -> Scope {
    if status == 500 { Scope::Image } else { scope(kind) }
}

/// Whatever is wrong with the answer of a token server, it is not about the image.
fn reach_of_token(kind: ErrorKind) -> Scope {
    match scope(kind) {
        Scope::Image => Scope::Login,
        further => further,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e26_what_a_refusal_is_about() {
        for (status, kind, expected) in [
            (400, ErrorKind::Rejected, Scope::Image),
            (401, ErrorKind::Unauthorized, Scope::Login),
            (403, ErrorKind::Denied, Scope::Repository),
            (404, ErrorKind::NotFound, Scope::Image),
            (406, ErrorKind::Rejected, Scope::Image),
            (409, ErrorKind::Rejected, Scope::Image),
            (412, ErrorKind::Rejected, Scope::Image),
            (413, ErrorKind::TooLarge, Scope::Image),
            (422, ErrorKind::Rejected, Scope::Image),
            (429, ErrorKind::RateLimited, Scope::Store),
            (451, ErrorKind::Rejected, Scope::Image),
            (500, ErrorKind::Unavailable, Scope::Image),
            (502, ErrorKind::Unavailable, Scope::Store),
            (503, ErrorKind::Unavailable, Scope::Store),
            (504, ErrorKind::Unavailable, Scope::Store),
        ] {
            assert_eq!(reach_of_refusal(kind, status), expected, "{status}");
        }
        for (kind, expected) in [
            (ErrorKind::Protocol, Scope::Login),
            (ErrorKind::Rejected, Scope::Login),
            (ErrorKind::Denied, Scope::Repository),
            (ErrorKind::Network, Scope::Store),
        ] {
            assert_eq!(reach_of_token(kind), expected, "{kind:?}");
        }
    }
}
