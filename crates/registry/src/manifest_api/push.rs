//! PUT of manifests. Spec: distribution-spec, end-7a and end-7b.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use oci::{Descriptor, ManifestError, RawManifest, TagOrDigest};

use super::content_digest;
use crate::client::{Answered, Call};
use crate::error::Problem;
use crate::http::limit::RequestKind;
use crate::learned::Ability;
use crate::{Error, Repository};

/// The result of pushing a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// Whether the registry lists it among the referrers of its subject.
    pub subject: SubjectIndexed,
}

/// Whether a registry keeps the list of referrers. Spec: distribution-spec, "Pushing Manifests with Subject".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectIndexed {
    /// The manifest has no subject.
    NoSubject,
    /// The registry keeps it.
    ByRegistry,
    /// The client must keep it: [`Repository::add_referrer`].
    NotByRegistry,
}

impl Repository {
    /// Stores the manifest under `reference`. The content that it refers to must exist already; its subject need not.
    pub async fn push_manifest(
        &self,
        reference: &TagOrDigest,
        manifest: &RawManifest,
    ) -> Result<Pushed, Error> {
        let call = self.push_call(reference, manifest).await?;
        self.put_manifest(call, reference, manifest).await
    }

    async fn push_call(&self, reference: &TagOrDigest, manifest: &RawManifest) -> Result<Call, Error> {
        let media_type =
            HeaderValue::from_str(manifest.media_type().as_str()).map_err(|_| Error::Manifest {
                digest: manifest.digest().clone(),
                source: ManifestError::UnknownType { header: manifest.media_type().clone() },
            })?;
        let call = self.call(Method::PUT, &format!("manifests/{reference}")).await?;
        Ok(call.header(CONTENT_TYPE, media_type).body(manifest.bytes().clone()).kind(RequestKind::Commit))
    }

    async fn put_manifest(
        &self,
        call: Call,
        reference: &TagOrDigest,
        manifest: &RawManifest,
    ) -> Result<Pushed, Error> {
        let subject = manifest.subject();
        let subject =
            subject.map_err(|source| Error::Manifest { digest: manifest.digest().clone(), source })?;
        let expected = [StatusCode::CREATED, StatusCode::OK, StatusCode::ACCEPTED, StatusCode::NO_CONTENT];
        let response = self.registry().expect(&call, &expected).await;
        let response = response.map_err(|error| with_type(error, manifest))?;
        let (status, answered) = (response.status(), Answered::of(&response));
        match content_digest(response.headers()) {
            // A registry that states the sha256 of a manifest that was sent under its sha512 stored the same.
            Some(stored)
                if stored != *manifest.digest() && stored != stored.algorithm().digest(manifest.bytes()) =>
            {
                let expected = manifest.digest().clone();
                return Err(call.protocol(Problem::StoredOther { expected, actual: stored.to_string() }));
            }
            // A proxy may answer 200 to everything: an answer without a registry's signs is checked.
            None if status != StatusCode::CREATED
                && self.resolve(reference).await?.as_ref() != Some(manifest.digest()) =>
            {
                return Err(call.protocol(Problem::Status(status)));
            }
            _ => {}
        }
        let subject = indexed(subject.as_ref(), response.headers());
        if subject == SubjectIndexed::ByRegistry && answered.is_of_registry() {
            self.registry().learned().note_referrers(Ability::Works);
        }
        Ok(Pushed { subject })
    }
}

/// Adds the manifest's type if the registry refuses that type: zot refuses Docker's types unless it is
/// configured to take them. <https://zotregistry.dev/v2.1.2/admin-guide/admin-configuration/>
fn with_type(error: Error, manifest: &RawManifest) -> Error {
    match error {
        Error::Refused(source) if source.status == StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            Error::ManifestType { media_type: manifest.media_type().clone(), source }
        }
        other => other,
    }
}

fn indexed(subject: Option<&Descriptor>, headers: &HeaderMap) -> SubjectIndexed {
    let told = headers.get("oci-subject").and_then(|value| value.to_str().ok());
    match (subject, told) {
        (None, _) => SubjectIndexed::NoSubject,
        (Some(subject), Some(told)) if told.trim() == subject.digest.to_string() => {
            SubjectIndexed::ByRegistry
        }
        (Some(_), _) => SubjectIndexed::NotByRegistry,
    }
}
