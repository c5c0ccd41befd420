//! HTTP as Alibaba Cloud's services want it: no redirects, bounded answers, and no URL in any error.

use std::sync::Arc;
use std::time::Duration;

use registry::{Proxies, Transport};
use reqwest::{Client, IntoUrl, Method, RequestBuilder, Response};

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
    services: Client,
    /// For addresses that no proxy knows.
    direct: Client,
}

/// A status and a whole body.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Http {
    /// The clients of `transport`: they introduce themselves and go through proxies as all others do.
    ///
    /// # Errors
    /// A system without certificates.
    pub fn new(transport: &Transport) -> Result<Self, Error> {
        let client = |transport: &Transport| {
            transport.verified_client().map_err(|error| Error::Setup { source: Arc::new(error) })
        };
        Ok(Self { services: client(transport)?, direct: client(&transport.through(&Proxies::none()))? })
    }

    /// A request to one of the cloud's services.
    pub(super) fn service(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        self.services.request(method, url).timeout(TIMEOUT)
    }

    /// A request to the metadata server of the machine that this runs on.
    pub(super) fn metadata(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        self.direct.request(method, url).timeout(METADATA_TIMEOUT)
    }
}

/// Sends a request and reads the answer. `action` and `host` are for the error.
pub(super) async fn send(request: RequestBuilder, action: &str, host: &str) -> Result<Answer, Error> {
    let response = request.send().await.map_err(|error| network(error, action, host))?;
    read(response, action, host).await
}

pub(super) fn network(error: reqwest::Error, action: &str, host: &str) -> Error {
    Error::Network { action: action.to_owned(), host: host.to_owned(), source: Arc::new(error.without_url()) }
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
