//! HTTP as Alibaba Cloud's services want it: no redirects, bounded answers, and no URL in any error.

use std::time::Duration;

use registry::Proxies;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};

use super::error::Error;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The metadata server is next door, or not there.
const METADATA_TIMEOUT: Duration = Duration::from_secs(1);
/// No answer of these services is nearly as long, in bytes.
const LONGEST_ANSWER: usize = 8 << 20;

/// The clients that all calls share.
#[derive(Clone, Debug)]
pub struct Http {
    pub(super) services: Client,
    /// For addresses that no proxy knows.
    pub(super) metadata: Client,
}

/// A status and a whole body.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Http {
    /// Sets up clients that go through `proxies`.
    ///
    /// # Errors
    /// A system without certificates.
    pub fn new(proxies: &Proxies) -> Result<Self, Error> {
        let mut services = Client::builder().timeout(TIMEOUT).redirect(Policy::none()).no_proxy();
        if let Some(proxy) = proxies.build() {
            services = services.proxy(proxy);
        }
        let metadata = Client::builder()
            .connect_timeout(METADATA_TIMEOUT)
            .timeout(METADATA_TIMEOUT)
            .redirect(Policy::none())
            .no_proxy();
        let build = |builder: reqwest::ClientBuilder| {
            builder.build().map_err(|error| Error::Setup { source: Box::new(error) })
        };
        Ok(Self { services: build(services)?, metadata: build(metadata)? })
    }
}

/// Sends a request and reads the answer. `action` and `host` are for the error.
pub(super) async fn send(request: RequestBuilder, action: &str, host: &str) -> Result<Answer, Error> {
    let response = request.send().await.map_err(|error| network(error, action, host))?;
    read(response, action, host).await
}

pub(super) fn network(error: reqwest::Error, action: &str, host: &str) -> Error {
    Error::Network { action: action.to_owned(), host: host.to_owned(), source: error.without_url() }
}

async fn read(mut response: Response, action: &str, host: &str) -> Result<Answer, Error> {
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| network(error, action, host))? {
        if body.len() + piece.len() > LONGEST_ANSWER {
            return Err(Error::answer(action, host, "it is longer than 8 MiB"));
        }
        body.extend_from_slice(&piece);
    }
    Ok(Answer { status, body })
}
