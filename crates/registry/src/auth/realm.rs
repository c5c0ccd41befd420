//! Decides whether a token server may see the credentials.
//!
//! The registry itself names its token server, so a hostile registry could name any server. Allowed are the
//! registry's own host, any host behind TLS, and the one that the user names. [`Destination`](crate::http::destination::Destination)
//! defines which certificates are accepted there.

use oci::RegistryHost;
use url::Url;

use super::trusted_realm::TrustedRealm;
use crate::Error;
use crate::http::origin::{is_same_host, upgrade};

/// How to ask a token server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Realm {
    pub(crate) url: Url,
    pub(crate) place: Place,
    pub(crate) named_by: NamedBy,
}

/// Who named the token server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedBy {
    /// Only the registry, in its challenge.
    Registry,
    /// Also the user, so it may be on any host.
    User,
}

/// The token server's host, relative to its registry's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On its registry's host, with that host's client.
    RegistryHost,
    /// On another host.
    OtherHost,
}

/// Judges the realm `text` that the registry at `base` names; `trusted` is the realm that the user allows.
pub(crate) fn judge(
    host: &RegistryHost,
    base: &Url,
    text: &str,
    trusted: Option<&TrustedRealm>,
) -> Result<Realm, Error> {
    let refuse =
        |realm: &Url, reason| Error::RealmNotTrusted { host: host.clone(), realm: realm.into(), reason };
    let mut url = base.join(text).map_err(|_| refuse(base, "not readable as a URL"))?;
    // A user or password in the address itself would be sent as a login.
    let _ = (url.set_username(""), url.set_password(None));
    url.set_fragment(None);
    let is_own_host = is_same_host(&url, base);
    if trusted.is_some_and(|trusted| trusted.is(&url)) {
        let place = if is_own_host { Place::RegistryHost } else { Place::OtherHost };
        return Ok(Realm { url, place, named_by: NamedBy::User });
    }
    if is_own_host {
        // Harbor takes the scheme from its configured external URL and the host from the request:
        // behind a plain NodePort it names https on a port that speaks http.
        if base.scheme() == "http" && url.port_or_known_default() == base.port_or_known_default() {
            let _ = url.set_scheme("http");
        }
        upgrade(base, &mut url);
        if base.scheme() == "https" && url.scheme() == "http" {
            return Err(refuse(&url, "not encrypted although the registry is"));
        }
        return Ok(Realm { url, place: Place::RegistryHost, named_by: NamedBy::Registry });
    }
    if url.scheme() == "https" {
        Ok(Realm { url, place: Place::OtherHost, named_by: NamedBy::Registry })
    } else {
        Err(refuse(&url, "another host and not encrypted"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(base: &str, realm: &str) -> Result<(String, Place), Error> {
        judged_with(base, realm, None)
    }

    fn judged_with(base: &str, realm: &str, trusted: Option<&str>) -> Result<(String, Place), Error> {
        let host = "harbor.host:32080".parse().unwrap();
        let trusted = trusted.map(|trusted| trusted.parse().unwrap());
        let judged = judge(&host, &base.parse().unwrap(), realm, trusted.as_ref());
        judged.map(|realm| (realm.url.into(), realm.place))
    }

    #[test]
    fn the_registrys_own_host_is_trusted_with_its_own_security() {
        let (url, place) = judged("https://h.io:32080/", "https://h.io/service/token").unwrap();
        assert_eq!((url.as_str(), place), ("https://h.io/service/token", Place::RegistryHost));
        let (url, _) = judged("http://h.io:32080/", "https://h.io:32080/service/token").unwrap();
        assert_eq!(url, "http://h.io:32080/service/token");
        assert!(judged("https://h.io/", "http://h.io:8080/token").is_err());
    }

    #[test]
    fn p6_a_plain_realm_where_the_registry_is_reached_by_tls_is_tls() {
        for (base, realm, asked) in [
            ("https://h.io/", "http://h.io/token", "https://h.io/token"),
            ("https://h.io:8443/", "http://h.io:8443/token", "https://h.io:8443/token"),
        ] {
            assert_eq!(judged(base, realm).unwrap(), (asked.to_owned(), Place::RegistryHost));
        }
        assert!(judged("https://h.io:8443/", "http://h.io/token").is_err());
    }

    #[test]
    fn c78_another_host_needs_tls() {
        let (_, place) = judged("https://h.io:32080/", "https://auth.io/token").unwrap();
        assert_eq!(place, Place::OtherHost);
        assert!(judged("http://h.io/", "http://auth.io/token").is_err());
        assert!(judged("https://h.io/", "ftp://auth.io/token").is_err());
    }

    #[test]
    fn c78_only_what_is_named_may_be_plain_elsewhere() {
        let with = |realm, trusted| judged_with("http://h.io/", realm, Some(trusted));
        let (url, place) = with("http://auth.io:5001/token", "http://auth.io:5001").unwrap();
        assert_eq!((url.as_str(), place), ("http://auth.io:5001/token", Place::OtherHost));
        assert!(with("http://auth.io:5001/token", "auth.io:5001").is_err());
        assert!(with("http://other.io:5001/token", "http://auth.io:5001").is_err());
        assert!(with("https://other.io/token", "http://auth.io:5001").is_ok());
        let own = judged_with("https://h.io/", "http://h.io/token", Some("http://h.io"));
        assert_eq!(own.unwrap().1, Place::RegistryHost);
    }

    #[test]
    fn c78_a_login_in_the_realm_itself_is_dropped() {
        let (url, _) = judged("https://h.io/", "https://me:secret@auth.io/token#x").unwrap();
        assert_eq!(url, "https://auth.io/token");
    }
}
