//! Layers that may not be kept in registries, from the address that their manifest names.
//!
//! The address is the image's author's word: only https, only public addresses, never a login.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderValue, Method, StatusCode};
use url::{Host, Url};

use super::BlobReader;
use crate::error::Problem;
use crate::http::failure::{stalled, transport_error};
use crate::http::redirect;
use crate::http::stall::FIRST_BYTE_TIMEOUT;
use crate::{Digest, Error, RedactedUrl, Registry};

/// Redirects that are followed; each is checked like the first address.
const MOST_HOPS: usize = 5;

impl Registry {
    /// Begins to read a blob from `address` instead of from this registry.
    pub async fn pull_external(
        &self,
        address: &str,
        digest: &Digest,
        size: Option<u64>,
    ) -> Result<BlobReader, Error> {
        let refused = |url: &str, problem| Error::Protocol {
            method: Method::GET,
            url: Url::parse(url).map_or_else(|_| RedactedUrl::unreadable(), |url| (&url).into()),
            problem,
        };
        let mut url =
            Url::parse(address).map_err(|_| refused(address, Problem::External("it is no address")))?;
        for _ in 0..MOST_HOPS {
            let addresses =
                public_addresses(&url).await.map_err(|why| refused(url.as_str(), Problem::External(why)))?;
            let client = self.transport().external_client(url.host_str().unwrap_or_default(), &addresses)?;
            let request = client
                .get(url.clone())
                .header(http::header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            let response = tokio::time::timeout(FIRST_BYTE_TIMEOUT, request.send())
                .await
                .map_err(|_| stalled(&Method::GET, &url))?
                .map_err(|error| transport_error(&Method::GET, &url, error))?;
            match response.status() {
                StatusCode::OK => return Ok(BlobReader::of_answer(response, digest, size)),
                status if status.is_redirection() => {
                    url = redirect::target(&Method::GET, &url, response.headers())?;
                }
                _ => return Err(crate::http::refusal::refusal(&Method::GET, response).await),
            }
        }
        Err(refused(url.as_str(), Problem::External("it redirects too often")))
    }
}

/// Where `url` leads, if that is a public place.
async fn public_addresses(url: &Url) -> Result<Vec<SocketAddr>, &'static str> {
    if url.scheme() != "https" {
        return Err("it is not https");
    }
    let port = url.port_or_known_default().unwrap_or(443);
    let addresses: Vec<SocketAddr> = match url.host() {
        Some(Host::Domain(name)) => {
            tokio::net::lookup_host((name, port)).await.map_err(|_| "its host is not known")?.collect()
        }
        Some(Host::Ipv4(address)) => vec![(address, port).into()],
        Some(Host::Ipv6(address)) => vec![(address, port).into()],
        None => Vec::new(),
    };
    match addresses.iter().find(|address| !is_public(address.ip())) {
        None if addresses.is_empty() => Err("its host is not known"),
        None => Ok(addresses),
        Some(_) => Err("it leads into a private network"),
    }
}

/// Whether an address belongs to the public network. `IpAddr::is_global` is not stable yet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, third, _] = address.octets();
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_broadcast()
                || address.is_documentation()
                || address.is_multicast()
                || first == 0
                || first >= 240
                || (first == 100 && (64..128).contains(&second))
                || (first == 198 && (18..20).contains(&second))
                || (first == 192 && second == 0 && third == 0))
        }
        IpAddr::V6(address) => {
            if let Some(mapped) = address.to_ipv4_mapped() {
                return is_public(mapped.into());
            }
            let [first, second, ..] = address.segments();
            // Only 2000::/3 is given out; 2001:db8::/32 is for documents, 2002::/16 carries IPv4 addresses.
            first & 0xe000 == 0x2000 && first != 0x2002 && !(first == 0x2001 && second == 0x0db8)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c15_only_public_addresses() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.0.1",
            "169.254.169.254",
            "100.100.100.200",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "::ffff:10.0.0.1",
            "2001:db8::1",
            "2002:7f00:1::",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in ["1.1.1.1", "8.8.8.8", "100.128.0.1", "2606:4700::1111", "::ffff:1.1.1.1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[tokio::test]
    async fn c15_only_https() {
        let judge = async |text: &str| public_addresses(&Url::parse(text).unwrap()).await;
        assert_eq!(judge("http://1.1.1.1/layer").await, Err("it is not https"));
        assert_eq!(judge("https://169.254.169.254/latest").await, Err("it leads into a private network"));
        assert_eq!(judge("https://[::1]/layer").await, Err("it leads into a private network"));
        assert_eq!(judge("https://localhost/layer").await, Err("it leads into a private network"));
        assert!(judge("https://1.1.1.1/layer").await.is_ok());
    }
}
