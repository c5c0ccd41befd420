//! What `prune` found and did: for programs as a document, for people as lines.

mod document;

use serde::Serialize;
use sync::prune::{Candidate, NotDeleted, PrunePlan, Pruned};

use self::document::Document;
pub(crate) use self::document::schema;

/// What was found, and what became of it.
pub(crate) struct PruneOutcome {
    candidates: Vec<Candidate>,
    refused: Option<String>,
    pruned: Pruned,
}

impl PruneOutcome {
    /// Nothing was deleted yet.
    pub(crate) fn of(plan: &PrunePlan) -> Self {
        let candidates = plan.candidates().into_iter().cloned().collect();
        Self { candidates, refused: plan.refused.clone(), pruned: Pruned::default() }
    }

    pub(crate) fn add(&mut self, pruned: Pruned) {
        self.pruned = pruned;
    }

    pub(crate) fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    /// Registries that delete nothing.
    pub(crate) fn off(&self) -> impl Iterator<Item = &str> {
        self.pruned.off.iter().map(String::as_str)
    }

    /// What could not be deleted, but for what is held, and for registries that delete nothing.
    pub(crate) fn failures(&self) -> impl Iterator<Item = String> {
        let failed = self.pruned.not_deleted.iter().filter(|kept| !kept.is_held && !self.is_off(kept));
        failed.map(|kept| format!("{} was not deleted: {}", kept.target, kept.why))
    }

    fn is_off(&self, kept: &NotDeleted) -> bool {
        self.pruned.off.contains(kept.target.split('/').next().unwrap_or_default())
    }

    /// Whether nothing was refused, and nothing could not be deleted.
    pub(crate) fn is_well(&self) -> bool {
        self.refused.is_none() && self.pruned.not_deleted.iter().all(|kept| kept.is_held)
    }

    pub(crate) fn document(&self) -> impl Serialize + '_ {
        Document::of(&self.candidates, &self.pruned, self.refused.as_deref())
    }

    /// A line for each thing: what becomes of it, its name with its digest, and why.
    pub(crate) fn lines(&self, was_asked_to_delete: bool) -> Vec<String> {
        if was_asked_to_delete && self.refused.is_none() {
            let deleted = self.pruned.deleted.iter();
            let deleted =
                deleted.map(|deleted| format!("deleted {}", named(&deleted.target, &deleted.digest)));
            let kept = self.pruned.not_deleted.iter();
            let kept = kept.map(|kept| format!("kept {}: {}", named(&kept.target, &kept.digest), kept.why));
            return deleted.chain(kept).collect();
        }
        self.candidates.iter().map(line).collect()
    }

    pub(crate) fn summary(&self, was_asked_to_delete: bool) -> String {
        if was_asked_to_delete {
            return format!("{} deleted, {} kept", self.pruned.deleted.len(), self.pruned.not_deleted.len());
        }
        let due = self.candidates.iter().filter(|candidate| candidate.is_due()).count();
        let stay = self.candidates.len() - due;
        match due {
            0 => format!("nothing would be deleted, {stay} stay"),
            _ => format!("{due} would be deleted, {stay} stay: --apply deletes"),
        }
    }
}

fn line(candidate: &Candidate) -> String {
    let name = named(&candidate.target(), &candidate.digest);
    match (candidate.is_due(), &candidate.held_by[..]) {
        (true, []) => format!("delete {name}: {}", candidate.standing),
        (true, holders) => {
            format!("delete {name}: {}; its image stays, held by {}", candidate.standing, holders.join(", "))
        }
        (false, _) => format!("keep {name}: {}", candidate.standing),
    }
}

/// `HOST/REPOSITORY:TAG@DIGEST`
fn named(target: &str, digest: &oci::Digest) -> String {
    if target.contains('@') { target.to_owned() } else { format!("{target}@{digest}") }
}
