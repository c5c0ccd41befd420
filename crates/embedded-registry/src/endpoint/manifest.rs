//! Manifests: end-3, end-7 and end-9.

use bytes::Bytes;
use http::{Method, StatusCode, header};
use serde_json::Value;

use super::completeness::missing;
use super::created;
use crate::answer::{Answer, Refusal};
use crate::body::RequestBody;
use crate::builder::Referrers;
use crate::call::Call;
use crate::{digest, name};

/// What registries commonly take at the most, in bytes.
const LARGEST: usize = 4 << 20;

/// Clients get these only if they say that they know them.
const NEGOTIATED: [&str; 4] = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
];

impl Call<'_> {
    pub(super) async fn manifest(
        &self,
        repository: &str,
        reference: &str,
        body: &mut RequestBody,
    ) -> Result<Answer, Answer> {
        match self.head.method {
            Method::GET | Method::HEAD => self.read_manifest(repository, reference),
            Method::PUT => {
                let bytes = body.whole(LARGEST).await?;
                self.write_manifest(repository, reference, &bytes)
            }
            Method::DELETE if self.shared.store.remove_manifest(repository, reference) => {
                Ok(Answer::new(StatusCode::ACCEPTED))
            }
            Method::DELETE => Err(Refusal::ManifestUnknown.of(reference)),
            _ => Err(Refusal::Unsupported.into()),
        }
    }

    fn read_manifest(&self, repository: &str, reference: &str) -> Result<Answer, Answer> {
        let found = self.shared.store.manifest(repository, reference);
        let manifest = found.ok_or_else(|| Refusal::ManifestUnknown.of(reference))?;
        if !self.accepts(&manifest.media_type) {
            // As distribution: it is there, but not for who does not know its kind.
            let detail = format!("{} found, but accept header does not support it", manifest.media_type);
            return Err(Refusal::ManifestUnknown.of(detail));
        }
        Ok(Answer::new(StatusCode::OK)
            .header("content-type", manifest.media_type)
            .header("etag", format!("\"{}\"", manifest.digest))
            .header("docker-content-digest", manifest.digest)
            .body(manifest.bytes))
    }

    fn accepts(&self, media_type: &str) -> bool {
        let mut lines = self.head.headers.get_all(header::ACCEPT).iter().peekable();
        if lines.peek().is_none() || !NEGOTIATED.contains(&media_type) {
            return true;
        }
        let known = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
        known.map(without_parameters).any(|known| known == media_type || known == "*/*")
    }

    fn write_manifest(&self, repository: &str, reference: &str, bytes: &Bytes) -> Result<Answer, Answer> {
        check_reference(reference, bytes)?;
        let manifest: Value = serde_json::from_slice(bytes).map_err(|_| Refusal::ManifestInvalid)?;
        let media_type = self.media_type(&manifest)?;
        let store = &self.shared.store;
        if let Some(digest) = missing(store.content().repositories.get(repository), &manifest) {
            return Err(Refusal::ManifestBlobUnknown.of(digest));
        }
        let digest = store.put_manifest(repository, reference, &media_type, bytes.clone());
        let answer = created(format!("/v2/{repository}/manifests/{digest}"), &digest);
        match manifest.pointer("/subject/digest").and_then(Value::as_str) {
            Some(subject) if self.shared.settings.referrers == Referrers::Api => {
                Ok(answer.header("oci-subject", subject))
            }
            _ => Ok(answer),
        }
    }

    /// What header and manifest agree on.
    fn media_type(&self, manifest: &Value) -> Result<String, Answer> {
        let told = self.header(header::CONTENT_TYPE).map(without_parameters);
        let own = manifest.get("mediaType").and_then(Value::as_str);
        match (told, own) {
            (Some(told), Some(own)) if told != own => {
                Err(Refusal::ManifestInvalid.of(format!("Content-Type is {told}, mediaType is {own}")))
            }
            (Some(media_type), _) | (None, Some(media_type)) => Ok(media_type.to_owned()),
            (None, None) => Err(Refusal::ManifestInvalid.of("neither Content-Type nor mediaType")),
        }
    }
}

fn check_reference(reference: &str, bytes: &[u8]) -> Result<(), Answer> {
    if !reference.contains(':') {
        return if name::is_tag(reference) { Ok(()) } else { Err(Refusal::TagInvalid.of(reference)) };
    }
    let is_right = digest::is_valid(reference) && digest::like(reference, bytes) == reference;
    if is_right { Ok(()) } else { Err(Refusal::DigestInvalid.of(reference)) }
}

fn without_parameters(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}
