//! Decides whether a redirect is followed, and whether the login goes along.
//!
//! Registries send readers of blobs to storage services with signed URLs; those refuse requests
//! that also carry `Authorization`, and must never see ours. Whether the place may be asked at all is for
//! [`Transport::storage_client`](super::transport::Transport::storage_client).

use http::{HeaderMap, Method, StatusCode};
use url::Url;

use crate::error::Problem;
use crate::{Error, RedactedUrl};

/// More hops than this are a circle.
pub(crate) const MOST_HOPS: usize = 10;

/// Whether the same login may be sent to both: only the very same scheme, host and port.
pub(crate) fn is_same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host_str() == other.host_str()
        && one.port_or_known_default() == other.port_or_known_default()
}

/// Where the answer to a request sends us on, with the same method and body; `None` if it is no redirect.
///
/// For requests whose body, if any, can be sent again.
///
/// # Errors
/// The redirect is not followed: it leaves TLS, has no target, or would make another request of a write.
pub(crate) fn target(
    method: &Method,
    from: &Url,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Option<Url>, Error> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let problem = |problem| Error::Protocol { method: method.clone(), url: RedactedUrl::from(from), problem };
    let location = headers.get(http::header::LOCATION).and_then(|value| value.to_str().ok());
    let to = location
        .and_then(|location| from.join(location).ok())
        .ok_or_else(|| problem(Problem::Header("Location")))?;
    let refused = |why| problem(Problem::Redirect { to: RedactedUrl::from(&to), why });
    let is_read = matches!(*method, Method::GET | Method::HEAD);
    match (from.scheme(), to.scheme()) {
        ("https", "http") => Err(refused("it leaves TLS")),
        // RFC 9110, 15.4: these turn a write into a read, which stores nothing.
        _ if !is_read && !matches!(status.as_u16(), 307 | 308) => {
            Err(refused("it asks for another request than the one that was sent"))
        }
        (_, "http" | "https") => Ok(Some(to)),
        _ => Err(refused("it leaves HTTP")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(method: &Method, status: u16, from: &str, location: &str) -> Result<Option<String>, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::LOCATION, location.parse().unwrap());
        let status = StatusCode::from_u16(status).unwrap();
        let to = target(method, &Url::parse(from).unwrap(), status, &headers)?;
        Ok(to.map(String::from))
    }

    #[test]
    fn c28_a_redirect_never_leaves_tls() {
        let get = |from, location| follow(&Method::GET, 307, from, location).map(Option::unwrap);
        assert_eq!(get("https://r.io/v2/a", "/b").unwrap(), "https://r.io/b");
        assert_eq!(get("http://r.io/v2/a", "https://s.io/b").unwrap(), "https://s.io/b");
        assert!(get("https://r.io/v2/a", "http://s.io/b").is_err());
        assert!(get("https://r.io/v2/a", "file:///etc/passwd").is_err());
    }

    #[test]
    fn c27_c29_reads_follow_all_redirects_and_writes_those_that_keep_them_writes() {
        for status in [301, 302, 303, 307, 308] {
            for method in [Method::GET, Method::HEAD] {
                assert!(follow(&method, status, "https://r.io/a", "/b").unwrap().is_some());
            }
            for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                let followed = follow(&method, status, "https://r.io/a", "/b");
                assert_eq!(followed.is_ok(), matches!(status, 307 | 308), "{method} {status}");
            }
        }
        for status in [200, 202, 300, 304, 401, 416] {
            assert!(follow(&Method::GET, status, "https://r.io/a", "/b").unwrap().is_none());
        }
    }

    #[test]
    fn c30_an_error_hides_the_signature() {
        let error =
            follow(&Method::GET, 307, "https://r.io/a", "http://s.io/b?X-Amz-Signature=abc").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("abc"), "{error:?}");
    }

    #[test]
    fn c27_the_login_stays_at_its_origin() {
        let same = |one: &str, other: &str| is_same_origin(&one.parse().unwrap(), &other.parse().unwrap());
        assert!(same("https://r.io/a", "https://r.io:443/b"));
        assert!(!same("https://r.io/a", "http://r.io/b"));
        assert!(!same("https://r.io/a", "https://r.io:444/b"));
        assert!(!same("https://r.io/a", "https://s.io/a"));
    }
}
