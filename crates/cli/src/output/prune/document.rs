//! The document of `prune`, and its JSON Schema.

use serde::Serialize;
use serde_json::{Value, json};
use sync::prune::{Candidate, Fate, Pruned};

/// What was found and done, for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    schema: &'static str,
    version: &'static str,
    candidates: Vec<CandidateEntry<'a>>,
    deleted: Vec<DeletedEntry<'a>>,
    not_deleted: Vec<NotDeletedEntry<'a>>,
    refused: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CandidateEntry<'a> {
    target: String,
    digest: String,
    /// Whether it is to go.
    due: bool,
    /// Whether it goes only if its registry takes a tag away without its image.
    only_alone: bool,
    reason: String,
    held_by: &'a [String],
}

#[derive(Serialize)]
struct DeletedEntry<'a> {
    target: &'a str,
    digest: String,
}

#[derive(Serialize)]
struct NotDeletedEntry<'a> {
    target: &'a str,
    digest: String,
    reason: &'a str,
}

impl<'a> Document<'a> {
    pub(super) fn of(candidates: &'a [Candidate], pruned: &'a Pruned, refused: Option<&'a str>) -> Self {
        let candidates = candidates.iter().map(|candidate| CandidateEntry {
            target: candidate.target(),
            digest: candidate.digest.to_string(),
            due: candidate.is_due(),
            only_alone: candidate.fate() == Fate::GoesAlone,
            reason: candidate.standing.to_string(),
            held_by: &candidate.held_by,
        });
        let deleted = pruned.deleted.iter();
        let deleted = deleted
            .map(|deleted| DeletedEntry { target: &deleted.target, digest: deleted.digest.to_string() });
        let not_deleted = pruned.not_deleted.iter().map(|kept| NotDeletedEntry {
            target: &kept.target,
            digest: kept.digest.to_string(),
            reason: &kept.why,
        });
        Self {
            schema: "image-syncer/prune/1",
            version: env!("CARGO_PKG_VERSION"),
            candidates: candidates.collect(),
            deleted: deleted.collect(),
            not_deleted: not_deleted.collect(),
            refused,
        }
    }
}

/// The document's JSON Schema.
pub(crate) fn schema() -> Value {
    let text = json!({ "type": "string" });
    let digest = json!({ "type": "string", "pattern": "^[a-z0-9]+:[0-9a-f]+$" });
    let target = json!({ "type": "string", "description": "HOST/REPOSITORY:TAG, or HOST/REPOSITORY@DIGEST" });
    let list = |properties: Value, description: &str| {
        let required: Vec<_> =
            properties.as_object().into_iter().flat_map(|known| known.keys().cloned()).collect();
        let items = json!({ "type": "object", "properties": properties, "required": required });
        json!({ "type": "array", "description": description, "items": items })
    };
    let candidates = json!({
        "target": target, "digest": digest,
        "due": { "type": "boolean", "description": "Whether it is to go; with `onlyAlone` it may stay nevertheless." },
        "onlyAlone": {
            "type": "boolean",
            "description": "Whether it goes only if its registry takes a tag away without its image, which is not known before --apply.",
        },
        "reason": text,
        "heldBy": { "type": "array", "items": text, "description": "What stays and needs it." },
    });
    let not_deleted = json!({ "target": target, "digest": digest, "reason": text });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What image-syncer prune found and did",
        "type": "object",
        "required": ["schema", "version", "candidates", "deleted", "notDeleted", "refused"],
        "properties": {
            "schema": { "const": "image-syncer/prune/1" },
            "version": text,
            "candidates": list(candidates, "What only targets have, or only rules do not select any more."),
            "deleted": list(json!({ "target": target, "digest": digest }), "What is gone."),
            "notDeleted": list(not_deleted, "What should be gone and is not."),
            "refused": { "type": ["string", "null"], "description": "Why nothing is deleted at all." },
        },
    })
}
