//! HEAD and GET of manifests. Spec: distribution-spec, end-3.

mod delete;
mod head;
mod push;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use oci::{Algorithm, Digest, ErrorKind, MediaType, RawManifest, TagOrDigest, media_type};

use crate::client::{Answered, Call, Party};
use crate::http::body::{foreign_encoding, read_to_limit};
use crate::learned::Ability;
use crate::{Error, Problem, Repository};

use head::Head;

pub use delete::Deletion;
pub use push::{Pushed, SubjectIndexed};

/// The largest manifest that is read without another limit. The spec asks registries to take at least 4 MiB;
/// twice that keeps a hostile source from filling memory.
pub(crate) const LARGEST_MANIFEST: u64 = 8 << 20;

impl Repository {
    /// The digest that `reference` points to now; `None` if it does not exist.
    ///
    /// Uses HEAD, which registries do not count as a pull; GET if HEAD does not return the digest. A registry whose
    /// HEAD is useless gets no more HEAD.
    pub async fn resolve(&self, reference: &TagOrDigest) -> Result<Option<Digest>, Error> {
        let learned = self.registry().learned();
        let (head, party) = match learned.head() {
            Ability::Absent => (Head::Silent, Party::Registry),
            _ => self.head(reference).await?,
        };
        // If the registry redirects to another server, that server's answer to HEAD says nothing about the registry.
        let note = |seen| {
            if party == Party::Registry {
                learned.note_head(seen);
            }
        };
        match head {
            Head::Found(digest) => {
                note(Ability::Works);
                return Ok(Some(digest));
            }
            Head::NotThere => return Ok(None),
            Head::Silent => note(Ability::Absent),
            Head::Doubtful | Head::Contradicts => {}
        }
        let found = match self.pull_manifest(reference).await {
            Ok(manifest) => Some(manifest.digest().clone()),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if head == Head::Doubtful {
            note(if found.is_some() { Ability::Absent } else { Ability::Works });
        }
        Ok(found)
    }

    async fn head(&self, reference: &TagOrDigest) -> Result<(Head, Party), Error> {
        let call = self.manifest_call(Method::HEAD, reference).await?;
        let response = self.registry().send(&call).await?;
        let told = content_digest(response.headers());
        match head::judge(
            response.status(),
            response.headers(),
            reference,
            told,
            self.registry().learned().head(),
        ) {
            Some(head) => Ok((head, Answered::of(&response).by)),
            None => Err(crate::client::unexpected(&call, response).await),
        }
    }

    /// The manifest, verbatim and checked against its digest.
    pub async fn pull_manifest(&self, reference: &TagOrDigest) -> Result<RawManifest, Error> {
        let call = self.manifest_call(Method::GET, reference).await?;
        let response = self.registry().expect(&call, &[StatusCode::OK]).await?;
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = MediaType::new(content_type.unwrap_or_default());
        let told = content_digest(response.headers());
        let encoding = foreign_encoding(response.headers());
        let bytes = read_to_limit(&Method::GET, response, LARGEST_MANIFEST).await?;
        let expected = match reference {
            TagOrDigest::Digest(digest) => Some(digest.clone()),
            TagOrDigest::Tag(_) => told,
        };
        let algorithm = expected.as_ref().map_or(Algorithm::Sha256, Digest::algorithm);
        RawManifest::from_answer(&content_type, bytes.clone(), expected.as_ref()).map_err(|source| {
            match encoding {
                // Bytes with the right digest are right, whatever the header says.
                Some(encoding) => call.protocol(Problem::Encoding(encoding)),
                None => match Problem::of_page(&bytes) {
                    Some(page) => call.protocol(page),
                    None => Error::Manifest { digest: algorithm.digest(&bytes), source },
                },
            }
        })
    }

    async fn manifest_call(&self, method: Method, reference: &TagOrDigest) -> Result<Call, Error> {
        let call = self.call(method, &format!("manifests/{reference}")).await?;
        Ok(call.header(ACCEPT, HeaderValue::from_static(media_type::ACCEPT)))
    }
}

/// The digest that the registry states; `None` if it does not parse.
fn content_digest(headers: &HeaderMap) -> Option<Digest> {
    headers.get("docker-content-digest")?.to_str().ok()?.parse().ok()
}
