//! Layers that may not be kept in registries, from the address that their manifest names.
//!
//! The address is the image's author's word: only https, only public addresses, never a login.

use http::{Method, StatusCode};
use url::Url;

use super::BlobReader;
use crate::error::{NotFollowed, Problem};
use crate::http::destination::LeavingTls;
use crate::http::failure::in_time;
use crate::http::network::Network;
use crate::http::redirect;
use crate::http::stall::FIRST_BYTE_TIMEOUT;
use crate::{Digest, Error, RedactedUrl, Registry};

/// Redirects that are followed; each is checked like the first address.
const MOST_HOPS: usize = 5;

impl Registry {
    /// Begins to read a blob from `address` instead of from this registry.
    ///
    /// # Errors
    /// The address is not one that we go to; or as of any request.
    pub async fn pull_external(
        &self,
        address: &str,
        digest: &Digest,
        size: Option<u64>,
    ) -> Result<BlobReader, Error> {
        let protocol = |url: RedactedUrl, problem| Error::Protocol { method: Method::GET, url, problem };
        let mut url = Url::parse(address)
            .map_err(|_| protocol(RedactedUrl::unreadable(), Problem::External("it is no address")))?;
        for _ in 0..MOST_HOPS {
            judge(&url).map_err(|why| protocol((&url).into(), Problem::External(why)))?;
            let request = self.traffic_meter().send(self.author_client(&url)?.get(url.clone()));
            let response = in_time((&Method::GET, &url), FIRST_BYTE_TIMEOUT, request).await?;
            if response.status() == StatusCode::OK {
                return Ok(BlobReader::of_answer(response, digest, size));
            }
            let answer = (response.status(), response.headers());
            match redirect::target((&Method::GET, &url), answer, LeavingTls::Refused)? {
                Some(next) => url = next,
                None => return Err(crate::http::refusal::refusal(&Method::GET, response).await),
            }
        }
        let (to, why) = (RedactedUrl::from(&url), NotFollowed::TooMany);
        Err(protocol((&url).into(), Problem::Redirect { to, why }))
    }
}

/// What can be seen of an address before its name is resolved, which a proxy may have to do.
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
        // Names are judged where they are resolved.
        assert!(judge("https://localhost/layer").is_ok());
    }
}
