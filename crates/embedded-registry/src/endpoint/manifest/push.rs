//! Pushes a manifest: the checks in order, and the answer.

use bytes::Bytes;
use http::header;
use serde_json::Value;

use super::completeness;
use super::media_type::{self, without_parameters};
use crate::answer::{Answer, Refusal};
use crate::builder::referrer::{Referrers, SubjectHeader};
use crate::call::Call;
use crate::endpoint::created;
use crate::{digest, name};

impl Call<'_> {
    pub(super) fn write_manifest(
        &self,
        repository: &str,
        reference: &str,
        bytes: &Bytes,
    ) -> Result<Answer, Answer> {
        check_reference(reference, bytes)?;
        let settings = &self.shared.settings.manifests;
        let manifest: Value = serde_json::from_slice(bytes).map_err(|_| Refusal::ManifestInvalid)?;
        let media_type = self.media_type(&manifest)?;
        media_type::check(settings, &media_type, &manifest)?;
        let store = &self.shared.store;
        if self.shared.quotas.count_manifest_put() < settings.lag {
            return Err(Refusal::ManifestBlobUnknown.of(reference));
        }
        completeness::check(store.content().repositories.get(repository), &manifest, settings.indexes)?;
        let tags = self.tags_to_put(reference);
        let digest = digest::like(reference, bytes);
        for tag in tags.iter().map(String::as_str).chain([reference]) {
            self.check_tag(repository, tag, &digest)?;
        }
        store.put_manifest(repository, reference, &media_type, bytes.clone());
        let mut answer = created(format!("/v2/{repository}/manifests/{digest}"), &digest);
        for tag in tags {
            store.tag(repository, &tag, &digest);
            answer = answer.header("oci-tag", tag);
        }
        match manifest.pointer("/subject/digest").and_then(Value::as_str) {
            Some(subject) if self.tells_subject() => Ok(answer.header("oci-subject", subject)),
            _ => Ok(answer),
        }
    }

    fn tells_subject(&self) -> bool {
        let settings = &self.shared.settings.referrers;
        match settings.subject_header {
            SubjectHeader::WithApi => settings.kind == Referrers::Api,
            SubjectHeader::Always => true,
            SubjectHeader::Never => false,
        }
    }

    /// The media type on which header and manifest agree.
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
