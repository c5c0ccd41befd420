//! Layers that may not be kept in registries, from the address that their manifest names.
//!
//! The address is the image's author's word: only https, only public addresses, never a login.

use std::net::SocketAddr;

use http::{Method, StatusCode};
use url::{Host, Url};

use super::BlobReader;
use crate::error::Problem;
use crate::http::failure::in_time;
use crate::http::network::Network;
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
            let request = client.get(url.clone()).send();
            let response = in_time((&Method::GET, &url), FIRST_BYTE_TIMEOUT, request).await?;
            match response.status() {
                StatusCode::OK => return Ok(BlobReader::of_answer(response, digest, size)),
                status => match redirect::target(&Method::GET, &url, status, response.headers())? {
                    Some(next) => url = next,
                    None => return Err(crate::http::refusal::refusal(&Method::GET, response).await),
                },
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
    match addresses.iter().find(|address| Network::of(address.ip()) != Network::Public) {
        None if addresses.is_empty() => Err("its host is not known"),
        None => Ok(addresses),
        Some(_) => Err("it leads into a private network"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
