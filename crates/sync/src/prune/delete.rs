//! Deletes one tag or manifest, in the way that its registry supports.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};

use oci::{Digest, Tag, TagOrDigest, WhyKept, with_sources};
use tokio_util::sync::CancellationToken;

use super::again::changes;
use super::candidate::{Candidate, Standing};
use super::contents::Contents;
use super::ended::{Ended, Kept};
use super::habit::Habit;
use super::present::resolve;
use super::repository::Repository;
use crate::endpoint::{Answer, Deletes, Deletion, Target};
use crate::engine::ask::ask;
use crate::{Error, Operation, Side};

/// A repository during its deletions.
pub(super) struct Room<'a> {
    target: &'a dyn Target,
    contents: &'a Contents,
    retries: u32,
    cancel: &'a CancellationToken,
    /// What happened to manifests that lost a tag, or were deleted.
    became: HashMap<Digest, Became>,
    /// The deleted tags.
    taken: HashSet<Tag>,
    /// Manifests needed by content that should have been deleted and was not.
    staying: HashSet<Digest>,
    /// Whether the tags were checked since the last deletions.
    is_looked_at_again: bool,
    /// An unexpected change: after it the dependencies are unknown.
    changed: Option<String>,
}

/// What happened to a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Became {
    /// One of its tags was missing before its deletion; whether the manifest exists was not checked.
    LostTag,
    /// One of its tags was deleted: some registries delete all its tags, or the image, too.
    Untagged,
    /// It has lost a tag, and still exists.
    Left,
    /// It is deleted.
    Gone,
}

impl<'a> Room<'a> {
    pub(super) fn new(repository: &'a Repository, retries: u32, cancel: &'a CancellationToken) -> Self {
        Self {
            target: &*repository.target,
            contents: &repository.contents,
            retries,
            cancel,
            became: HashMap::new(),
            taken: HashSet::new(),
            staying: HashSet::new(),
            is_looked_at_again: false,
            changed: None,
        }
    }

    /// Requires another check of the tags before further deletions.
    pub(super) fn doubt(&mut self) {
        self.is_looked_at_again = false;
    }

    /// Whether a manifest is deleted. If it has only lost tags, asks the registry.
    pub(super) async fn has_gone(&mut self, digest: &Digest) -> bool {
        match self.became.get(digest) {
            Some(Became::Gone) => true,
            Some(Became::Left) | None => false,
            Some(Became::LostTag | Became::Untagged) => {
                let is_gone =
                    matches!(resolve(self.target, self.retries, &by_digest(digest)).await, Ok(None));
                let became = if is_gone { Became::Gone } else { Became::Left };
                self.became.insert(digest.clone(), became);
                is_gone
            }
        }
    }

    /// Records that something stays, with everything that it needs.
    pub(super) fn keep(&mut self, digest: &Digest) {
        let needed = self.contents.needed_by([((), digest)].into_iter());
        self.staying.extend(needed.into_keys().cloned());
    }

    /// Whether a manifest is needed by content that should have been deleted and was not.
    pub(super) fn stays(&self, digest: &Digest) -> bool {
        self.staying.contains(digest)
    }

    /// Deletes a candidate, if it is unchanged.
    pub(super) async fn delete(&mut self, candidate: &Candidate, habit: &mut Habit) -> Ended {
        let Some(deletes) = self.target.deletes() else {
            return Ended::failed("nothing can be deleted there");
        };
        if *habit == Habit::Off {
            return Ended::Kept(Kept::Off);
        }
        let ended = match &candidate.name {
            TagOrDigest::Tag(tag) => self.delete_tagged(deletes, tag, candidate, habit).await,
            TagOrDigest::Digest(_) => self.delete_untagged(deletes, candidate, habit).await,
        };
        if let (Ok(Ended::Deleted | Ended::WasGone), TagOrDigest::Tag(tag)) = (&ended, &candidate.name) {
            self.taken.insert(tag.clone());
        }
        ended.unwrap_or_else(|error| Ended::failed(with_sources(&error)))
    }

