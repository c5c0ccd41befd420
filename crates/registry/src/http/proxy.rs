//! Proxies, from the environment that the program hands in.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

use crate::Error;

/// Addresses that no proxy is asked for: the loopback network never goes through one, as in Go's HTTP client.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1";

/// Which proxy serves which scheme. Addresses may have a password in them, so printing shows none.
#[derive(Clone, Default)]
pub struct Proxies {
    http: Option<SecretString>,
    https: Option<SecretString>,
    exceptions: String,
}

impl Proxies {
    /// Reads `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in capitals or not.
    pub fn from_environment(lookup: &dyn Fn(&str) -> Option<String>) -> Self {
        let either = |name: &str| {
            let value = lookup(name).or_else(|| lookup(&name.to_ascii_lowercase()));
            value.filter(|value| !value.is_empty())
        };
        Self {
            http: either("HTTP_PROXY").map(SecretString::from),
            https: either("HTTPS_PROXY").map(SecretString::from),
            exceptions: either("NO_PROXY").unwrap_or_default(),
        }
    }

    /// The proxies in the HTTP library's form.
    ///
    /// # Errors
    /// An address that is none.
    pub fn build(&self) -> Result<Vec<reqwest::Proxy>, Error> {
        let exceptions = format!("{},{LOOPBACK}", self.exceptions);
        let exceptions = reqwest::NoProxy::from_string(&exceptions);
        let setup = |error| Error::Setup { source: Box::new(error) };
        let mut proxies = Vec::new();
        if let Some(address) = &self.http {
            proxies.push(
                reqwest::Proxy::http(address.expose_secret()).map_err(setup)?.no_proxy(exceptions.clone()),
            );
        }
        if let Some(address) = &self.https {
            proxies.push(reqwest::Proxy::https(address.expose_secret()).map_err(setup)?.no_proxy(exceptions));
        }
        Ok(proxies)
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Proxies")
            .field("http", &self.http.is_some())
            .field("https", &self.https.is_some())
            .field("exceptions", &self.exceptions)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c84_capitals_or_not_and_no_password_in_debug_output() {
        let lookup = |name: &str| match name {
            "https_proxy" => Some("http://user:hunter2@proxy.io:3128".to_owned()),
            "HTTP_PROXY" => Some(String::new()),
            "NO_PROXY" => Some(".corp,10.0.0.0/8".to_owned()),
            _ => None,
        };
        let proxies = Proxies::from_environment(&lookup);
        assert_eq!(proxies.build().unwrap().len(), 1);
        assert_eq!(
            format!("{proxies:?}"),
            r#"Proxies { http: false, https: true, exceptions: ".corp,10.0.0.0/8" }"#
        );
    }

    #[test]
    fn c84_what_is_no_address_is_told() {
        let proxies = Proxies::from_environment(&|name| (name == "HTTPS_PROXY").then(|| "://".to_owned()));
        assert!(proxies.build().is_err());
    }
}
