//! What refers to a manifest by `subject`: end-12.

use http::StatusCode;
use serde_json::{Value, json};

use crate::answer::{Answer, Refusal};
use crate::builder::Referrers;
use crate::call::Call;
use crate::digest;
use crate::store::StoredManifest;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

impl Call<'_> {
    pub(super) fn referrers(&self, repository: &str, digest: &str) -> Result<Answer, Answer> {
        if self.shared.settings.referrers == Referrers::Absent {
            // Registries before OCI 1.1 don't even know that there could be such an endpoint.
            let page = "404 page not found\n";
            return Ok(Answer::new(StatusCode::NOT_FOUND).header("content-type", "text/plain").body(page));
        }
        if !digest::is_valid(digest) {
            return Err(Refusal::DigestInvalid.of(digest));
        }
        let filter = self.parameter("artifactType");
        let entries: Vec<Value> = self
            .shared
            .store
            .ask(repository, |found| {
                found.manifests.values().filter_map(|manifest| entry(manifest, digest)).collect()
            })
            .unwrap_or_default();
        let is_wanted =
            |entry: &Value| filter.as_ref().is_none_or(|wanted| entry["artifactType"] == **wanted);
        let entries: Vec<Value> = entries.into_iter().filter(is_wanted).collect();
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
        let answer = Answer::json_as(INDEX, &index);
        Ok(if filter.is_some() { answer.header("oci-filters-applied", "artifactType") } else { answer })
    }
}

/// The descriptor of a manifest, if it refers to `subject`.
fn entry(manifest: &StoredManifest, subject: &str) -> Option<Value> {
    let body: Value = serde_json::from_slice(&manifest.bytes).ok()?;
    if body.pointer("/subject/digest")?.as_str()? != subject {
        return None;
    }
    let mut entry = json!({
        "mediaType": manifest.media_type,
        "digest": manifest.digest,
        "size": manifest.bytes.len(),
    });
    if let Some(kind) = body.get("artifactType").or_else(|| body.pointer("/config/mediaType")) {
        entry["artifactType"] = kind.clone();
    }
    if let Some(annotations) = body.get("annotations") {
        entry["annotations"] = annotations.clone();
    }
    Some(entry)
}
