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

/// The largest manifest that is read without another limit.
pub(crate) const LARGEST_MANIFEST: u64 = RawManifest::LARGEST as u64;

/// A manifest that the registry says it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundManifest {
    /// Its digest.
    pub digest: Digest,
    /// Its media type, if the registry states one.
    pub media_type: Option<MediaType>,
}

impl Repository {
    /// The digest that `reference` points to now; `None` if it does not exist. Asks as
    /// [`find_manifest`](Self::find_manifest) does.
    pub async fn resolve(&self, reference: &TagOrDigest) -> Result<Option<Digest>, Error> {
        Ok(self.find_manifest(reference).await?.map(|found| found.digest))
    }

    /// The manifest that `reference` points to now; `None` if it does not exist.
    ///
    /// Uses HEAD, which registries do not count as a pull; GET if HEAD does not return the digest. A registry whose
    /// HEAD is useless gets no more HEAD.
    pub async fn find_manifest(&self, reference: &TagOrDigest) -> Result<Option<FoundManifest>, Error> {
        let learned = self.registry().learned();
        let (head, party, media_type) = match learned.head() {
            Ability::Absent => (Head::Silent, Party::Registry, None),
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
                return Ok(Some(FoundManifest { digest, media_type }));
            }
            Head::NotThere => return Ok(None),
            Head::Silent => note(Ability::Absent),
            Head::Doubtful | Head::Contradicts => {}
        }
        let found = match self.pull_manifest(reference).await {
            Ok(manifest) => {
                let media_type = Some(manifest.media_type().clone());
                Some(FoundManifest { digest: manifest.digest().clone(), media_type })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if head == Head::Doubtful {
            note(if found.is_some() { Ability::Absent } else { Ability::Works });
        }
        Ok(found)
    }

    /// The answer to HEAD, who gave it, and the media type that it states.
    async fn head(&self, reference: &TagOrDigest) -> Result<(Head, Party, Option<MediaType>), Error> {
        let call = self.manifest_call(Method::HEAD, reference).await?;
        let response = self.registry().send(&call).await?;
        let told = content_digest(response.headers());
        let media_type = Some(content_type(response.headers())).filter(MediaType::is_manifest);
        match head::judge(
            response.status(),
            response.headers(),
            reference,
            told,
            self.registry().learned().head(),
        ) {
            Some(head) => Ok((head, Answered::of(&response).by, media_type)),
            None => Err(crate::client::unexpected(&call, response).await),
        }
    }

    /// The manifest, verbatim and checked against its digest.
    pub async fn pull_manifest(&self, reference: &TagOrDigest) -> Result<RawManifest, Error> {
        let call = self.manifest_call(Method::GET, reference).await?;
        let response = self.registry().expect(&call, &[StatusCode::OK]).await?;
        let content_type = content_type(response.headers());
        let told = content_digest(response.headers());
        let encoding = foreign_encoding(response.headers());
        let proven = Answered::of(&response).proven;
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
                    Some(page) => call.nonsense(page, proven),
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

/// The media type that the registry states; empty without one.
pub(crate) fn content_type(headers: &HeaderMap) -> MediaType {
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    MediaType::new(text.unwrap_or_default())
}

/// The digest that the registry states; `None` if it does not parse.
fn content_digest(headers: &HeaderMap) -> Option<Digest> {
    headers.get("docker-content-digest")?.to_str().ok()?.parse().ok()
}
