//! What refers to a manifest by `subject`: end-12.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::server::Shared;

impl Shared {
    pub(super) fn referrers(&self, repository: &str, digest: &str) -> Answer {
        let content = self.store.content();
        let manifests =
            content.repositories.get(repository).into_iter().flat_map(|found| found.manifests.values());
        let entries: Vec<Value> = manifests
            .filter_map(|manifest| {
                let body: Value = serde_json::from_slice(&manifest.bytes).ok()?;
                let subject = body.pointer("/subject/digest")?.as_str()?;
                let kind = body.get("artifactType").or(body.pointer("/config/mediaType")).cloned();
                (subject == digest).then(|| {
                    json!({
                        "mediaType": manifest.media_type,
                        "digest": manifest.digest,
                        "size": manifest.bytes.len(),
                        "artifactType": kind,
                        "annotations": body.get("annotations"),
                    })
                })
            })
            .collect();
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": entries,
        });
        let mut answer = Answer::json(&index);
        answer.headers.retain(|(name, _)| name != "content-type");
        answer.header("content-type", "application/vnd.oci.image.index.v1+json")
    }
}
