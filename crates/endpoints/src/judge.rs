//! Maps the registry client's errors to the engine's. Only this file decides how far a failure reaches.

use oci::ErrorKind;
use registry::{Concern, Error, Offer, OptionalEndpoint};
use sync::endpoint::{EndpointError, Meaning, Scope};

/// The engine's error for a registry client's error.
pub fn judged(error: Error) -> EndpointError {
    let (kind, scope, meaning) = (error.kind(), scope(error.concern()), meaning(&error));
    let (is_retryable, wait) = (error.is_retryable(), error.retry_after());
    EndpointError { scope, is_retryable, wait, meaning, ..EndpointError::new(kind, error) }
}

/// The same for a request for a target's tags: `None` if the repository does not exist, so that it has no tags.
pub(crate) fn judged_list(error: Error) -> Option<EndpointError> {
    match error.offer(OptionalEndpoint::TargetTags) {
        Offer::NothingHere => None,
        Offer::Absent | Offer::Forbidden | Offer::Unclear => Some(judged(error)),
    }
}

/// The same for a request for a source's tags. Only the registry's own 404, which has an error document, says that a repository has
/// no tags. Any other comes from a server before it, as of a router that has lost the registry for a moment, or from the token server.
pub(crate) fn judged_source_list(error: Error) -> EndpointError {
    let is_registrys = matches!(&error, Error::Refused(refusal) if !refusal.errors.is_empty());
    let judged = judged(error);
    if judged.kind == ErrorKind::NotFound && !is_registrys {
        return EndpointError { kind: ErrorKind::Unavailable, is_retryable: true, ..judged };
    }
    judged
}

/// The same for an address that only an image's manifest names: a failure there concerns only that image.
pub(crate) fn judged_external(error: Error) -> EndpointError {
    EndpointError { scope: Scope::Image, ..judged(error) }
}

/// How far a failure reaches.
fn scope(concern: Concern) -> Scope {
    match concern {
        Concern::Image => Scope::Image,
        Concern::Repository => Scope::Repository,
        Concern::Registry => Scope::Store,
        Concern::Login => Scope::Login,
    }
}

/// How far a failure of a cloud's API reaches, if only its kind is known.
pub(crate) fn scope_by_kind(kind: ErrorKind) -> Scope {
    match kind {
        ErrorKind::Unauthorized => Scope::Login,
        ErrorKind::RateLimited
        | ErrorKind::Unavailable
        | ErrorKind::Network
        | ErrorKind::Tls
        | ErrorKind::Stalled
        | ErrorKind::Protocol => Scope::Store,
        ErrorKind::Denied
        | ErrorKind::NotFound
        | ErrorKind::Mismatch
        | ErrorKind::TooLarge
        | ErrorKind::Rejected => Scope::Repository,
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
    use std::sync::Arc;

    use registry::{Answered, Endpoint, Problem, RedactedUrl, Refusal, RegistryMessage, TransportFailure};

    use super::*;

    fn url() -> RedactedUrl {
        (&url::Url::parse("https://r.io/v2/").unwrap()).into()
    }

    fn refused(endpoint: Endpoint, status: u16) -> Error {
        Error::Refused(Box::new(Refusal {
            method: http::Method::GET,
            url: url(),
            status: http::StatusCode::from_u16(status).unwrap(),
            errors: Vec::new(),
            body: None,
            face: registry::Face::Unclear,
            request_id: None,
            retry_after: None,
            answered: Answered { endpoint, ..Answered::default() },
        }))
    }

    fn no_token(source: Error) -> Error {
        let (host, realm) = ("r.io".parse().unwrap(), url());
        Error::Token { host, realm, source: Arc::new(source) }
    }

    #[test]
    fn a_404_that_is_not_the_registrys_says_nothing_about_a_repository() {
        let (code, message) = ("NAME_UNKNOWN".to_owned(), String::new());
        let mut own = refused(Endpoint::List, 404);
        if let Error::Refused(refusal) = &mut own {
            refusal.errors.push(RegistryMessage { code, message });
        }
        for (error, expected) in [
            (own, (ErrorKind::NotFound, false)),
            (refused(Endpoint::List, 404), (ErrorKind::Unavailable, true)),
            (no_token(refused(Endpoint::Token, 404)), (ErrorKind::Unavailable, true)),
            (refused(Endpoint::List, 403), (ErrorKind::Denied, false)),
        ] {
            let judged = judged_source_list(error);
            assert_eq!((judged.kind, judged.is_retryable), expected, "{judged}");
        }
        assert!(
            judged_list(refused(Endpoint::List, 404)).is_none(),
            "a target without tags may say so anyhow"
        );
    }

    #[test]
    fn e26_what_a_refusal_is_about() {
        for (statuses, expected) in [
            (&[400, 404, 406, 409, 412, 413, 422, 451, 500][..], Scope::Image),
            (&[401], Scope::Login),
            (&[403], Scope::Repository),
            (&[429, 502, 503, 504], Scope::Store),
        ] {
            for status in statuses {
                assert_eq!(judged(refused(Endpoint::Manifest, *status)).scope, expected, "{status}");
            }
        }
        let (method, url) = (http::Method::GET, url());
        let problem = Problem::Json("no JSON".to_owned());
        let proven = registry::Proven::default();
        let nonsense = Error::Protocol { method: method.clone(), url: url.clone(), problem, proven };
        let failure = TransportFailure::Connect;
        let unreached =
            || Error::Transport { method: method.clone(), url: url.clone(), failure, source: None };
        for (error, expected) in [
            (nonsense, Scope::Login),
            (refused(Endpoint::Token, 400), Scope::Login),
            (refused(Endpoint::Token, 403), Scope::Repository),
            (refused(Endpoint::Token, 500), Scope::Store),
            (unreached(), Scope::Store),
        ] {
            assert_eq!(judged(no_token(error)).scope, expected);
        }
        assert_eq!(judged_external(unreached()).scope, Scope::Image);
    }
}
