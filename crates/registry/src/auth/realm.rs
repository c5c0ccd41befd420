//! Decides whether a token server may see the credentials.
//!
//! A registry names its token server itself, so a hostile one could name anybody's. Allowed are the
//! registry's own host, and any host behind verified TLS; `insecure` covers the registry's host alone.

use url::Url;

use crate::{Error, RegistryHost};

/// How to ask a token server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Realm {
    pub(crate) url: Url,
    pub(crate) trust: Trust,
}

/// Which certificates a token server may show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Those that its registry may show: it is the same host.
    OfRegistry,
    /// Those that the system trusts.
    OfSystem,
}

/// Judges the realm `text` that the registry behind `base` names.
pub(crate) fn judge(host: &RegistryHost, base: &Url, text: &str) -> Result<Realm, Error> {
    let refuse =
        |realm: &Url, reason| Error::RealmNotTrusted { host: host.clone(), realm: realm.into(), reason };
    let mut url = base.join(text).map_err(|_| refuse(base, "not readable as a URL"))?;
    if url.host_str() == base.host_str() {
        // Harbor takes the scheme from its configured external URL and the host from the request:
        // behind a plain NodePort it names https on a port that speaks http.
        if base.scheme() == "http" && url.port_or_known_default() == base.port_or_known_default() {
            let _ = url.set_scheme("http");
        }
        if base.scheme() == "https" && url.scheme() == "http" {
            return Err(refuse(&url, "not encrypted although the registry is"));
        }
        return Ok(Realm { url, trust: Trust::OfRegistry });
    }
    if url.scheme() == "https" {
        Ok(Realm { url, trust: Trust::OfSystem })
    } else {
        Err(refuse(&url, "another host and not encrypted"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(base: &str, realm: &str) -> Result<(String, Trust), Error> {
        let host = "harbor.host:32080".parse().unwrap();
        judge(&host, &base.parse().unwrap(), realm).map(|realm| (realm.url.into(), realm.trust))
    }

    #[test]
    fn the_registrys_own_host_is_trusted_with_its_own_security() {
        let (url, trust) = judged("https://h.io:32080/", "https://h.io/service/token").unwrap();
        assert_eq!((url.as_str(), trust), ("https://h.io/service/token", Trust::OfRegistry));
        let (url, _) = judged("http://h.io:32080/", "https://h.io:32080/service/token").unwrap();
        assert_eq!(url, "http://h.io:32080/service/token");
        assert!(judged("https://h.io/", "http://h.io/token").is_err());
    }

    #[test]
    fn c78_another_host_needs_verified_tls() {
        let (_, trust) = judged("https://h.io:32080/", "https://auth.io/token").unwrap();
        assert_eq!(trust, Trust::OfSystem);
        assert!(judged("http://h.io/", "http://auth.io/token").is_err());
        assert!(judged("https://h.io/", "ftp://auth.io/token").is_err());
    }
}
