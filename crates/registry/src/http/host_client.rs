//! A client for APIs beside the distribution protocol: Harbor's API, clouds' APIs, metadata servers and
//! token servers. Answers are small and are read whole; requests use the same proxies and user agent as
//! those to registries.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use reqwest::{Client, Response};
use url::Url;

use super::body::{foreign_encoding, read_to_limit};
use super::failure::{stalled, transport_error};
use super::redirect::Rule;
use super::refusal::MOST_BYTES;
use super::sharers::Sharers;
use super::traffic::TrafficMeter;
use super::walk::Walk;
use crate::error::{Problem, Refusal};
use crate::proven::Proven;
use crate::{Error, RedactedUrl};

/// The time limit if the request sets none.
const USUAL_TIME: Duration = Duration::from_secs(30);
/// The limit for an answer's bytes if the request sets none.
const USUAL_SIZE: u64 = 8 << 20;

/// Sends requests to one host and reads their answers. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct HostClient {
    client: Client,
    meter: TrafficMeter,
    sharers: Sharers,
}

/// A request with the limits of its answer. It has no printed form: headers and body may be secrets.
#[derive(Clone)]
pub struct HostRequest {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Bytes>,
    follow: Follow,
    within: Duration,
    most_bytes: u64,
}

/// Which redirects are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// None: a redirect is the answer.
    Nowhere,
    /// Those of reads to the same server, which may get the request's login, or from there to its TLS. All others
    /// are errors.
    SameHost,
}

/// An answer with its whole body, whatever its status.
#[derive(Clone, Debug)]
pub struct HostAnswer {
    /// The request's method.
    pub method: Method,
    /// The answer's URL, after all redirects.
    pub url: Url,
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; for a refusal only if it is short enough to be an explanation.
    pub body: Bytes,
}

impl Follow {
    fn rule(self) -> Rule<'static> {
        match self {
            Self::Nowhere => Rule::Nowhere,
            Self::SameHost => Rule::SameServer,
        }
    }
}

impl HostRequest {
    /// A request without headers and body, which follows no redirects and reads up to 8 MiB within 30 s.
    pub fn new(method: Method, url: Url) -> Self {
        let (headers, body, follow) = (HeaderMap::new(), None, Follow::Nowhere);
        Self { method, url, headers, body, follow, within: USUAL_TIME, most_bytes: USUAL_SIZE }
    }

    /// Adds a header. Secrets should be [sensitive](HeaderValue::set_sensitive).
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Sends this body, too; for an empty one, `Content-Length` is 0.
    #[must_use]
    pub fn body(self, body: impl Into<Bytes>) -> Self {
        Self { body: Some(body.into()), ..self }
    }

    /// Sets which redirects are followed.
    #[must_use]
    pub fn follow(self, follow: Follow) -> Self {
        Self { follow, ..self }
    }

    /// Sets how long it may take until the answer was read, redirects included.
    #[must_use]
    pub fn within(self, within: Duration) -> Self {
        Self { within, ..self }
    }

    /// Sets how many bytes the answer may have.
    #[must_use]
    pub fn up_to(self, most_bytes: u64) -> Self {
        Self { most_bytes, ..self }
    }
}

impl HostClient {
    /// Requests count in `meter`.
    pub(crate) fn new(client: Client, meter: TrafficMeter, sharers: Sharers) -> Self {
        Self { client, meter, sharers }
    }

    /// How many processes share the limits that apply to all of them together (`Transport::share_among`).
    pub fn sharers(&self) -> usize {
        self.sharers.number()
    }

    /// Sends a request and reads the answer.
    ///
    /// # Errors
    /// No answer came in time, it broke off, it is longer than the request allows or compressed, or it is a redirect
    /// that is not followed.
    pub async fn ask(&self, request: &HostRequest) -> Result<HostAnswer, Error> {
        let answer = tokio::time::timeout(request.within, self.follow(request)).await;
        answer.unwrap_or_else(|_| Err(stalled(&request.method, &request.url)))
    }

    async fn follow(&self, request: &HostRequest) -> Result<HostAnswer, Error> {
        let mut walk = Walk::begin(request.follow.rule(), &request.method, request.url.clone());
        loop {
            let response = self.send(request, walk.url()).await?;
            if !walk.goes_on((response.status(), response.headers()))? {
                return read(request, response).await;
            }
        }
    }

    async fn send(&self, request: &HostRequest, url: &Url) -> Result<Response, Error> {
        let mut sent =
            self.client.request(request.method.clone(), url.clone()).headers(request.headers.clone());
        if let Some(body) = &request.body {
            sent = sent.body(body.clone());
        }
        self.meter.send(sent).await.map_err(|error| transport_error(&request.method, url, error))
    }
}

async fn read(request: &HostRequest, response: Response) -> Result<HostAnswer, Error> {
    let method = request.method.clone();
    let (url, status, headers) = (response.url().clone(), response.status(), response.headers().clone());
    let body = if status.is_success() {
        if let Some(encoding) = foreign_encoding(&headers) {
            return Err(problem(&method, &url, Problem::Encoding(encoding)));
        }
        read_to_limit(&method, response, request.most_bytes).await?
    } else {
        // A body that cannot be read must not hide the status.
        read_to_limit(&method, response, request.most_bytes.min(MOST_BYTES)).await.unwrap_or_default()
    };
    Ok(HostAnswer { method, url, status, headers, body })
}

fn problem(method: &Method, url: &Url, problem: Problem) -> Error {
    let proven = Proven::default();
    Error::Protocol { method: method.clone(), url: RedactedUrl::from(url), problem, proven }
}

impl HostAnswer {
    /// The refusal in an answer with an unexpected status.
    pub fn refusal(&self) -> Refusal {
        Refusal::of_body(&self.method, RedactedUrl::from(&self.url), self.status, &self.headers, &self.body)
    }

    /// The error of an answer that makes no sense.
    pub fn broken(&self, what: Problem) -> Error {
        problem(&self.method, &self.url, what)
    }
}
