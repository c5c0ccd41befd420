//! Deletes what was decided, one after the other, and stops believing at the first surprise.

use std::collections::{BTreeSet, HashMap};

use oci::{Digest, TagOrDigest};
use tokio_util::sync::CancellationToken;

use super::again::back_at_source;
use super::candidate::{Candidate, Standing};
use super::delete::{Habits, Room};
use super::ended::Ended;
use super::look::{PrunePlan, Repository};
use crate::endpoint::StoreId;

/// What became of a plan.
#[derive(Debug, Default)]
pub struct Pruned {
    /// What is gone.
    pub deleted: Vec<Deleted>,
    /// What should be and is not.
    pub not_deleted: Vec<NotDeleted>,
    /// Registries that delete nothing, each once.
    pub off: BTreeSet<String>,
}

/// Something that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// `HOST/REPOSITORY:TAG`, or with `@DIGEST`.
    pub target: String,
    /// What it was.
    pub digest: Digest,
}

/// Something that should be gone and is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotDeleted {
    /// `HOST/REPOSITORY:TAG`, or with `@DIGEST`.
    pub target: String,
    /// What it is.
    pub digest: Digest,
    /// Why it is still there.
    pub why: String,
    /// Whether it stays because something needs it, which is no failure.
    pub is_held: bool,
}

impl PrunePlan {
    /// Deletes what goes. Nothing, where the plan was refused.
    pub async fn carry_out(self, cancel: CancellationToken) -> Pruned {
        let mut pruned = Pruned::default();
        if self.refused.is_some() {
            return pruned;
        }
        let mut habits: HashMap<StoreId, Habits> = HashMap::new();
        for repository in &self.repositories {
            let habits = habits.entry(repository.target.store().clone()).or_default();
            let room = Room::new(repository, self.retries);
            Execution { room, habits, pruned: &mut pruned }.run((repository, self.retries), &cancel).await;
        }
        pruned
    }
}

/// One repository.
struct Execution<'a> {
    room: Room<'a>,
    habits: &'a mut Habits,
    pruned: &'a mut Pruned,
}

impl Execution<'_> {
    /// What nothing holds goes first: it shows whether the registry takes tags away alone. What follows others comes last.
    /// What has come back at its source stays, and so does what that needs, before anything goes.
    async fn run(mut self, (repository, retries): (&Repository, u32), cancel: &CancellationToken) {
        let mut back =
            if cancel.is_cancelled() { HashMap::new() } else { back_at_source(repository, retries).await };
        let due = repository.candidates.iter().filter(|candidate| candidate.is_due());
        let (came_back, due): (Vec<_>, Vec<_>) =
            due.partition(|candidate| back.contains_key(&candidate.name));
        for candidate in came_back {
            if let Some(ended) = back.remove(&candidate.name) {
                self.note(candidate, ended);
            }
        }
        let due = due.into_iter();
        let (followers, images): (Vec<_>, Vec<_>) =
            due.partition(|candidate| matches!(candidate.standing, Standing::Follows { .. }));
        let (held, free): (Vec<_>, Vec<_>) = images.into_iter().partition(|image| !image.held_by.is_empty());
        for candidate in free.into_iter().chain(held).chain(followers) {
            let ended = if cancel.is_cancelled() {
                Ended::Failed("the run was stopped".to_owned())
            } else if self.subject_stays(candidate) {
                Ended::Held("what it refers to is still there".to_owned())
            } else {
                self.room.delete(candidate, self.habits).await
            };
            self.note(candidate, ended);
        }
    }

    fn subject_stays(&self, candidate: &Candidate) -> bool {
        match (&candidate.standing, &candidate.name) {
            // What has no tag goes only with an image that is gone itself.
            (Standing::Follows { subject }, TagOrDigest::Digest(_)) => !self.room.is_gone(subject),
            (Standing::Follows { subject }, TagOrDigest::Tag(_)) => self.room.stays(subject),
            _ => false,
        }
    }

    fn note(&mut self, candidate: &Candidate, ended: Ended) {
        let (target, digest) = (candidate.target(), candidate.digest.clone());
        let (why, is_held) = match ended {
            Ended::Deleted => {
                self.pruned.deleted.push(Deleted { target, digest });
                return;
            }
            Ended::WasGone => return,
            Ended::Off => {
                let host = candidate.repository.split('/').next().unwrap_or_default();
                self.pruned.off.insert(host.to_owned());
                ("deletion is off at this registry".to_owned(), false)
            }
            Ended::Held(why) => (why, true),
            Ended::Failed(why) => (why, false),
        };
        self.room.keep(&candidate.digest);
        self.pruned.not_deleted.push(NotDeleted { target, digest, why, is_held });
    }
}
