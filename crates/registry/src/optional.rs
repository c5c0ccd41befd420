//! The meaning of a refusal at an optional endpoint: one table, for all callers that can do without it.
//!
//! Registries that do not know an endpoint answer almost anything. Harbor before 2.8 answers 401 without a challenge
//! to a request for referrers (<https://github.com/goharbor/harbor/issues/18305>), others 400 without a code
//! (<https://github.com/google/go-containerregistry/issues/1962>), 403 or 405.

use http::StatusCode;

use crate::Error;
use crate::error::{Problem, Refusal};

/// An endpoint that a registry need not offer, or that a copy can do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionalEndpoint {
    /// The registry's own list of referrers.
    Referrers,
    /// The list of all repositories.
    Catalog,
    /// The tags of a repository that is written to.
    TargetTags,
    /// APIs of a registry beside the protocol.
    Api,
    /// The offset of an upload session.
    UploadStatus,
}

/// The meaning of a refusal for the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// The registry does not offer it.
    Absent,
    /// The registry refuses it. It may not know it, or this login may not use it: reading a manifest shows which.
    Forbidden,
    /// The registry offers it, but does not have the requested content.
    NothingHere,
    /// Nothing follows: this request failed.
    Unclear,
}

/// The meaning of a status. `codes` are those of the specification's error document.
fn judge(endpoint: OptionalEndpoint, status: StatusCode, codes: &[&str]) -> Offer {
    let is_unknown_name = codes.iter().any(|code| matches!(*code, "NAME_UNKNOWN" | "MANIFEST_UNKNOWN"));
    match (status.as_u16(), endpoint) {
        (404, OptionalEndpoint::TargetTags | OptionalEndpoint::UploadStatus) => Offer::NothingHere,
        (404, OptionalEndpoint::Referrers) if is_unknown_name => Offer::NothingHere,
        (401 | 403, _) => Offer::Forbidden,
        // A proxy wants a login, a time-out, or an overload.
        (407 | 408 | 425 | 429 | 499, _) => Offer::Unclear,
        (400..=499 | 501 | 505, _) => Offer::Absent,
        _ => Offer::Unclear,
    }
}

impl Refusal {
    /// The meaning of this refusal for an optional endpoint.
    pub fn offer(&self, endpoint: OptionalEndpoint) -> Offer {
        let codes: Vec<_> = self.errors.iter().map(|error| error.code.as_str()).collect();
        judge(endpoint, self.status, &codes)
    }
}

impl Error {
    /// The meaning of this error for an optional endpoint.
    pub fn offer(&self, endpoint: OptionalEndpoint) -> Offer {
        match self {
            Self::Refused(refusal) => refusal.offer(endpoint),
            // A redirect to a web site, or a status that no implementation of the endpoint returns.
            Self::Protocol { problem: Problem::Redirect { .. } | Problem::Status(_), .. } => Offer::Absent,
            _ => Offer::Unclear,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::OptionalEndpoint::{Api, Catalog, Referrers, TargetTags, UploadStatus};
    use super::*;

    #[test]
    fn p1_p8_one_table_says_what_refusals_of_optional_endpoints_mean() {
        use Offer::{Absent, Forbidden, NothingHere, Unclear};

        let all = [Referrers, Catalog, TargetTags, Api, UploadStatus];
        for (status, codes, expected) in [
            (400, &[][..], [Absent; 5]),
            (400, &["UNSUPPORTED"], [Absent; 5]),
            (401, &[], [Forbidden; 5]),
            (401, &["UNAUTHORIZED"], [Forbidden; 5]),
            (403, &["DENIED"], [Forbidden; 5]),
            (404, &[], [Absent, Absent, NothingHere, Absent, NothingHere]),
            (404, &["NAME_UNKNOWN"], [NothingHere, Absent, NothingHere, Absent, NothingHere]),
            (404, &["MANIFEST_UNKNOWN"], [NothingHere, Absent, NothingHere, Absent, NothingHere]),
            (404, &["NOT_FOUND"], [Absent, Absent, NothingHere, Absent, NothingHere]),
            (405, &[], [Absent; 5]),
            (406, &[], [Absent; 5]),
            (407, &[], [Unclear; 5]),
            (408, &[], [Unclear; 5]),
            (410, &[], [Absent; 5]),
            (415, &[], [Absent; 5]),
            (422, &[], [Absent; 5]),
            (429, &["TOOMANYREQUESTS"], [Unclear; 5]),
            (499, &[], [Unclear; 5]),
            (500, &[], [Unclear; 5]),
            (501, &[], [Absent; 5]),
            (502, &[], [Unclear; 5]),
            (503, &[], [Unclear; 5]),
            (504, &[], [Unclear; 5]),
            (505, &[], [Absent; 5]),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let said = all.map(|endpoint| judge(endpoint, status, codes));
            assert_eq!(said, expected, "{status} {codes:?}");
        }
    }
}
