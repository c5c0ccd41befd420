//! Asks for a blob without reading it. Spec: distribution-spec, end-2.

use http::{Method, StatusCode};
use oci::Digest;

use super::part::told_length;
use crate::{Error, Repository};

/// A blob that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundBlob {
    /// Its bytes, where the answer tells how many there are.
    pub length: Option<u64>,
}

impl Repository {
    /// Whether the blob is here.
    pub async fn has_blob(&self, digest: &Digest) -> Result<bool, Error> {
        Ok(self.find_blob(digest).await?.is_some())
    }

    /// What the registry tells of a blob without giving it; `None` if it is not here.
    pub async fn find_blob(&self, digest: &Digest) -> Result<Option<FoundBlob>, Error> {
        let call = self.call(Method::HEAD, &format!("blobs/{digest}")).await?;
        let response = self.registry().send(&call).await?;
        match response.status() {
            StatusCode::OK => Ok(Some(FoundBlob { length: told_length(response.headers()) })),
            // Some registries know no HEAD for blobs: then nothing is known.
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::BAD_REQUEST => Ok(None),
            _ => Err(crate::client::unexpected(&call, response).await),
        }
    }
}
