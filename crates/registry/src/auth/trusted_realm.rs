//! A token server that the user names, so that the login may be sent there.

use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::http::origin::is_same_origin;

/// A token server on another host than its registry's: `auth.example.com` (over https),
/// `https://auth.example.com/token`, or `http://10.0.0.5:5001`, the only way to allow plain HTTP.
///
/// Without a path it matches all paths of the host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TrustedRealm(Url);

/// Why a text names no token server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustedRealmError {
    /// It is no host and no URL.
    #[error("it is neither a host nor a URL")]
    Unreadable,
    /// Neither `https` nor `http`.
    #[error("only https and http are spoken by token servers")]
    Scheme,
    /// A user, a password, a query or a fragment. They may be secrets, so they are not repeated.
    #[error("it has a user, a query or a fragment; only scheme, host, port and path belong there")]
    RegistryApi,
}

impl FromStr for TrustedRealm {
    type Err = TrustedRealmError;

    fn from_str(text: &str) -> Result<Self, TrustedRealmError> {
        let (is_url, unreadable) = (text.contains("://"), TrustedRealmError::Unreadable);
        if text.is_empty() || text.contains(char::is_whitespace) || (!is_url && text.contains('/')) {
            return Err(unreadable);
        }
        let url = if is_url { Url::parse(text) } else { Url::parse(&format!("https://{text}")) };
        let url = url.map_err(|_| unreadable)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(TrustedRealmError::Scheme);
        }
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.query().is_some() || url.fragment().is_some() {
            return Err(TrustedRealmError::RegistryApi);
        }
        url.has_host().then_some(Self(url)).ok_or(unreadable)
    }
}

impl TrustedRealm {
    /// Whether the realm of a challenge is this one.
    pub(crate) fn is(&self, realm: &Url) -> bool {
        let is_path = self.0.path() == "/" || self.0.path() == realm.path();
        is_path && is_same_origin(&self.0, realm)
    }
}

impl fmt::Display for TrustedRealm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(named: &str, realm: &str) -> bool {
        named.parse::<TrustedRealm>().unwrap().is(&realm.parse().unwrap())
    }

    #[test]
    fn c78_a_name_stands_for_a_host_or_for_one_path() {
        assert!(is("auth.io", "https://auth.io/any/path?with=query"));
        assert!(is("auth.io:8443", "https://AUTH.io:8443/token"));
        assert!(is("https://auth.io/token", "https://auth.io:443/token"));
        assert!(is("http://10.0.0.5:5001", "http://10.0.0.5:5001/token"));
        for (named, realm) in [
            ("auth.io", "http://auth.io/token"),
            ("auth.io", "https://auth.io.evil.io/token"),
            ("auth.io", "https://auth.io:444/token"),
            ("https://auth.io/token", "https://auth.io/token2"),
            ("https://auth.io/token", "https://auth.io/"),
            ("http://auth.io", "https://auth.io/token"),
        ] {
            assert!(!is(named, realm), "{named} {realm}");
        }
    }

    #[test]
    fn c78_nonsense_is_refused() {
        let read = |text: &str| text.parse::<TrustedRealm>().unwrap_err();
        for text in ["", " ", "auth io", "auth.io/token", "https://", ":80", "https://[::1"] {
            assert_eq!(read(text), TrustedRealmError::Unreadable, "{text}");
        }
        assert_eq!(read("ftp://auth.io"), TrustedRealmError::Scheme);
        for text in ["https://me:secret@auth.io", "me@auth.io", "https://auth.io/?a=b", "https://auth.io/#a"]
        {
            assert_eq!(read(text), TrustedRealmError::RegistryApi, "{text}");
        }
    }
}
