//! Reads a blob, hashing it on the way. Spec: distribution-spec, end-2.

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode};

use crate::digest::Verifier;
use crate::http::failure::{stalled, transport_error};
use crate::http::stall::FIRST_BYTE_TIMEOUT;
use crate::{Digest, Error, Repository};

/// The bytes of a blob, piece by piece. The last piece is given only when all of them have the right digest,
/// so whoever passes on what it gets never completes a wrong blob.
pub struct BlobReader {
    response: reqwest::Response,
    verifier: Option<Verifier>,
    held: Option<Bytes>,
}

impl Repository {
    /// Whether the blob is here.
    pub async fn has_blob(&self, digest: &Digest) -> Result<bool, Error> {
        let call = self.call(Method::HEAD, &format!("blobs/{digest}")).await?;
        let response = self.registry().send(&call).await?;
        match response.status() {
            StatusCode::OK => Ok(true),
            // Some registries know no HEAD for blobs: then nothing is known.
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::BAD_REQUEST => Ok(false),
            _ => Err(crate::client::unexpected(&call, response).await),
        }
    }

    /// Begins to read a blob; `size` in bytes is what the descriptor promises.
    pub async fn pull_blob(&self, digest: &Digest, size: Option<u64>) -> Result<BlobReader, Error> {
        let call = self.call(Method::GET, &format!("blobs/{digest}")).await?;
        // A proxy that compresses on the way would change the bytes.
        let call = call.header(http::header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let response = self.registry().expect(&call, &[StatusCode::OK]).await?;
        Ok(BlobReader::new(response, digest, size))
    }
}

impl BlobReader {
    pub(super) fn new(response: reqwest::Response, digest: &Digest, size: Option<u64>) -> Self {
        let verifier = Some(Verifier::new(digest.clone(), size));
        Self { response, verifier, held: None }
    }

    /// The length that the registry announces, in bytes: only a hint.
    pub fn announced_length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// The next piece; `None` after the last one.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let Some(verifier) = &mut self.verifier else { return Ok(None) };
            let url = self.response.url().clone();
            let piece = tokio::time::timeout(FIRST_BYTE_TIMEOUT, self.response.chunk())
                .await
                .map_err(|_| stalled(&Method::GET, &url))?
                .map_err(|error| transport_error(&Method::GET, &url, error))?;
            let Some(piece) = piece else {
                self.verifier.take().map_or(Ok(()), Verifier::finish)?;
                return Ok(self.held.take());
            };
            verifier.update(&piece)?;
            if let Some(previous) = self.held.replace(piece) {
                return Ok(Some(previous));
            }
        }
    }
}
