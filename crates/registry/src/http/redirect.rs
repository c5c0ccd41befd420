//! Decides whether a redirect is followed, and whether the login goes along.
//!
//! Registries send readers of blobs to storage services with signed URLs; those refuse requests
//! that also carry `Authorization`, and must never see ours.

use http::{HeaderMap, Method};
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

/// Where the redirect from `from` leads, if it may be followed.
pub(crate) fn target(method: &Method, from: &Url, headers: &HeaderMap) -> Result<Url, Error> {
    let problem = |problem| Error::Protocol { method: method.clone(), url: RedactedUrl::from(from), problem };
    let location = headers.get(http::header::LOCATION).and_then(|value| value.to_str().ok());
    let to = location
        .and_then(|location| from.join(location).ok())
        .ok_or_else(|| problem(Problem::Header("Location")))?;
    let refused = |why| problem(Problem::Redirect { to: RedactedUrl::from(&to), why });
    match (from.scheme(), to.scheme()) {
        ("https", "http") => Err(refused("it leaves TLS")),
        (_, "http" | "https") => Ok(to),
        _ => Err(refused("it leaves HTTP")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(from: &str, location: &str) -> Result<String, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::LOCATION, location.parse().unwrap());
        target(&Method::GET, &Url::parse(from).unwrap(), &headers).map(String::from)
    }

    #[test]
    fn c28_a_redirect_never_leaves_tls() {
        assert_eq!(follow("https://r.io/v2/a", "/b").unwrap(), "https://r.io/b");
        assert_eq!(follow("http://r.io/v2/a", "https://s.io/b").unwrap(), "https://s.io/b");
        assert!(follow("https://r.io/v2/a", "http://s.io/b").is_err());
        assert!(follow("https://r.io/v2/a", "file:///etc/passwd").is_err());
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
