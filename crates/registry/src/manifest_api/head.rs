//! The meaning of an answer to HEAD of a manifest: registries, and proxies in front of them, differ.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use oci::{Digest, TagOrDigest};

use crate::learned::Ability;

/// The result of a HEAD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// The manifest exists, with this digest.
    Found(Digest),
    /// The manifest does not exist.
    NotThere,
    /// HEAD does not work here.
    Silent,
    /// A 404 that may not come from a registry.
    Doubtful,
    /// Another digest than the requested one: only the bytes can decide.
    Contradicts,
}

/// `None` for a status that is an error.
pub(super) fn judge(
    status: StatusCode,
    headers: &HeaderMap,
    asked: &TagOrDigest,
    told: Option<Digest>,
    known: Ability,
) -> Option<Head> {
    match status {
        StatusCode::OK => {
            // Some registries answer for manifests that do not really exist: with a length of zero.
            let is_empty = headers.get(CONTENT_LENGTH).is_some_and(|length| length == "0");
            Some(told.filter(|_| !is_empty).map_or(Head::Silent, |told| compare(asked, told)))
        }
        StatusCode::NOT_FOUND if known == Ability::Works || is_of_registry(headers) => Some(Head::NotThere),
        StatusCode::NOT_FOUND => Some(Head::Doubtful),
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => Some(Head::Silent),
        _ => None,
    }
}

fn compare(asked: &TagOrDigest, told: Digest) -> Head {
    match asked {
        TagOrDigest::Tag(_) => Head::Found(told),
        TagOrDigest::Digest(asked) if *asked == told => Head::Found(told),
        // The registry may state the sha256 of a manifest that was requested by its sha512.
        TagOrDigest::Digest(asked) if asked.algorithm() != told.algorithm() => Head::Found(asked.clone()),
        TagOrDigest::Digest(_) => Head::Contradicts,
    }
}

/// Registries announce the error document that a GET would return, or their protocol version.
fn is_of_registry(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    headers.contains_key("docker-distribution-api-version")
        || content_type.is_some_and(|content_type| content_type.contains("json"))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use oci::Algorithm;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)));
        pairs.collect()
    }

    #[test]
    fn c22_only_a_head_that_tells_a_digest_is_an_answer() {
        let tag = TagOrDigest::Tag("v1".parse().unwrap());
        let told = || Some(Digest::sha256(b"x"));
        let ask = |status: u16, pairs: &[(&'static str, &'static str)], told, known| {
            judge(StatusCode::from_u16(status).unwrap(), &headers(pairs), &tag, told, known)
        };
        let unknown = Ability::Unknown;
        assert_eq!(ask(200, &[], told(), unknown), told().map(Head::Found));
        assert_eq!(ask(200, &[("content-length", "0")], told(), unknown), Some(Head::Silent));
        assert_eq!(ask(200, &[], None, unknown), Some(Head::Silent));
        assert_eq!(ask(405, &[], None, unknown), Some(Head::Silent));
        assert_eq!(ask(404, &[("content-type", "text/html")], None, unknown), Some(Head::Doubtful));
        assert_eq!(ask(404, &[("content-type", "application/json")], None, unknown), Some(Head::NotThere));
        assert_eq!(ask(404, &[], None, Ability::Works), Some(Head::NotThere));
        assert_eq!(ask(500, &[], None, unknown), None);
    }

    #[test]
    fn c06_a_digest_of_the_other_algorithm_is_no_contradiction() {
        let asked = Algorithm::Sha512.digest(b"x");
        let reference = TagOrDigest::Digest(asked.clone());
        let ask = |told| judge(StatusCode::OK, &HeaderMap::new(), &reference, Some(told), Ability::Unknown);
        assert_eq!(ask(asked.clone()), Some(Head::Found(asked.clone())));
        assert_eq!(ask(Digest::sha256(b"x")), Some(Head::Found(asked)));
        assert_eq!(ask(Algorithm::Sha512.digest(b"y")), Some(Head::Contradicts));
    }
}
