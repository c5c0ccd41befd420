//! What `prune` found and did: for programs as a document, for people as lines.

mod document;

use serde::Serialize;
use sync::prune::{Candidate, Fate, NotDeleted, PrunePlan, Pruned, Refusal};

use self::document::Document;
pub(crate) use self::document::schema;

/// What was found, and what became of it.
pub(crate) struct PruneOutcome {
    candidates: Vec<Candidate>,
    refused: Option<Refusal>,
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

    pub(crate) fn refused(&self) -> Option<&Refusal> {
        self.refused.as_ref()
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
        Document::of(&self.candidates, &self.pruned, self.refused.as_ref().map(Refusal::why))
    }

    /// A line for each thing: what becomes of it, its name with its digest, and why.
    pub(crate) fn lines(&self, was_asked_to_delete: bool) -> Vec<String> {
        match (was_asked_to_delete, &self.refused) {
            (false, _) => self.candidates.iter().map(line).collect(),
            (true, Some(_)) => self.candidates.iter().map(refused_line).collect(),
            (true, None) => self.carried_out(),
        }
    }

    fn carried_out(&self) -> Vec<String> {
        let deleted = self.pruned.deleted.iter();
        let deleted = deleted.map(|deleted| format!("deleted {}", named(&deleted.target, &deleted.digest)));
        let kept = self.pruned.not_deleted.iter();
        let kept = kept.map(|kept| format!("kept {}: {}", named(&kept.target, &kept.digest), kept.why));
        deleted.chain(kept).chain(self.stay().map(kept_line)).collect()
    }

    /// What nobody wanted to delete.
    fn stay(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates.iter().filter(|candidate| candidate.fate() == Fate::Stays)
    }

    pub(crate) fn summary(&self, was_asked_to_delete: bool) -> String {
        let stay = self.stay().count();
        if was_asked_to_delete {
            let kept = self.pruned.not_deleted.len() + stay;
            return format!("{} deleted, {kept} kept", self.pruned.deleted.len());
        }
        let count = |fate| self.candidates.iter().filter(|candidate| candidate.fate() == fate).count();
        let (go, go_alone) = (count(Fate::Goes), count(Fate::GoesAlone));
        let alone = match go_alone {
            0 => String::new(),
            _ => format!("{go_alone} only if the registry takes a tag away without its image, "),
        };
        match (go, go_alone) {
            (0, 0) => format!("nothing would be deleted, {stay} stay"),
            (0, _) => format!("nothing would be deleted for sure, {alone}{stay} stay: --apply deletes"),
            _ => format!("{go} would be deleted, {alone}{stay} stay: --apply deletes"),
        }
    }
}

fn line(candidate: &Candidate) -> String {
    let name = named(&candidate.target(), &candidate.digest);
    let (why, holders) = (&candidate.standing, candidate.held_by.join(", "));
    match candidate.fate() {
        Fate::Goes if holders.is_empty() => format!("delete {name}: {why}"),
        Fate::Goes => format!("delete {name}: {why}; its image stays, held by {holders}"),
        Fate::GoesAlone => format!(
            "delete? {name}: {why}, but {holders} needs its image: it goes only if this registry takes a tag away without its image"
        ),
        Fate::Stays => format!("keep {name}: {why}"),
    }
}

fn kept_line(candidate: &Candidate) -> String {
    format!("kept {}: {}", named(&candidate.target(), &candidate.digest), candidate.standing)
}

/// Where nothing at all is deleted, not even what would go alone does.
fn refused_line(candidate: &Candidate) -> String {
    match candidate.fate() {
        Fate::Stays => kept_line(candidate),
        Fate::Goes | Fate::GoesAlone => format!("{}; nothing is deleted in this run", kept_line(candidate)),
    }
}

/// `HOST/REPOSITORY:TAG@DIGEST`
fn named(target: &str, digest: &oci::Digest) -> String {
    if target.contains('@') { target.to_owned() } else { format!("{target}@{digest}") }
}