    async fn delete_tagged(
        &mut self,
        deletes: &dyn Deletes,
        tag: &Tag,
        candidate: &Candidate,
        habit: &mut Habit,
    ) -> Result<Ended, Error> {
        let became = self.became.get(&candidate.digest);
        match resolve(self.target, self.retries, &candidate.name).await? {
            // It was deleted with another tag of its image.
            None if matches!(became, Some(Became::Gone | Became::Untagged | Became::Left)) => {
                return Ok(Ended::Deleted);
            }
            None => {
                self.became.entry(candidate.digest.clone()).or_insert(Became::LostTag);
                return Ok(Ended::WasGone);
            }
            Some(now) if now != candidate.digest => {
                self.changed = Some(format!("`{tag}` has been pushed"));
                return Ok(Ended::failed(format!("it is {now} by now: somebody has pushed it meanwhile")));
            }
            Some(_) => {}
        }
        // A client that pushed in the meantime may have brought back its subject.
        if matches!(candidate.standing, Standing::Follows { .. })
            && let Some(change) = self.change().await?
        {
            return Ok(change);
        }
        if *habit == Habit::Unknown && deletes.untags().await {
            *habit = Habit::Untags;
        }
        // Deleting a tag alone is allowed even if the image is needed.
        let may_untag = match *habit {
            Habit::Untags => true,
            Habit::Unknown | Habit::Deletes => self.holder(candidate).await?.is_none(),
            Habit::Refuses | Habit::Off => false,
        };
        if may_untag && let Some(ended) = self.untag(deletes, tag, candidate, habit).await? {
            return Ok(ended);
        }
        match self.holder(candidate).await? {
            Some(holder) => Ok(holder),
            None => self.delete_manifest(deletes, &candidate.digest, habit).await,
        }
    }

    /// Deletes an untagged referrer of a deleted image. Some registries have already deleted it with the image.
    async fn delete_untagged(
        &mut self,
        deletes: &dyn Deletes,
        candidate: &Candidate,
        habit: &mut Habit,
    ) -> Result<Ended, Error> {
        if let Some(holder) = self.holder(candidate).await? {
            return Ok(holder);
        }
        let ended = self.delete_manifest(deletes, &candidate.digest, habit).await?;
        Ok(if ended == Ended::WasGone { Ended::Deleted } else { ended })
    }

    /// Why an image must not be deleted: something needs it, or may need it.
    async fn holder(&mut self, candidate: &Candidate) -> Result<Option<Ended>, Error> {
        if !candidate.held_by.is_empty() {
            let holders = candidate.held_by.join(", ");
            return Ok(Some(Ended::held(format!(
                "held by {holders}: this registry is not known to take a tag away without its image"
            ))));
        }
        if self.stays(&candidate.digest) {
            let why = "what should have gone before it is still there, and needs it";
            return Ok(Some(Ended::held(why)));
        }
        self.change().await
    }

    /// Why nothing is deleted that a change may need. Checks the tags before the first such deletion of a batch.
    async fn change(&mut self) -> Result<Option<Ended>, Error> {
        if self.changed.is_none() && !self.is_looked_at_again {
            let asked = changes(self.target, self.retries, (self.contents, &self.taken));
            let Some(changed) = self.cancel.run_until_cancelled(asked).await else {
                return Ok(Some(Ended::Kept(Kept::Stopped)));
            };
            self.changed = changed?;
            self.is_looked_at_again = true;
        }
        let changed = self.changed.as_ref();
        Ok(changed.map(|changed| {
            Ended::failed(format!(
                "{changed} since the repository was looked at, and what may need it is not known: run it again"
            ))
        }))
    }

    /// Deletes a tag; `None` if the registry requires a digest.
    async fn untag(
        &mut self,
        deletes: &dyn Deletes,
        tag: &Tag,
        candidate: &Candidate,
        habit: &mut Habit,
    ) -> Result<Option<Ended>, Error> {
        let deletion = self.ask_to_delete(&candidate.name, || deletes.delete_tag(tag)).await?;
        match deletion {
            Asked::Done(Deletion::Untagged) => *habit = Habit::Untags,
            Asked::Done(Deletion::Kept(WhyKept::NoTagDeletion, _)) => {
                *habit = Habit::Refuses;
                return Ok(None);
            }
            Asked::Done(Deletion::Kept(why, words)) => return Ok(Some(kept(why, &words, habit))),
            Asked::Done(Deletion::NotThere) => {
                self.became.entry(candidate.digest.clone()).or_insert(Became::LostTag);
                return Ok(Some(Ended::WasGone));
            }
            Asked::Done(Deletion::Done) if *habit == Habit::Unknown => {
                let image = by_digest(&candidate.digest);
                // The tag is deleted in any case; an error shows nothing about the registry.
                *habit = match resolve(self.target, self.retries, &image).await {
                    Ok(Some(_)) => Habit::Untags,
                    Ok(None) => Habit::Deletes,
                    Err(_) => Habit::Unknown,
                };
            }
            Asked::Done(Deletion::Done) => {}
            Asked::StillThere => return Ok(Some(still_there())),
        }
        let became = if *habit == Habit::Untags { Became::Left } else { Became::Untagged };
        self.became.insert(candidate.digest.clone(), became);
        if candidate.held_by.is_empty() && !self.stays(&candidate.digest) {
            Ok(Some(Ended::Deleted))
        } else {
            Ok(Some(self.see_what_is_left(candidate, habit).await))
        }
    }

