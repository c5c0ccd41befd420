//! Decides whether a token server may see the credentials.
//!
//! A registry names its token server itself, so a hostile one could name anybody's. Allowed are the
//! registry's own host, and any host behind verified TLS; `insecure` covers the registry's host alone.

use url::Url;

use crate::http::transport::Certificates;
use crate::{Error, RegistryHost};

/// How to ask a token server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Realm {
    pub(crate) url: Url,
    pub(crate) certificates: Certificates,
}

/// Judges the realm `text` that the registry behind `base` names.
pub(crate) fn judge(
    host: &RegistryHost,
    base: &Url,
    text: &str,
    registry_certificates: Certificates,
) -> Result<Realm, Error> {
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
        return Ok(Realm { url, certificates: registry_certificates });
    }
    if url.scheme() == "https" {
        Ok(Realm { url, certificates: Certificates::Verified })
    } else {
        Err(refuse(&url, "another host and not encrypted"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(base: &str, realm: &str) -> Result<(String, Certificates), Error> {
        let host = "harbor.host:32080".parse().unwrap();
        judge(&host, &base.parse().unwrap(), realm, Certificates::Unverified)
            .map(|realm| (realm.url.into(), realm.certificates))
    }

    #[test]
    fn the_registrys_own_host_is_trusted_with_its_own_security() {
        let (url, certificates) = judged("https://h.io:32080/", "https://h.io/service/token").unwrap();
        assert_eq!((url.as_str(), certificates), ("https://h.io/service/token", Certificates::Unverified));
        let (url, _) = judged("http://h.io:32080/", "https://h.io:32080/service/token").unwrap();
        assert_eq!(url, "http://h.io:32080/service/token");
        assert!(judged("https://h.io/", "http://h.io/token").is_err());
    }

    #[test]
    fn c78_another_host_needs_verified_tls() {
        let (_, certificates) = judged("https://h.io:32080/", "https://auth.io/token").unwrap();
        assert_eq!(certificates, Certificates::Verified);
        assert!(judged("http://h.io/", "http://auth.io/token").is_err());
        assert!(judged("https://h.io/", "ftp://auth.io/token").is_err());
    }
}
