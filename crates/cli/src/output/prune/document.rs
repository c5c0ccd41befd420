//! The document of `prune`, and its JSON Schema.

use serde::Serialize;
use serde_json::Value;
use sync::prune::{Candidate, Deleted, Fate, Kept, Pruned, Unread};

use crate::diagnostic;
use crate::output::json_schema::{described, digest, document, flag, list, object, text, text_or_null, word};

/// The findings and the deletions, for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    schema: &'static str,
    version: &'static str,
    candidates: Vec<CandidateEntry<'a>>,
    deleted: Vec<DeletedEntry<'a>>,
    already_gone: Vec<DeletedEntry<'a>>,
    not_deleted: Vec<NotDeletedEntry<'a>>,
    unread: Vec<UnreadEntry<'a>>,
    refused: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CandidateEntry<'a> {
    target: String,
    digest: String,
    /// Whether it is due for deletion.
    due: bool,
    /// Whether it is deleted only if its registry can remove a tag without its image.
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
    outcome: &'static str,
    reason: &'a str,
}

#[derive(Serialize)]
struct UnreadEntry<'a> {
    repository: &'a str,
    reason: String,
}

impl<'a> Document<'a> {
    pub(super) fn of(
        candidates: &'a [Candidate],
        pruned: Option<&'a Pruned>,
        (refused, unread): (Option<String>, &'a [Unread]),
    ) -> Self {
        let candidates = candidates.iter().map(|candidate| CandidateEntry {
            target: candidate.target(),
            digest: candidate.digest.to_string(),
            due: candidate.is_due(),
            only_alone: candidate.fate() == Fate::GoesAlone,
            reason: candidate.standing.to_string(),
            held_by: &candidate.held_by,
        });
        let gone =
            |list: fn(&Pruned) -> &[Deleted]| pruned.into_iter().flat_map(list).map(gone_entry).collect();
        let not_deleted = pruned.into_iter().flat_map(|pruned| &pruned.not_deleted);
        let not_deleted = not_deleted.map(|kept| NotDeletedEntry {
            target: &kept.target,
            digest: kept.digest.to_string(),
            outcome: outcome(&kept.kept),
            reason: kept.kept.why(),
        });
        let unread = unread.iter().map(|unread| UnreadEntry {
            repository: &unread.repository,
            reason: diagnostic::short(&unread.error),
        });
        Self {
            schema: "image-syncer/prune/1",
            version: env!("CARGO_PKG_VERSION"),
            candidates: candidates.collect(),
            deleted: gone(|pruned| &pruned.deleted),
            already_gone: gone(|pruned| &pruned.already_gone),
            not_deleted: not_deleted.collect(),
            unread: unread.collect(),
            refused,
        }
    }
}

fn gone_entry(gone: &Deleted) -> DeletedEntry<'_> {
    DeletedEntry { target: &gone.target, digest: gone.digest.to_string() }
}

fn outcome(kept: &Kept) -> &'static str {
    match kept {
        Kept::Held(_) => "held",
        Kept::Off => "off",
        Kept::Stopped => "stopped",
        Kept::Failed(_) => "failed",
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
        ("heldBy", described(list(&text()), "What stays and needs it; five at the most")),
    ];
    let outcome = "`held`: something needs it, which is no failure; `failed`; `off`: its registry deletes nothing; `stopped`: the run was stopped before";
    let outcome = described(word(&["held", "failed", "off", "stopped"]), outcome);
    let deleted = [("target", target.clone()), ("digest", digest())];
    let not_deleted = [("target", target), ("digest", digest()), ("outcome", outcome), ("reason", text())];
    let unread = [("repository", described(text(), "HOST/REPOSITORY")), ("reason", text())];
    let properties = [
        ("candidates", list(&object("What only a target has, or no rule selects any more", &candidate))),
        ("deleted", list(&object("What is gone", &deleted))),
        ("alreadyGone", list(&object("What somebody else had deleted before it was to go", &deleted))),
        ("notDeleted", list(&object("What should be gone and is not", &not_deleted))),
        ("unread", list(&object("Of which nothing is deleted, because what it has cannot be read", &unread))),
        ("refused", described(text_or_null(), "Why nothing is deleted at all")),
    ];
    document("prune", "What `image-syncer prune` found and did.", &properties)
}
