//! Addresses of Alibaba Cloud's APIs.

use std::fmt;
use std::str::FromStr;

use url::Url;

use super::name::Region;

/// The scheme, host and port of an API: a host alone means https.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(Url);

/// A text that is no endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no endpoint: a host or `https://host[:port]` is wanted")]
pub struct EndpointError {
    text: String,
}

/// Whether the hosts inside the cloud's private networks are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Network {
    Public,
    Private,
}

impl Endpoint {
    /// ACR's `OpenAPI` in a region.
    pub fn acr(region: &Region) -> Self {
        Self::named(&format!("cr.{region}.aliyuncs.com"))
    }

    /// The token service for roles, global or in a region.
    pub(super) fn sts(region: Option<&Region>, network: Network) -> Self {
        match (region, network) {
            (None, _) => Self::named("sts.aliyuncs.com"),
            (Some(region), Network::Public) => Self::named(&format!("sts.{region}.aliyuncs.com")),
            (Some(region), Network::Private) => Self::named(&format!("sts-vpc.{region}.aliyuncs.com")),
        }
    }

    /// The metadata server, which every ECS instance can reach.
    pub(super) fn metadata() -> Self {
        Self("http://100.100.100.200".parse().expect("an address is a URL"))
    }

    fn named(host: &str) -> Self {
        Self(format!("https://{host}").parse().expect("regions are labels of host names"))
    }

    /// The host, and its port if it is not the scheme's default: the value of the `Host` header.
    pub fn authority(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or(host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// The URL of `path_and_query`, which is encoded already.
    pub(super) fn url(&self, path_and_query: &str) -> Url {
        let text = format!("{self}{path_and_query}");
        text.parse().expect("what follows a host makes no URL unreadable")
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let refuse = || EndpointError { text: text.to_owned() };
        let whole = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let url: Url = whole.parse().map_err(|_| refuse())?;
        let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        let root = matches!(url.path(), "" | "/") && url.fragment().is_none();
        let spoken = matches!(url.scheme(), "http" | "https") && url.host_str().is_some();
        if plain && root && spoken { Ok(Self(url)) } else { Err(refuse()) }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.0.scheme(), self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_whole_urls() {
        let shown = |text: &str| text.parse::<Endpoint>().map(|endpoint| endpoint.to_string()).ok();
        assert_eq!(shown("cr.cn-shanghai.aliyuncs.com").unwrap(), "https://cr.cn-shanghai.aliyuncs.com");
        assert_eq!(shown("http://127.0.0.1:5000/").unwrap(), "http://127.0.0.1:5000");
        assert_eq!(shown("localhost:5000").unwrap(), "https://localhost:5000");
        for text in ["", "http://", "ftp://a.b", "https://a.b/c", "https://u:p@a.b", "a b", "https://a.b?c=d"]
        {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    #[test]
    fn the_services_own_hosts() {
        let region: Region = "cn-beijing".parse().unwrap();
        assert_eq!(Endpoint::acr(&region).authority(), "cr.cn-beijing.aliyuncs.com");
        assert_eq!(Endpoint::sts(None, Network::Private).authority(), "sts.aliyuncs.com");
        assert_eq!(Endpoint::sts(Some(&region), Network::Public).authority(), "sts.cn-beijing.aliyuncs.com");
        assert_eq!(
            Endpoint::sts(Some(&region), Network::Private).authority(),
            "sts-vpc.cn-beijing.aliyuncs.com"
        );
    }
}
