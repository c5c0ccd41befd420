//! Manifests: end-3, end-7 and end-9.

use http::{Method, StatusCode};
use serde_json::Value;

use super::{Asked, method_not_allowed};
use crate::answer::Answer;
use crate::server::Shared;
use crate::store::{Repository, digest_like};

/// What registries commonly take at the most, in bytes.
const LARGEST: usize = 4 << 20;

impl Shared {
    pub(super) fn manifest(&self, asked: &Asked, repository: &str, reference: &str) -> Answer {
        match asked.head.method {
            Method::GET | Method::HEAD => self.read_manifest(asked, repository, reference),
            Method::PUT => self.write_manifest(asked, repository, reference),
            Method::DELETE => self.delete_manifest(repository, reference),
            _ => method_not_allowed(),
        }
    }

    fn read_manifest(&self, asked: &Asked, repository: &str, reference: &str) -> Answer {
        let Some(manifest) = self.store.manifest(repository, reference) else {
            return Answer::error(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", "manifest unknown");
        };
        let mut answer = Answer::new(StatusCode::OK)
            .header("content-type", manifest.media_type)
            .header("docker-content-digest", manifest.digest);
        answer.length = Some(manifest.bytes.len());
        if asked.head.method == Method::GET { answer.body(manifest.bytes) } else { answer }
    }

    fn write_manifest(&self, asked: &Asked, repository: &str, reference: &str) -> Answer {
        if asked.body.len() > LARGEST {
            return Answer::error(StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID", "manifest too large");
        }
        let digest = digest_like(reference, &asked.body);
        if reference.contains(':') && reference != digest {
            return Answer::error(
                StatusCode::BAD_REQUEST,
                "DIGEST_INVALID",
                "provided digest did not match uploaded content",
            );
        }
        let Ok(manifest) = serde_json::from_slice::<Value>(&asked.body) else {
            return Answer::error(StatusCode::BAD_REQUEST, "MANIFEST_INVALID", "manifest invalid");
        };
        let media_type = asked.header("content-type").unwrap_or_default();
        if manifest.get("mediaType").and_then(Value::as_str).is_some_and(|own| own != media_type) {
            return Answer::error(
                StatusCode::BAD_REQUEST,
                "MANIFEST_INVALID",
                "mediaType and Content-Type differ",
            );
        }
        if let Some(missing) = missing(self.store.content().repository(repository), &manifest) {
            let message = format!("blob unknown to registry: {missing}");
            return Answer::error(StatusCode::NOT_FOUND, "MANIFEST_BLOB_UNKNOWN", &message);
        }
        self.store.put_manifest(repository, reference, media_type, asked.body.clone());
        let answer = Answer::new(StatusCode::CREATED)
            .header("location", format!("/v2/{repository}/manifests/{digest}"))
            .header("docker-content-digest", digest);
        match manifest.pointer("/subject/digest").and_then(Value::as_str) {
            Some(subject) => answer.header("oci-subject", subject),
            None => answer,
        }
    }

    fn delete_manifest(&self, repository: &str, reference: &str) -> Answer {
        let mut content = self.store.content();
        let repository = content.repository(repository);
        let tag = repository.tags.remove(reference);
        let manifest = repository.manifests.remove(reference);
        if let Some(manifest) = &manifest {
            repository.tags.retain(|_, digest| *digest != manifest.digest);
        }
        if tag.is_none() && manifest.is_none() {
            return Answer::error(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", "manifest unknown");
        }
        Answer::new(StatusCode::ACCEPTED)
    }
}

/// The first thing that the manifest refers to and the repository lacks.
fn missing(repository: &Repository, manifest: &Value) -> Option<String> {
    let list = |name: &str| manifest.get(name).and_then(Value::as_array).into_iter().flatten();
    let digest = |descriptor: &Value| descriptor.get("digest").and_then(Value::as_str).map(str::to_owned);
    // Layers with URLs may be had elsewhere.
    let kept = |layer: &&Value| layer.get("urls").and_then(Value::as_array).is_none_or(Vec::is_empty);
    let blobs = manifest.get("config").into_iter().chain(list("layers").filter(kept)).chain(list("blobs"));
    let missing_blob = blobs.filter_map(digest).find(|digest| !repository.blobs.contains_key(digest));
    let missing_child =
        || list("manifests").filter_map(digest).find(|digest| !repository.manifests.contains_key(digest));
    missing_blob.or_else(missing_child)
}
