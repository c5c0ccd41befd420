//! The document of `prune`, and its JSON Schema.

use serde::Serialize;
use serde_json::Value;
use sync::prune::{Candidate, Fate, Pruned};

use crate::output::json_schema::{described, digest, document, flag, list, object, text, text_or_null};

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
    let target = described(text(), "HOST/REPOSITORY:TAG, or HOST/REPOSITORY@DIGEST");
    let due = described(flag(), "Whether it is to go; with `onlyAlone` it may stay nevertheless");
    let only_alone = "Whether it goes only if its registry takes a tag away without its image, which is not known before --apply";
    let candidate = [
        ("target", target.clone()),
        ("digest", digest()),
        ("due", due),
        ("onlyAlone", described(flag(), only_alone)),
        ("reason", text()),
        ("heldBy", described(list(&text()), "What stays and needs it")),
    ];
    let deleted = [("target", target.clone()), ("digest", digest())];
    let not_deleted = [("target", target), ("digest", digest()), ("reason", text())];
    let properties = [
        ("candidates", list(&object("What only a target has, or no rule selects any more", &candidate))),
        ("deleted", list(&object("What is gone", &deleted))),
        ("notDeleted", list(&object("What should be gone and is not", &not_deleted))),
        ("refused", described(text_or_null(), "Why nothing is deleted at all")),
    ];
    document("prune", "What `image-syncer prune` found and did.", &properties)
}
