//! Carries out a deletion plan: a few repositories in parallel, but within a repository one deletion after the other,
//! and none after the first unexpected change.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use futures_util::stream::{self, StreamExt as _};
use oci::TagOrDigest;
use tokio_util::sync::CancellationToken;

use super::again::back_at_source;
use super::candidate::{Candidate, Standing};
use super::delete::Room;
use super::ended::{Ended, Kept};
use super::habit::Habit;
use super::look::PrunePlan;
use super::progress::PruneProgress;
use super::pruned::{Deleted, NotDeleted, Pruned};
use super::repository::Repository;
use crate::endpoint::StoreId;
use crate::lock::lock;

/// How many repositories are processed in parallel.
const AT_ONCE: usize = 4;
/// After this many deletions a repository's tags are checked again.
const BATCH: usize = 100;

/// The observed behavior of registries.
type Habits = Mutex<HashMap<StoreId, Habit>>;

impl PrunePlan {
    /// Deletes what the plan contains. Deletes nothing if the plan was refused.
    pub async fn carry_out(self, cancel: CancellationToken) -> Pruned {
        let mut pruned = Pruned::default();
        if self.refused.is_some() {
            return pruned;
        }
        let habits = Habits::default();
        // The first repository of each registry shows how that registry deletes.
        let mut seen = HashSet::new();
        let (first, others): (Vec<_>, Vec<_>) =
            self.repositories.iter().partition(|repository| seen.insert(repository.target.store()));
        for repositories in [first, others] {
            let runs = repositories.into_iter().map(|repository| {
                let room = Room::new(repository, self.retries, &cancel);
                let store = repository.target.store();
                let execution = Execution {
                    room,
                    store,
                    habits: &habits,
                    pruned: Pruned::default(),
                    progress: &self.progress,
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

/// The deletions in one repository.
struct Execution<'a> {
    room: Room<'a>,
    store: &'a StoreId,
    habits: &'a Habits,
    pruned: Pruned,
    progress: &'a PruneProgress,
}

impl Execution<'_> {
    /// Deletes the images that nothing holds first: they show whether the registry deletes tags alone. Followers come
    /// last. Images that have come back at their source stay, with everything that they need; this is checked before
    /// any deletion.
    async fn run(mut self, (repository, retries): (&Repository, u32), cancel: &CancellationToken) -> Pruned {
        let asked = cancel.run_until_cancelled(back_at_source(repository, retries)).await;
        let mut back = asked.unwrap_or_default();
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
                Ended::Kept(Kept::Stopped)
            } else if self.subject_stays(candidate).await {
                Ended::held("what it refers to is still there")
            } else {
                self.delete(candidate).await
            };
            self.note(candidate, ended);
        }
        self.pruned
    }

    /// Deletes according to the registry's observed behavior, and records what it does here.
    async fn delete(&mut self, candidate: &Candidate) -> Ended {
        let mut habit = lock(self.habits).get(self.store).copied().unwrap_or_default();
        let ended = self.room.delete(candidate, &mut habit).await;
        lock(self.habits).entry(self.store.clone()).or_default().learn(habit);
        ended
    }

    async fn subject_stays(&mut self, candidate: &Candidate) -> bool {
        match (&candidate.standing, &candidate.name) {
            // An untagged referrer is deleted only after its subject.
            (Standing::Follows { subject }, TagOrDigest::Digest(_)) => !self.room.has_gone(subject).await,
            (Standing::Follows { subject }, TagOrDigest::Tag(_)) => self.room.stays(subject),
            _ => false,
        }
    }

    fn note(&mut self, candidate: &Candidate, ended: Ended) {
        let (target, digest) = (candidate.target(), candidate.digest.clone());
        self.progress.note(!matches!(ended, Ended::Kept(_)));
        match ended {
            Ended::Deleted => self.pruned.deleted.push(Deleted { target, digest }),
            Ended::WasGone => self.pruned.already_gone.push(Deleted { target, digest }),
            Ended::Kept(kept) => {
                self.room.keep(&candidate.digest);
                self.pruned.not_deleted.push(NotDeleted { target, digest, kept });
            }
        }
    }
}
