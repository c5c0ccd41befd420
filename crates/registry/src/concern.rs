//! Decides what a failure concerns: the image, its repository, the registry or the login. Only this file judges it.
//!
//! The code that limits requests, counts answers, gives up a registry, or stops one kind of request uses this
//! table. A 500 may concern one broken image: distribution always answers it for a manifest whose
//! file is damaged (<https://github.com/distribution/distribution/issues/2489>).

use http::StatusCode;

use crate::error::{Problem, TransportFailure};

/// What else fails for the same reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Concern {
    /// One image: one manifest, one blob, or one upload.
    Image,
    /// One repository.
    Repository,
    /// The whole registry: it is unreachable, overloaded, or broken.
    Registry,
    /// All requests with the login.
    Login,
}

/// The endpoint of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A manifest is read or stored.
    Manifest,
    /// A blob is checked or read, at the registry or where it redirects readers.
    Blob,
    /// An upload is opened, filled or closed.
    Upload,
    /// The tags of a repository, or the referrers of a manifest.
    List,
    /// The repositories of the registry.
    Catalog,
    /// A token.
    Token,
    /// An address from a manifest, which belongs to the image alone.
    External,
    /// `/v2/` itself, and APIs beside the protocol.
    #[default]
    Other,
}

/// The unexpected result of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cause<'a> {
    /// An answer, and the codes of its error document.
    Answer(StatusCode, &'a [&'a str]),
    /// An answer that breaks the protocol.
    Nonsense(&'a Problem),
    /// No answer.
    Transport(TransportFailure),
}

impl Endpoint {
    /// The endpoint of a path below a repository's name.
    pub(crate) fn of_path(path: &str) -> Self {
        let parts = [
            ("manifests/", Self::Manifest),
            ("blobs/uploads/", Self::Upload),
            ("blobs/", Self::Blob),
            ("tags/", Self::List),
            ("referrers/", Self::List),
        ];
        let found = parts.into_iter().find(|(part, _)| path.starts_with(part));
        found.map_or(Self::Other, |(_, endpoint)| endpoint)
    }
}

/// What a failure concerns.
pub(crate) fn concern(endpoint: Endpoint, cause: Cause<'_>) -> Concern {
    match cause {
        _ if endpoint == Endpoint::External => Concern::Image,
        // Only readers of one blob are redirected there.
        Cause::Transport(TransportFailure::Inside) => of_endpoint(Endpoint::Blob),
        // A web page: the server is no registry, or a proxy answered in its place.
        Cause::Transport(_) | Cause::Nonsense(Problem::WebPage(_)) => Concern::Registry,
        Cause::Nonsense(_) => of_endpoint(endpoint),
        Cause::Answer(status, codes) => of_answer(endpoint, status, codes),
    }
}

/// Whether an answer shows that the registry is there. An error that concerns the whole registry may come from a proxy before a
/// registry that is down; but 429 comes from the registry.
pub(crate) fn is_from_registry(endpoint: Endpoint, status: StatusCode) -> bool {
    !is_failure(status)
        || status == StatusCode::TOO_MANY_REQUESTS
        || concern(endpoint, Cause::Answer(status, &[])) != Concern::Registry
}

