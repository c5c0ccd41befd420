//! The `Location` of an upload session: where the upload continues.
//!
//! Registries build it from the request as they see it, which behind proxies has the wrong scheme, host or port.

use url::Url;

use super::destination::LeavingTls;
use super::origin::as_reached;
use crate::error::NotFollowed;

/// Why a location is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// It does not parse as a URL.
    Unreadable,
    /// It leads to an address that bytes must not go to.
    Leaves(Url, NotFollowed),
}

/// The address of the next request of an upload; `asked` is the address of the request that was answered. The location's query is the
/// session's
/// state and stays byte for byte.
///
/// * The registry's own host under `/v2/`: [as it was reached](as_reached).
/// * Another host: as it is; the sender of the request leaves the login out.
/// * From https to http: only if the registry's entry allows plain HTTP.
pub(crate) fn next(asked: &Url, location: &str, leaving_tls: LeavingTls) -> Result<Url, Unusable> {
    let mut to = asked.join(location).map_err(|_| Unusable::Unreadable)?;
    if let Some(reached) = as_reached(asked, to.clone()).filter(|to| to.path().starts_with("/v2/")) {
        to = reached;
    }
    match (asked.scheme(), to.scheme()) {
        ("https", "http") if leaving_tls == LeavingTls::Refused => {
            Err(Unusable::Leaves(to, NotFollowed::LeavesTls))
        }
        (_, "http" | "https") => Ok(to),
        _ => Err(Unusable::Leaves(to, NotFollowed::LeavesHttp)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p25_uploads_leave_tls_where_the_entry_allows_plain_http() {
        let asked = "https://r.io/v2/a/blobs/uploads/".parse().unwrap();
        let to = "http://storage.io:9000/1?s";
        assert_eq!(next(&asked, to, LeavingTls::Allowed).unwrap().as_str(), to);
    }

    #[test]
    fn c32_locations_of_every_kind() {
        let https = "https://r.io:8443/v2/a/blobs/uploads/";
        let http = "http://r.io:5000/v2/a/blobs/uploads/";
        for (asked, location, expected) in [
            (
                https,
                "/v2/a/blobs/uploads/1?_state=a%2Fb==",
                Some("https://r.io:8443/v2/a/blobs/uploads/1?_state=a%2Fb=="),
            ),
            (https, "1", Some("https://r.io:8443/v2/a/blobs/uploads/1")),
            // nginx's `$host` loses the port, a missing X-Forwarded-Proto the scheme.
            (https, "https://r.io/v2/a/1?s", Some("https://r.io:8443/v2/a/1?s")),
            (https, "http://r.io:5000/v2/a/1", Some("https://r.io:8443/v2/a/1")),
            (http, "https://r.io/v2/a/1", Some("http://r.io:5000/v2/a/1")),
            ("https://r.io/v2/a", "https://r.io:5000/v2/a/1", Some("https://r.io/v2/a/1")),
            // Not the registry's own protocol: as it is.
            (https, "https://r.io/upload/1", Some("https://r.io/upload/1")),
            (https, "http://r.io/upload/1", None),
            (https, "https://storage.io/v2/1?sig=x", Some("https://storage.io/v2/1?sig=x")),
            (https, "http://storage.io/v2/1", None),
            (http, "http://storage.io/1", Some("http://storage.io/1")),
            (https, "ftp://storage.io/1", None),
            (https, "https://", None),
        ] {
            let next = next(&asked.parse().unwrap(), location, LeavingTls::Refused).ok();
            assert_eq!(next.map(String::from).as_deref(), expected, "{location} after {asked}");
        }
    }
}