    /// Checks that a held image still exists: if the registry has deleted it with the tag, it is not trusted any more.
    async fn see_what_is_left(&self, candidate: &Candidate, habit: &mut Habit) -> Ended {
        let image = by_digest(&candidate.digest);
        match resolve(self.target, self.retries, &image).await {
            Ok(Some(_)) => return Ended::Deleted,
            // The tag is deleted, but to be safe the registry is not trusted any more.
            Err(_) => {
                *habit = Habit::Deletes;
                return Ended::Deleted;
            }
            Ok(None) => *habit = Habit::Deletes,
        }
        let holders = match &*candidate.held_by {
            [] => "what should have gone and has not".to_owned(),
            holders => holders.join(", "),
        };
        Ended::failed(format!(
            "the registry has deleted its image with the tag, which {holders} needs: copy that again"
        ))
    }

    async fn delete_manifest(
        &mut self,
        deletes: &dyn Deletes,
        digest: &Digest,
        habit: &mut Habit,
    ) -> Result<Ended, Error> {
        let name = by_digest(digest);
        let deletion = self.ask_to_delete(&name, || deletes.delete_manifest(digest)).await?;
        match deletion {
            Asked::Done(Deletion::Untagged | Deletion::Done) => {
                self.became.insert(digest.clone(), Became::Gone);
                Ok(Ended::Deleted)
            }
            Asked::Done(Deletion::NotThere) => {
                self.became.insert(digest.clone(), Became::Gone);
                Ok(Ended::WasGone)
            }
            Asked::Done(Deletion::Kept(why, words)) => Ok(kept(why, &words, habit)),
            Asked::StillThere => Ok(still_there()),
        }
    }

    /// Sends a deletion request. If a retry reports that the content is missing, the first request deleted it and its
    /// answer was lost.
    async fn ask_to_delete<'q>(
        &self,
        name: &TagOrDigest,
        question: impl Fn() -> Answer<'q, Deletion> + Sync,
    ) -> Result<Asked, Error> {
        let asked = AtomicU32::new(0);
        let counted = || {
            asked.fetch_add(1, Ordering::Relaxed);
            question()
        };
        let (place, operation) = ((Side::Target, self.target.name()), Operation::Delete(name.clone()));
        let deletion = ask(place, self.retries, operation, counted).await?;
        if !matches!(deletion, Deletion::NotThere) {
            return Ok(Asked::Done(deletion));
        }
        if resolve(self.target, self.retries, name).await?.is_some() {
            return Ok(Asked::StillThere);
        }
        let is_lost = asked.load(Ordering::Relaxed) > 1;
        Ok(Asked::Done(if is_lost { Deletion::Done } else { Deletion::NotThere }))
    }
}

/// The result of a deletion request.
enum Asked {
    Done(Deletion),
    /// The registry reports the content as missing, but has it: some answer so if the login may not delete.
    StillThere,
}

fn by_digest(digest: &Digest) -> TagOrDigest {
    TagOrDigest::Digest(digest.clone())
}

fn still_there() -> Ended {
    Ended::failed("the registry says that there is no such thing to delete, and still has it")
}

fn kept(why: WhyKept, words: &crate::endpoint::EndpointError, habit: &mut Habit) -> Ended {
    match why {
        WhyKept::Off | WhyKept::NoTagDeletion => {
            *habit = Habit::Off;
            Ended::Kept(Kept::Off)
        }
        WhyKept::Held => {
            Ended::failed(format!("the registry says that something needs it: {}", with_sources(words)))
        }
        WhyKept::Immutable => Ended::failed(format!("its tag is immutable: {}", with_sources(words))),
    }
}