/// Whether a status is an error.
pub(crate) fn is_failure(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

fn of_answer(endpoint: Endpoint, status: StatusCode, codes: &[&str]) -> Concern {
    let has = |wanted: &[&str]| codes.iter().any(|code| wanted.contains(code));
    let is_trouble_of_all = matches!(endpoint, Endpoint::Catalog | Endpoint::Token | Endpoint::Other);
    match status.as_u16() {
        // An error document that came with a success status.
        200..=299 | 401 if has(&["DENIED"]) => Concern::Repository,
        200..=299 if has(&["UNAUTHORIZED"]) => Concern::Login,
        200..=299 if has(&["TOOMANYREQUESTS"]) => Concern::Registry,
        401 => Concern::Login,
        403 => Concern::Repository,
        // A proxy wants a login, a time-out, or an overload. Cloudflare answers 520 to 530 for a server
        // that it cannot reach.
        407 | 408 | 429 | 502 | 503 | 504 | 507 | 520..=530 => Concern::Registry,
        400..=499 if has(&["NAME_UNKNOWN", "NAME_INVALID"]) => Concern::Repository,
        // A server that fails for one manifest may succeed for the next.
        500..=599 if is_trouble_of_all => Concern::Registry,
        _ => of_endpoint(endpoint),
    }
}

/// The concern of a refusal that affects nothing beyond its endpoint.
fn of_endpoint(endpoint: Endpoint) -> Concern {
    match endpoint {
        Endpoint::Manifest | Endpoint::Blob | Endpoint::Upload | Endpoint::External => Concern::Image,
        Endpoint::List | Endpoint::Catalog | Endpoint::Other => Concern::Repository,
        // Whatever is wrong with the answer of a token server, it does not concern the image.
        Endpoint::Token => Concern::Login,
    }
}

#[cfg(test)]
mod tests {
    use super::Concern::{Image, Login, Registry, Repository};
    use super::Endpoint::{Blob, Catalog, External, List, Manifest, Other, Token, Upload};
    use super::*;

    const ALL: [Endpoint; 7] = [Manifest, Blob, Upload, List, Catalog, Token, Other];

    fn answered(endpoint: Endpoint, status: u16, codes: &[&str]) -> Concern {
        concern(endpoint, Cause::Answer(StatusCode::from_u16(status).unwrap(), codes))
    }

    #[test]
    fn e12_one_table_says_what_an_answer_concerns() {
        let each = [Image, Image, Image, Repository, Repository, Login, Repository];
        let trouble = [Image, Image, Image, Repository, Registry, Registry, Registry];
        for (statuses, codes, expected) in [
            (&[400, 404, 405, 406, 409, 410, 412, 413, 416, 422, 425, 451, 499][..], &[][..], each),
            (&[404], &["MANIFEST_UNKNOWN"], each),
            (&[404, 400], &["NAME_UNKNOWN"], [Repository; 7]),
            (&[401], &["UNAUTHORIZED"], [Login; 7]),
            (&[401], &[], [Login; 7]),
            (&[401, 403], &["DENIED"], [Repository; 7]),
            (&[403], &[], [Repository; 7]),
            (&[407, 408, 429, 502, 503, 504, 507, 520, 522, 530], &[], [Registry; 7]),
            (&[500, 501, 505, 508, 599], &["UNKNOWN"], trouble),
            (&[200], &["DENIED"], [Repository; 7]),
            (&[200], &["UNAUTHORIZED"], [Login; 7]),
            (&[200], &["TOOMANYREQUESTS"], [Registry; 7]),
            (&[200, 204, 301], &[], each),
        ] {
            for status in statuses {
                assert_eq!(
                    ALL.map(|endpoint| answered(endpoint, *status, codes)),
                    expected,
                    "{status} {codes:?}"
                );
                assert_eq!(answered(External, *status, codes), Image, "{status}");
            }
        }
    }

    #[test]
    fn e12_what_did_not_answer_concerns_the_registry_unless_only_the_image_names_it() {
        use TransportFailure as Failure;

        let broken = [Failure::Name, Failure::Connect, Failure::Tls, Failure::Stalled, Failure::Broken];
        for failure in broken.map(Cause::Transport) {
            assert_eq!(ALL.map(|endpoint| concern(endpoint, failure)), [Registry; 7], "{failure:?}");
            assert_eq!(concern(External, failure), Image, "{failure:?}");
        }
        assert_eq!(concern(Blob, Cause::Transport(Failure::Inside)), Image);
    }

    #[test]
    fn e12_nonsense_concerns_who_asked_for_it() {
        let each = [Image, Image, Image, Repository, Repository, Login, Repository];
        let nonsense = Problem::Json("expected `{`".to_owned());
        assert_eq!(ALL.map(|endpoint| concern(endpoint, Cause::Nonsense(&nonsense))), each);
        assert_eq!(
            ALL.map(|endpoint| concern(endpoint, Cause::Nonsense(&Problem::WebPage(None)))),
            [Registry; 7]
        );
        assert_eq!(concern(External, Cause::Nonsense(&Problem::WebPage(None))), Image);
    }

    #[test]
    fn refusals_and_a_servers_own_trouble_are_answers_and_what_a_proxy_says_of_it_is_none() {
        let is_answer = |status| is_from_registry(Manifest, StatusCode::from_u16(status).unwrap());
        assert_eq!([200, 307, 401, 404, 429, 500].map(is_answer), [true; 6]);
        assert_eq!([407, 408, 502, 503, 504, 522].map(is_answer), [false; 6]);
    }

    #[test]
    fn the_endpoint_is_read_from_the_path_below_the_name() {
        for (path, endpoint) in [
            ("manifests/v1", Manifest),
            ("blobs/sha256:0", Blob),
            ("blobs/uploads/", Upload),
            ("blobs/uploads/1?state=x", Upload),
            ("tags/list", List),
            ("referrers/sha256:0", List),
            ("", Other),
        ] {
            assert_eq!(Endpoint::of_path(path), endpoint, "{path}");
        }
    }
}
