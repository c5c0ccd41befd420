//! Deletes what was decided: of a repository one after the other, and stops believing it at the first surprise; a few repositories
//! side by side.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Mutex;

use futures_util::stream::{self, StreamExt as _};
use oci::{Digest, TagOrDigest};
use tokio_util::sync::CancellationToken;

use super::again::back_at_source;
use super::candidate::{Candidate, Standing};
use super::delete::{Habits, Room};
use super::ended::Ended;
use super::look::{PrunePlan, Repository};
use crate::endpoint::StoreId;
use crate::lock::lock;

/// Repositories from which something goes at once.
const AT_ONCE: usize = 4;
/// After so many deletions a repository's tags are looked at again.
const BATCH: usize = 100;

/// What registries were seen to do.
type AllHabits = Mutex<HashMap<StoreId, Habits>>;

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
        let habits = AllHabits::default();
        // One repository of each registry shows what that does with deletions.
        let mut seen = HashSet::new();
        let (first, others): (Vec<_>, Vec<_>) =
            self.repositories.iter().partition(|repository| seen.insert(repository.target.store()));
        for repositories in [first, others] {
            let runs = repositories.into_iter().map(|repository| {
                let room = Room::new(repository, self.retries);
                let execution = Execution {
                    room,
                    store: repository.target.store(),
                    habits: &habits,
                    pruned: Pruned::default(),
                };
                execution.run((repository, self.retries), &cancel)
            });
            let mut runs = stream::iter(runs.collect::<Vec<_>>()).buffered(AT_ONCE);
            while let Some(ended) = runs.next().await {
                pruned.add(ended);
            }
        }
        pruned.sort();
        pruned
    }
}

impl Pruned {
    fn add(&mut self, other: Self) {
        self.deleted.extend(other.deleted);
        self.not_deleted.extend(other.not_deleted);
        self.off.extend(other.off);
    }

    /// By repositories, whichever came first.
    fn sort(&mut self) {
        let repository =
            |target: &str| target.rsplit_once(['@', ':']).map_or(target, |(name, _)| name).to_owned();
        self.deleted.sort_by_key(|deleted| repository(&deleted.target));
        self.not_deleted.sort_by_key(|kept| repository(&kept.target));
    }
}

/// One repository.
struct Execution<'a> {
    room: Room<'a>,
    store: &'a StoreId,
    habits: &'a AllHabits,
    pruned: Pruned,
}

impl Execution<'_> {
    /// What nothing holds goes first: it shows whether the registry takes tags away alone. What follows others comes last.
    /// What has come back at its source stays, and so does what that needs, before anything goes.
    async fn run(mut self, (repository, retries): (&Repository, u32), cancel: &CancellationToken) -> Pruned {
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
        for (number, candidate) in free.into_iter().chain(held).chain(followers).enumerate() {
            if number % BATCH == 0 {
                self.room.doubt();
            }
            let ended = if cancel.is_cancelled() {
                Ended::Failed("the run was stopped".to_owned())
            } else if self.subject_stays(candidate) {
                Ended::Held("what it refers to is still there".to_owned())
            } else {
                self.delete(candidate).await
            };
            self.note(candidate, ended);
        }
        self.pruned
    }

    /// Deletes by what the registry was seen to do, in whichever repository, and tells what it does here.
    async fn delete(&mut self, candidate: &Candidate) -> Ended {
        let mut habits = lock(self.habits).get(self.store).copied().unwrap_or_default();
        let ended = self.room.delete(candidate, &mut habits).await;
        lock(self.habits).entry(self.store.clone()).or_default().learn(habits);
        ended
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
