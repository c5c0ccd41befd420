//! Asks for a blob without reading it. Spec: distribution-spec, end-2.

use http::{Method, StatusCode};
use oci::Digest;

use super::part::told_length;
use crate::{Error, Repository};

/// A blob that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundBlob {
    /// Its size in bytes, if the answer states it.
    pub length: Option<u64>,
}

impl Repository {
    /// Whether the repository has the blob.
    pub async fn has_blob(&self, digest: &Digest) -> Result<bool, Error> {
        Ok(self.find_blob(digest).await?.is_some())
    }

    /// The registry's answer to HEAD for a blob; `None` if the repository does not have it.
    pub async fn find_blob(&self, digest: &Digest) -> Result<Option<FoundBlob>, Error> {
        let call = self.call(Method::HEAD, &format!("blobs/{digest}")).await?;
        let response = self.registry().send(&call).await?;
        match response.status() {
            StatusCode::OK => Ok(Some(FoundBlob { length: told_length(response.headers()) })),
            // Some registries do not support HEAD for blobs: then nothing is known.
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::BAD_REQUEST => Ok(None),
            _ => Err(crate::client::unexpected(&call, response).await),
        }
    }
}
