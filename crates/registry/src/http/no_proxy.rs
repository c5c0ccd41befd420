//! `NO_PROXY`: hosts that are reached without a proxy, by the rules of Go's HTTP client and curl.
//!
//! Source: golang.org/x/net/http/httpproxy. Names of this machine never go through a proxy.

use std::net::IpAddr;

use url::{Host, Url};

/// The hosts that are reached without a proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NoProxy(Vec<Exception>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Exception {
    host: HostRule,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostRule {
    Every,
    /// An address and the number of its leading bits that count.
    Network(IpAddr, u32),
    /// The name and all names below it.
    Domain(String),
    /// All names below this one, which begins with a dot.
    Below(String),
}

impl NoProxy {
    /// Parses a comma-separated list; skips malformed parts, as other clients do.
    pub(crate) fn parse(text: &str) -> Self {
        Self(text.split([',', ' ']).map(str::trim).filter_map(Exception::parse).collect())
    }

    /// Whether `url` is reached without a proxy.
    pub(crate) fn covers(&self, url: &Url) -> bool {
        let (host, address) = match url.host() {
            Some(Host::Domain(name)) => (name.trim_end_matches('.').to_ascii_lowercase(), None),
            Some(Host::Ipv4(address)) => (address.to_string(), Some(IpAddr::from(address))),
            Some(Host::Ipv6(address)) => (address.to_string(), Some(IpAddr::from(address))),
            None => return true,
        };
        if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
            return true;
        }
        let port = url.port_or_known_default();
        self.0.iter().any(|exception| {
            exception.port.is_none_or(|wanted| port == Some(wanted)) && exception.host.fits(&host, address)
        })
    }
}

impl Exception {
    fn parse(text: &str) -> Option<Self> {
        if let Some((address, bits)) = text.split_once('/') {
            let (address, bits) = (address.parse().ok()?, bits.parse().ok()?);
            return Some(Self { host: HostRule::Network(address, bits), port: None });
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(Self { host: HostRule::Network(address, 128), port: None });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (text, None),
        };
        let host =
            host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
        let host = match host.as_str() {
            "" => return None,
            "*" => HostRule::Every,
            name => match (name.parse(), name.strip_prefix('*').unwrap_or(name)) {
                (Ok(address), _) => HostRule::Network(address, 128),
                (_, below) if below.starts_with('.') => HostRule::Below(below.to_owned()),
                (_, name) => HostRule::Domain(name.to_owned()),
            },
        };
        Some(Self { host, port })
    }
}

impl HostRule {
    fn fits(&self, host: &str, address: Option<IpAddr>) -> bool {
        match self {
            Self::Every => true,
            Self::Network(network, bits) => {
                address.is_some_and(|address| is_within(address, *network, *bits))
            }
            Self::Domain(name) => {
                host.strip_suffix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            Self::Below(suffix) => host.ends_with(suffix.as_str()),
        }
    }
}

/// Whether the first `bits` of both are equal. More bits than an address has mean all of them.
fn is_within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let shift = 32 - bits.min(32);
            u32::from(address).checked_shr(shift) == u32::from(network).checked_shr(shift)
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let shift = 128 - bits.min(128);
            u128::from(address).checked_shr(shift) == u128::from(network).checked_shr(shift)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c84_no_proxy_knows_networks_wildcards_and_ports() {
        let list = "corp.io, .below.io,*.star.io,10.0.0.0/8,192.168.1.7,port.io:5000,[fd00::1]:443,fd01::/16,::/x,*x";
        let exceptions = NoProxy::parse(list);
        for (url, covered) in [
            ("https://corp.io/", true),
            ("https://R.Corp.io:5000/", true),
            ("https://notcorp.io/", false),
            ("https://below.io/", false),
            ("https://r.below.io./", true),
            ("https://r.star.io/", true),
            ("https://star.io/", false),
            ("https://10.200.0.1/", true),
            ("https://11.0.0.1/", false),
            ("https://192.168.1.7:5000/", true),
            ("https://192.168.1.8/", false),
            ("https://port.io:5000/", true),
            ("https://port.io/", false),
            ("https://[fd00::1]/", true),
            ("https://[fd00::1]:5000/", false),
            ("https://[fd01::2]/", true),
            ("https://[fd02::2]/", false),
            ("http://localhost:5000/", true),
            ("http://127.0.0.9/", true),
            ("http://[::1]:5000/", true),
        ] {
            assert_eq!(exceptions.covers(&url.parse().unwrap()), covered, "{url}");
        }
        assert!(NoProxy::parse("a.io,*").covers(&"https://b.io/".parse().unwrap()));
        assert!(!NoProxy::parse("").covers(&"https://b.io/".parse().unwrap()));
        assert!(NoProxy::parse("0.0.0.0/0").covers(&"https://8.8.8.8/".parse().unwrap()));
    }
}
