//! Layers that registries may not store, from the address in their manifest.
//!
//! The image's author chose the address: only https, only public addresses, never a login.

use http::{Method, StatusCode};
use oci::Digest;
use url::Url;

use super::BlobReader;
use crate::error::Problem;
use crate::http::failure::in_time;
use crate::http::network::Network;
use crate::http::redirect::Rule;
use crate::http::refusal::refusal;
use crate::http::walk::Walk;
use crate::proven::Proven;
use crate::{Error, RedactedUrl, Registry};

impl Registry {
    /// Begins to read a blob from `address` instead of from this registry.
    ///
    /// # Errors
    /// The address is not allowed; or as of any request.
    pub async fn pull_external(
        &self,
        address: &str,
        digest: &Digest,
        size: Option<u64>,
    ) -> Result<BlobReader, Error> {
        let protocol = |url: RedactedUrl, problem| {
            let (method, proven) = (Method::GET, Proven::default());
            Error::Protocol { method, url, problem, proven }
        };
        let url = Url::parse(address)
            .map_err(|_| protocol(RedactedUrl::unreadable(), Problem::External("it is no address")))?;
        let mut walk = Walk::begin(Rule::Author, &Method::GET, url);
        loop {
            let url = walk.url();
            judge(url).map_err(|why| protocol(url.into(), Problem::External(why)))?;
            let request = self.traffic_meter().send(self.author_client(url)?.get(url.clone()));
            let response = in_time((&Method::GET, url), self.patience().answer, request).await?;
            if response.status() == StatusCode::OK {
                return Ok(BlobReader::of_answer(response, digest, size));
            }
            if !walk.goes_on((response.status(), response.headers()))? {
                return Err(refusal(&Method::GET, response).await);
            }
        }
    }
}

/// Checks an address before its name is resolved, which a proxy may have to do.
fn judge(url: &Url) -> Result<(), &'static str> {
    if url.scheme() != "https" {
        return Err("it is not https");
    }
    match Network::of_literal(url) {
        None | Some(Network::Public) => Ok(()),
        Some(_) => Err("it leads into a private network"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c15_only_https_and_only_public_addresses() {
        let judge = |text: &str| judge(&Url::parse(text).unwrap());
        assert_eq!(judge("http://1.1.1.1/layer"), Err("it is not https"));
        assert_eq!(judge("https://169.254.169.254/latest"), Err("it leads into a private network"));
        assert_eq!(judge("https://[::1]/layer"), Err("it leads into a private network"));
        assert!(judge("https://1.1.1.1/layer").is_ok());
        // Names are checked when they are resolved.
        assert!(judge("https://localhost/layer").is_ok());
    }
}
