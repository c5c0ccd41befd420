//! Decides whether a redirect is followed, and whether the login goes along.
//!
//! Registries send readers of blobs to storage services with signed URLs; those refuse requests
//! that also carry `Authorization`, and must never see ours. Whether the place may be asked at all is for
//! [`Transport::storage_client`](super::transport::Transport::storage_client).

use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::destination::LeavingTls;
use super::origin::upgrade;
use crate::error::{NotFollowed, Problem};
use crate::{Error, RedactedUrl};

/// More hops than this are a circle.
pub(crate) const MOST_HOPS: usize = 10;

/// Where the answer to a request sends us on, with the same method and body; `None` if it is no redirect.
///
/// For requests whose body, if any, can be sent again. Plain HTTP at the very host and port that were reached by TLS is
/// TLS there: a server behind a proxy that ends TLS does not know of it.
///
/// # Errors
/// The redirect is not followed: it leaves TLS, has no target, or would make another request of a write.
pub(crate) fn target(
    (method, from): (&Method, &Url),
    (status, headers): (StatusCode, &HeaderMap),
    leaving_tls: LeavingTls,
) -> Result<Option<Url>, Error> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let problem = |problem| Error::Protocol { method: method.clone(), url: RedactedUrl::from(from), problem };
    let location = headers.get(http::header::LOCATION).and_then(|value| value.to_str().ok());
    let mut to = location
        .and_then(|location| from.join(location).ok())
        .ok_or_else(|| problem(Problem::Header("Location")))?;
    upgrade(from, &mut to);
    let refused = |why| problem(Problem::Redirect { to: RedactedUrl::from(&to), why });
    let is_read = matches!(*method, Method::GET | Method::HEAD);
    match (from.scheme(), to.scheme()) {
        ("https", "http") if leaving_tls == LeavingTls::Refused => Err(refused(NotFollowed::LeavesTls)),
        // RFC 9110, 15.4: these turn a write into a read, which stores nothing.
        _ if !is_read && !matches!(status.as_u16(), 307 | 308) => Err(refused(NotFollowed::OtherRequest)),
        (_, "http" | "https") => Ok(Some(to)),
        _ => Err(refused(NotFollowed::LeavesHttp)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(method: &Method, status: u16, from: &str, location: &str) -> Result<Option<String>, Error> {
        follow_with(LeavingTls::Refused, (method, status), from, location)
    }

    fn follow_with(
        leaving_tls: LeavingTls,
        (method, status): (&Method, u16),
        from: &str,
        location: &str,
    ) -> Result<Option<String>, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::LOCATION, location.parse().unwrap());
        let status = StatusCode::from_u16(status).unwrap();
        let to = target((method, &Url::parse(from).unwrap()), (status, &headers), leaving_tls)?;
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
    fn p25_it_leaves_tls_where_the_entry_allows_plain_http() {
        let get = |location| {
            let asked = (&Method::GET, 307);
            follow_with(LeavingTls::Allowed, asked, "https://r.io/v2/a", location).map(Option::unwrap)
        };
        assert_eq!(get("http://s.io:9000/b").unwrap(), "http://s.io:9000/b");
        assert_eq!(get("http://r.io:9000/b").unwrap(), "http://r.io:9000/b");
        assert!(get("ftp://s.io/b").is_err());
    }

    #[test]
    fn p6_plain_http_where_tls_was_reached_is_tls() {
        let get = |from, location| follow(&Method::GET, 307, from, location).map(Option::unwrap);
        assert_eq!(get("https://r.io/v2/a", "http://r.io/b?c").unwrap(), "https://r.io/b?c");
        assert_eq!(get("https://r.io:8443/v2/a", "http://r.io:8443/b").unwrap(), "https://r.io:8443/b");
        assert_eq!(get("https://r.io/v2/a", "http://r.io:443/b").unwrap(), "https://r.io/b");
        for elsewhere in ["http://r.io/b", "http://r.io:8080/b", "http://s.io:8443/b"] {
            assert!(get("https://r.io:8443/v2/a", elsewhere).is_err(), "{elsewhere}");
        }
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
}
