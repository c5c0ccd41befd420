//! Sends a blob into an upload session. Spec: distribution-spec, end-5 and end-6.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use url::Url;

use super::mount::location;
use crate::client::{Call, unexpected};
use crate::error::Problem;
use crate::http::stall::Progress;
use crate::{Digest, Error, Repository};

/// Up to here a blob goes in one PUT; above, in one PATCH that could be resumed, closed by a PUT. In bytes.
const LARGEST_PUT: u64 = 16 << 20;

/// The bytes of a blob on their way to a registry. An error in it breaks the upload off.
pub type BlobBody = Pin<Box<dyn Stream<Item = Result<Bytes, BrokenOff>> + Send>>;

/// The bytes of an upload do not come to an end: what was sent must not be kept.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the upload was broken off")]
pub struct BrokenOff;

/// An upload that the registry has opened. It costs the registry nothing if it is never used.
#[derive(Clone)]
pub struct UploadSession {
    repository: Repository,
    location: Url,
}

impl UploadSession {
    pub(super) fn new(repository: Repository, location: Url) -> Self {
        Self { repository, location }
    }

    /// Sends the whole blob and closes the session. `size` in bytes; without it the body goes in pieces of
    /// unknown number.
    pub async fn send(self, digest: &Digest, size: Option<u64>, body: BlobBody) -> Result<(), Error> {
        let progress = Progress::default();
        let session = self.clone();
        let sent = match size {
            Some(size) if size <= LARGEST_PUT => self.put(digest, size, body, &progress).await,
            _ => match self.patch(size, body, &progress).await {
                Ok(session) => session.close(digest).await,
                Err(error) => Err(error),
            },
        };
        if progress.is_broken_off() {
            // The registry is well and would keep for days what it has of a blob that will not be finished.
            session.cancel().await;
        }
        sent
    }

    /// Tells the registry to forget the session. Its answer does not matter.
    pub async fn cancel(self) {
        let call = self.call(Method::DELETE, self.location.clone());
        let _ = self.repository.registry().send(&call).await;
    }

    async fn put(self, digest: &Digest, size: u64, body: BlobBody, progress: &Progress) -> Result<(), Error> {
        let call = self.call(Method::PUT, with_digest(&self.location, digest));
        let (call, response) = self.stream(call, Some(size), body, progress).await?;
        committed(&call, response, digest).await
    }

    async fn patch(self, size: Option<u64>, body: BlobBody, progress: &Progress) -> Result<Self, Error> {
        let call = self.call(Method::PATCH, self.location.clone());
        let (call, response) = self.stream(call, size, body, progress).await?;
        match response.status() {
            StatusCode::ACCEPTED | StatusCode::NO_CONTENT | StatusCode::OK | StatusCode::CREATED => {
                // Each answer names the place of the next request.
                let location = location(&call, response.headers())?;
                Ok(Self { location, ..self })
            }
            _ => Err(unexpected(&call, response).await),
        }
    }

    async fn close(self, digest: &Digest) -> Result<(), Error> {
        let call = self.call(Method::PUT, with_digest(&self.location, digest));
        let call = call.header(CONTENT_LENGTH, HeaderValue::from_static("0"));
        let response = self.repository.registry().send(&call).await?;
        committed(&call, response, digest).await
    }

    async fn stream(
        &self,
        call: Call,
        size: Option<u64>,
        body: BlobBody,
        progress: &Progress,
    ) -> Result<(Call, reqwest::Response), Error> {
        let mut call = call.header(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        if let Some(size) = size {
            call = call.header(CONTENT_LENGTH, HeaderValue::from(size));
        }
        let body = reqwest::Body::wrap_stream(Watched { body, progress: progress.clone() });
        let response = self.repository.registry().send_stream(&call, body, progress).await?;
        Ok((call, response))
    }

    fn call(&self, method: Method, url: Url) -> Call {
        Call::new(method, url, self.repository.scopes())
    }
}

/// Adds `digest` to a location whose own query must stay byte for byte: it is the session's state.
fn with_digest(location: &Url, digest: &Digest) -> Url {
    let mut url = location.clone();
    let query = match location.query() {
        Some(query) if !query.is_empty() => format!("{query}&digest={digest}"),
        _ => format!("digest={digest}"),
    };
    url.set_query(Some(&query));
    url
}

async fn committed(call: &Call, response: reqwest::Response, digest: &Digest) -> Result<(), Error> {
    match response.status() {
        StatusCode::CREATED | StatusCode::OK | StatusCode::NO_CONTENT => {}
        _ => return Err(unexpected(call, response).await),
    }
    let stored = response.headers().get("docker-content-digest").and_then(|value| value.to_str().ok());
    match stored.and_then(|stored| stored.parse::<Digest>().ok()) {
        // A registry may name what it stored by another algorithm; that is no contradiction.
        Some(stored) if stored.algorithm() == digest.algorithm() && stored != *digest => {
            let problem = Problem::StoredOther { expected: digest.clone(), actual: stored.to_string() };
            Err(call.protocol(problem))
        }
        _ => Ok(()),
    }
}

/// Tells the watch of the upload what went by.
struct Watched {
    body: BlobBody,
    progress: Progress,
}

impl Stream for Watched {
    type Item = Result<Bytes, BrokenOff>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.body.as_mut().poll_next(context);
        match &polled {
            Poll::Ready(Some(Ok(_))) => self.progress.moved(),
            Poll::Ready(Some(Err(_))) => self.progress.break_off(),
            Poll::Ready(None) => self.progress.complete(),
            Poll::Pending => {}
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c32_the_sessions_query_is_kept() {
        let digest = Digest::sha256(b"");
        let url = |text: &str| with_digest(&text.parse().unwrap(), &digest).to_string();
        assert_eq!(
            url("https://r.io/u/1?_state=a%3D%3D&b"),
            format!("https://r.io/u/1?_state=a%3D%3D&b&digest={digest}")
        );
        assert_eq!(url("https://r.io/u/1"), format!("https://r.io/u/1?digest={digest}"));
    }
}
