//! What an answer shows about its host's load.

use std::time::Duration;

use http::StatusCode;

use crate::concern::{Cause, Concern, Endpoint, concern, is_failure};

/// How a host coped with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Well,
    /// The host has trouble with this request's content, and perhaps with all requests.
    Troubled,
    /// The host is overloaded, or has trouble; the answer may say when to retry.
    TooMuch(Option<Duration>),
}

impl Taken {
    /// What a status shows about the host's load. A refusal for a reason shows no load.
    pub(crate) fn of(endpoint: Endpoint, status: StatusCode, retry_after: Option<Duration>) -> Self {
        if !is_failure(status) {
            return Self::Well;
        }
        match (concern(endpoint, Cause::Answer(status, &[])), status.as_u16()) {
            (Concern::Registry, 429 | 503) => Self::TooMuch(retry_after),
            (Concern::Registry, _) => Self::TooMuch(None),
            (_, 500) => Self::Troubled,
            _ => Self::Well,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c67_what_is_too_much_and_what_is_only_a_no() {
        let of = |endpoint, status| Taken::of(endpoint, StatusCode::from_u16(status).unwrap(), None);
        for status in [408, 429, 502, 503, 504, 520, 527] {
            assert_eq!(of(Endpoint::Manifest, status), Taken::TooMuch(None), "{status}");
        }
        for status in [200, 202, 307, 400, 401, 403, 404, 413, 501] {
            assert_eq!(of(Endpoint::Manifest, status), Taken::Well, "{status}");
        }
        for endpoint in [Endpoint::Manifest, Endpoint::Blob, Endpoint::Upload, Endpoint::List] {
            assert_eq!(of(endpoint, 500), Taken::Troubled, "{endpoint:?}");
        }
        assert_eq!(of(Endpoint::Catalog, 500), Taken::TooMuch(None));
    }
}
