//! Proxies, from the environment that the program passes in, or for one registry.

use std::fmt;
use std::sync::Arc;

use url::Url;

use super::no_proxy::NoProxy;

/// The proxies by scheme. Their addresses may contain a password, so printing shows none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxies(Arc<Ways>);

#[derive(Default, PartialEq, Eq)]
struct Ways {
    http: Option<Url>,
    https: Option<Url>,
    exceptions: Option<NoProxy>,
    exceptions_text: String,
}

/// Why a text is not a proxy's address. The text may contain a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{whose} no proxy's address: write http://host:port, https://host:port or socks5://host:port; user:password@ may stand before the host, with reserved characters as %XX"
)]
pub struct ProxyError {
    whose: &'static str,
}

impl Proxies {
    /// No proxy at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// One proxy for everything: `http://`, `https://` or `socks5://`, the first one if none is written.
    ///
    /// # Errors
    /// The text is not such an address.
    pub fn one(text: &str) -> Result<Self, ProxyError> {
        let address = address(text).ok_or(ProxyError { whose: "this is" })?;
        Ok(Self(Arc::new(Ways { http: Some(address.clone()), https: Some(address), ..Ways::default() })))
    }

    /// Reads `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in capitals or not.
    ///
    /// # Errors
    /// One of them is not a proxy's address.
    pub fn from_environment(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, ProxyError> {
        let either = |name: &str| {
            let value = lookup(name).or_else(|| lookup(&name.to_ascii_lowercase()));
            value.filter(|value| !value.is_empty())
        };
        let proxy =
            |name, whose| either(name).map(|text| address(&text).ok_or(ProxyError { whose })).transpose();
        let all = proxy("ALL_PROXY", "ALL_PROXY is")?;
        let exceptions_text = either("NO_PROXY").unwrap_or_default();
        Ok(Self(Arc::new(Ways {
            http: proxy("HTTP_PROXY", "HTTP_PROXY is")?.or_else(|| all.clone()),
            https: proxy("HTTPS_PROXY", "HTTPS_PROXY is")?.or(all),
            exceptions: Some(NoProxy::parse(&exceptions_text)),
            exceptions_text,
        })))
    }

    /// The proxy for `url`.
    pub(crate) fn proxy_for(&self, url: &Url) -> Option<&Url> {
        let proxy = if url.scheme() == "http" { self.0.http.as_ref() } else { self.0.https.as_ref() };
        proxy.filter(|_| !self.0.exceptions.as_ref().is_some_and(|exceptions| exceptions.covers(url)))
    }

    /// The HTTP library's form. It removes the password from the address and sends it only to the proxy.
    pub(crate) fn build(&self) -> Option<reqwest::Proxy> {
        let proxies = self.clone();
        let has_any = self.0.http.is_some() || self.0.https.is_some();
        has_any.then(|| reqwest::Proxy::custom(move |url| proxies.proxy_for(url).cloned()))
    }
}

/// Parses a proxy's address.
fn address(text: &str) -> Option<Url> {
    let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let mut url = Url::parse(&text).ok().filter(|url| url.host_str().is_some_and(|host| !host.is_empty()))?;
    match url.scheme() {
        "http" | "https" | "socks5h" => Some(url),
        // As in Go's HTTP client, the proxy resolves names: behind an air gap only the proxy can.
        "socks5" => url.set_scheme("socks5h").ok().map(|()| url),
        _ => None,
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Proxies")
            .field("http", &self.0.http.is_some())
            .field("https", &self.0.https.is_some())
            .field("exceptions", &self.0.exceptions_text)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Result<Proxies, ProxyError> {
        let lookup = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Proxies::from_environment(&lookup)
    }

    fn way(proxies: &Proxies, url: &str) -> Option<String> {
        proxies.proxy_for(&url.parse().unwrap()).map(ToString::to_string)
    }

    #[test]
    fn c84_capitals_or_not_and_no_password_in_debug_output() {
        let proxies = environment(&[
            ("https_proxy", "http://user:hunter2@proxy.io:3128"),
            ("HTTP_PROXY", ""),
            ("NO_PROXY", ".corp,10.0.0.0/8"),
        ])
        .unwrap();
        assert_eq!(way(&proxies, "https://r.io/").unwrap(), "http://user:hunter2@proxy.io:3128/");
        assert_eq!(way(&proxies, "http://r.io/"), None);
        assert_eq!(way(&proxies, "https://r.corp/"), None);
        assert_eq!(way(&proxies, "https://localhost/"), None);
        assert_eq!(
            format!("{proxies:?}"),
            r#"Proxies { http: false, https: true, exceptions: ".corp,10.0.0.0/8" }"#
        );
    }

    #[test]
    fn c84_all_proxy_stands_in_for_the_others() {
        let proxies = environment(&[("all_proxy", "socks5://s.io"), ("HTTP_PROXY", "h.io:3128")]).unwrap();
        assert_eq!(way(&proxies, "https://r.io/").unwrap(), "socks5h://s.io");
        assert_eq!(way(&proxies, "http://r.io/").unwrap(), "http://h.io:3128/");
    }

    #[test]
    fn c84_one_proxy_is_for_everything_and_none_for_nothing() {
        let one = Proxies::one("socks5h://u:p@127.0.0.1:1080").unwrap();
        assert!(way(&one, "https://localhost/").is_some() && way(&one, "http://r.io/").is_some());
        assert_eq!(way(&Proxies::none(), "https://r.io/"), None);
        assert!(Proxies::none().build().is_none());
    }

    #[test]
    fn c84_what_is_no_address_is_told_without_what_it_says() {
        let error = environment(&[("HTTPS_PROXY", "://")]).unwrap_err();
        assert!(error.to_string().starts_with("HTTPS_PROXY is no proxy's address"), "{error}");
        for wrong in ["", "ftp://u:hunter2@p.io", "socks4://p.io", "http://", "http://u:hun#ter2@p.io"] {
            let error = Proxies::one(wrong).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hun"), "{wrong}");
        }
    }
}
