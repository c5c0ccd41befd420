//! HEAD, GET and PUT of manifests. Spec: distribution-spec, end-3 and end-7.

use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::error::Problem;
use crate::http::body::read_to_limit;
use crate::http::limit::RequestKind;
use crate::manifest::{ManifestError, RawManifest};
use crate::{Digest, Error, ErrorKind, MediaType, Repository, TagOrDigest, media_type};

/// Largest manifest that we read. The spec asks registries to take 4 MiB at least; twice that keeps a
/// hostile source from filling memory.
const LARGEST_MANIFEST: u64 = 8 << 20;

impl Repository {
    /// What `reference` points at now; `None` if it is not there.
    ///
    /// HEAD, which registries do not count as a pull; GET where HEAD does not tell the digest.
    pub async fn resolve(&self, reference: &TagOrDigest) -> Result<Option<Digest>, Error> {
        let call = self.manifest_call(Method::HEAD, reference).await?;
        let response = self.registry().send(&call).await?;
        match response.status() {
            StatusCode::NOT_FOUND => return Ok(None),
            StatusCode::OK => {
                // Some answer for manifests that are not really there: without a length.
                let is_empty = response.headers().get(CONTENT_LENGTH).is_some_and(|length| length == "0");
                if let Some(digest) = content_digest(response.headers()).filter(|_| !is_empty) {
                    return Ok(Some(digest));
                }
            }
            StatusCode::METHOD_NOT_ALLOWED => {}
            _ => return Err(crate::client::unexpected(&call, response).await),
        }
        match self.pull_manifest(reference).await {
            Ok(manifest) => Ok(Some(manifest.digest)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The manifest, verbatim and checked against its digest.
    pub async fn pull_manifest(&self, reference: &TagOrDigest) -> Result<RawManifest, Error> {
        let call = self.manifest_call(Method::GET, reference).await?;
        let response = self.registry().expect(&call, &[StatusCode::OK]).await?;
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = MediaType::new(content_type.unwrap_or_default());
        let told = content_digest(response.headers());
        let bytes = read_to_limit(&Method::GET, response, LARGEST_MANIFEST).await?;
        let expected = match reference {
            TagOrDigest::Digest(digest) => Some(digest.clone()),
            TagOrDigest::Tag(_) => told,
        };
        let manifest = RawManifest::from_answer(&content_type, bytes.clone(), expected.as_ref())
            .map_err(|source| Error::Manifest { digest: Digest::sha256(&bytes), source })?;
        check_digest(&manifest, expected)?;
        Ok(manifest)
    }

    /// Stores the manifest under `reference`. All that it refers to has to be there before.
    pub async fn push_manifest(&self, reference: &TagOrDigest, manifest: &RawManifest) -> Result<(), Error> {
        let media_type =
            HeaderValue::from_str(manifest.media_type.as_str()).map_err(|_| Error::Manifest {
                digest: manifest.digest.clone(),
                source: ManifestError::UnknownType { header: manifest.media_type.clone() },
            })?;
        let call = self.call(Method::PUT, &format!("manifests/{reference}")).await?;
        let call = call.header(CONTENT_TYPE, media_type).body(manifest.bytes.clone());
        let call = call.kind(RequestKind::Commit);
        let expected = [StatusCode::CREATED, StatusCode::OK, StatusCode::ACCEPTED, StatusCode::NO_CONTENT];
        let response = self.registry().expect(&call, &expected).await?;
        match content_digest(response.headers()) {
            Some(stored) if stored != manifest.digest => {
                let expected = manifest.digest.clone();
                Err(call.protocol(Problem::StoredOther { expected, actual: stored.to_string() }))
            }
            _ => Ok(()),
        }
    }

    async fn manifest_call(
        &self,
        method: Method,
        reference: &TagOrDigest,
    ) -> Result<crate::client::Call, Error> {
        let call = self.call(method, &format!("manifests/{reference}")).await?;
        Ok(call.header(ACCEPT, HeaderValue::from_static(media_type::ACCEPT)))
    }
}

fn check_digest(manifest: &RawManifest, expected: Option<Digest>) -> Result<(), Error> {
    match expected {
        Some(expected) if expected != manifest.digest => {
            let source = ManifestError::NotAsNamed { expected };
            Err(Error::Manifest { digest: manifest.digest.clone(), source })
        }
        _ => Ok(()),
    }
}

/// The digest that the registry tells; one that we cannot read is as good as none.
fn content_digest(headers: &HeaderMap) -> Option<Digest> {
    headers.get("docker-content-digest")?.to_str().ok()?.parse().ok()
}
