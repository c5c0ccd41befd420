//! The results of `prune`: a document for programs, lines for people.

mod document;
mod problem;

use std::collections::BTreeSet;

use oci::ErrorKind;
use serde::Serialize;
use sync::prune::{Candidate, Fate, Kept, PrunePlan, Pruned, Refusal, Standing, Unread};

use self::document::Document;
pub(crate) use self::document::schema;
pub(crate) use self::problem::Problem;
use crate::exit_code;

/// The findings, and what was done.
pub(crate) struct PruneOutcome {
    candidates: Vec<Candidate>,
    refused: Option<Refusal>,
    unread: Vec<Unread>,
    stage: Stage,
}

/// How far the run went.
enum Stage {
    /// It only showed what it would delete.
    Shown,
    /// It was asked to delete, and refused to delete anything.
    Refused,
    /// It deleted.
    Deleted(Pruned),
}

impl PruneOutcome {
    /// The outcome of a run that only shows.
    pub(crate) fn shown(plan: &PrunePlan) -> Self {
        let candidates = plan.candidates().into_iter().cloned().collect();
        let (refused, unread) = (plan.refused.clone(), plan.unread.clone());
        Self { candidates, refused, unread, stage: Stage::Shown }
    }

    /// The outcome of a refused deletion.
    pub(crate) fn refuse(self) -> Self {
        Self { stage: Stage::Refused, ..self }
    }

    /// The outcome of a deletion.
    pub(crate) fn became(self, pruned: Pruned) -> Self {
        Self { stage: Stage::Deleted(pruned), ..self }
    }

    fn pruned(&self) -> Option<&Pruned> {
        match &self.stage {
            Stage::Deleted(pruned) => Some(pruned),
            Stage::Shown | Stage::Refused => None,
        }
    }

    /// Registries where deletion is off.
    pub(crate) fn off(&self) -> BTreeSet<&str> {
        self.pruned().map(Pruned::off).unwrap_or_default()
    }

    /// The problems, each reason once.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let refused = self.refused.iter().flat_map(Problem::of_refusal);
        let unread = Problem::of_unread(&self.unread);
        let kept = self.pruned().map(|pruned| Problem::of_kept(&pruned.not_deleted)).unwrap_or_default();
        refused.chain(unread).chain(kept).collect()
    }

    /// The exit status of a run with this many rules.
    pub(crate) fn status(&self, rules: usize) -> u8 {
        let is_held =
            |pruned: &Pruned| pruned.not_deleted.iter().all(|kept| matches!(kept.kept, Kept::Held(_)));
        match &self.refused {
            Some(refusal) if are_all_by_login(refusal, rules) => exit_code::ALL_REFUSED,
            None if self.unread.is_empty() && self.pruned().is_none_or(is_held) => exit_code::DONE,
            Some(_) | None => exit_code::SOME_FAILED,
        }
    }

    pub(crate) fn document(&self) -> impl Serialize + '_ {
        let refused = self.refused.as_ref().map(ToString::to_string);
        Document::of(&self.candidates, self.pruned(), (refused, &self.unread))
    }

    /// A line for each candidate: what happens to it, its name with its digest, and why.
    pub(crate) fn lines(&self) -> Vec<String> {
        match &self.stage {
            Stage::Shown => self.candidates.iter().map(line).collect(),
            Stage::Refused => self.candidates.iter().map(refused_line).collect(),
            Stage::Deleted(pruned) => self.carried_out(pruned),
        }
    }

    fn carried_out(&self, pruned: &Pruned) -> Vec<String> {
        let deleted = pruned.deleted.iter();
        let deleted = deleted.map(|deleted| format!("deleted {}", named(&deleted.target, &deleted.digest)));
        let gone = pruned.already_gone.iter();
        let gone = gone
            .map(|gone| format!("gone {}: somebody else has deleted it", named(&gone.target, &gone.digest)));
        let kept = pruned.not_deleted.iter();
        let kept =
            kept.map(|kept| format!("kept {}: {}", named(&kept.target, &kept.digest), kept.kept.why()));
        deleted.chain(gone).chain(kept).chain(self.stay().map(kept_line)).collect()
    }

    /// Candidates that are not due for deletion.
    fn stay(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates.iter().filter(|candidate| candidate.fate() == Fate::Stays)
    }

    /// `None` if the deletion was refused.
    pub(crate) fn summary(&self) -> Option<String> {
        let stay = self.stay().count();
        match &self.stage {
            _ if self.refused.is_some() => None,
            Stage::Deleted(pruned) => {
                let gone = match pruned.already_gone.len() {
                    0 => String::new(),
                    gone => format!("{gone} gone before, "),
                };
                Some(format!(
                    "{} deleted, {gone}{} kept",
                    pruned.deleted.len(),
                    pruned.not_deleted.len() + stay
                ))
            }
            Stage::Shown | Stage::Refused => Some(self.would_go(stay)),
        }
    }

    fn would_go(&self, stay: usize) -> String {
        let count = |fate| self.candidates.iter().filter(|candidate| candidate.fate() == fate).count();
        let (go, go_alone) = (count(Fate::Goes), count(Fate::GoesAlone));
        match (go, go_alone) {
            (0, 0) => format!("nothing would be deleted, {stay} would be kept"),
            (0, alone) => format!("{alone} might be deleted ({ALONE}), {stay} would be kept: --apply tries"),
            (go, 0) => format!("{go} would be deleted, {stay} would be kept: --apply deletes"),
            (go, alone) => format!(
                "{go} would be deleted, {alone} more might be ({ALONE}), {stay} would be kept: --apply deletes"
            ),
        }
    }
}

/// The condition for deleting a tag whose image has another tag.
const ALONE: &str = "if the registry can take away a tag and keep its image";

/// Whether the login was refused for every rule.
fn are_all_by_login(refusal: &Refusal, rules: usize) -> bool {
    let Refusal::NotListed(failures) = refusal else { return false };
    let failed: BTreeSet<usize> = failures.iter().map(|failure| failure.rule).collect();
    let is_login = |kind| matches!(kind, Some(ErrorKind::Unauthorized | ErrorKind::Denied));
    failed.len() == rules && failures.iter().all(|failure| is_login(failure.error.kind()))
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
        Fate::Stays => format!("keep {name}: {}", why_it_stays(candidate)),
    }
}

fn kept_line(candidate: &Candidate) -> String {
    format!("kept {}: {}", named(&candidate.target(), &candidate.digest), why_it_stays(candidate))
}

fn why_it_stays(candidate: &Candidate) -> String {
    match (&candidate.standing, &candidate.held_by[..]) {
        (Standing::OfAnother, [source, ..]) => format!("{}: the one from {source}", candidate.standing),
        (standing, _) => standing.to_string(),
    }
}

/// If the deletion is refused, no candidate is deleted.
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
