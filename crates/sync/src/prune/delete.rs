//! Deletes one thing, in the way in which its registry does so.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};

use oci::{Digest, Tag, TagOrDigest, WhyKept, with_sources};

use super::again::changes;
use super::ask::{ask, resolve};
use super::candidate::{Candidate, Standing};
use super::contents::Contents;
use super::ended::Ended;
use super::look::Repository;
use crate::endpoint::{Answer, Deletes, Deletion, Target};
use crate::{Error, Operation, Side};

/// What a registry was seen to do.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Habits {
    is_off: bool,
    tags: TagHabit,
}

impl Habits {
    /// Takes what was seen in another repository, too: the worse of both counts.
    pub(super) fn learn(&mut self, seen: Self) {
        self.is_off |= seen.is_off;
        self.tags = self.tags.max(seen.tags);
    }
}

/// What a registry does where it is asked to take a tag away, the better first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum TagHabit {
    /// Nobody has seen it yet.
    #[default]
    Unknown,
    /// The tag goes, and its image stays.
    Untags,
    /// The tag goes; whether its image does is not known, because it was not there afterwards.
    Deletes,
    /// Nothing: it wants a digest.
    Refuses,
}

/// A repository while things go from it.
pub(super) struct Room<'a> {
    target: &'a dyn Target,
    contents: &'a Contents,
    retries: u32,
    /// Manifests that were deleted by their digest.
    gone: HashSet<Digest>,
    /// Manifests of which tags were taken away: some registries take all tags, or the image, along.
    touched: HashSet<Digest>,
    /// Manifests that something needs which should have gone and has not.
    staying: HashSet<Digest>,
    /// Whether the tags were looked at again since some of them went.
    is_looked_at_again: bool,
    /// What is not as it was when it was looked at: nobody knows then what else needs what.
    changed: Option<String>,
}

impl<'a> Room<'a> {
    pub(super) fn new(repository: &'a Repository, retries: u32) -> Self {
        let (target, contents) = (&*repository.target, &repository.contents);
        Self {
            target,
            contents,
            retries,
            gone: HashSet::new(),
            touched: HashSet::new(),
            staying: HashSet::new(),
            is_looked_at_again: false,
            changed: None,
        }
    }

    /// What was looked at a while ago is looked at again before more goes.
    pub(super) fn doubt(&mut self) {
        self.is_looked_at_again = false;
    }

    /// Whether a manifest was deleted by its digest.
    pub(super) fn is_gone(&self, digest: &Digest) -> bool {
        self.gone.contains(digest)
    }

    /// Something does not go, and all that it needs stays with it.
    pub(super) fn keep(&mut self, digest: &Digest) {
        let needed = self.contents.needed_by([((), digest)].into_iter());
        self.staying.extend(needed.into_keys().cloned());
    }

    /// Whether something needs a manifest that should have gone and has not.
    pub(super) fn stays(&self, digest: &Digest) -> bool {
        self.staying.contains(digest)
    }

    /// Deletes something, if it is still what was looked at.
    pub(super) async fn delete(&mut self, candidate: &Candidate, habits: &mut Habits) -> Ended {
        let Some(deletes) = self.target.deletes() else {
            return Ended::Failed("nothing can be deleted there".to_owned());
        };
        if habits.is_off {
            return Ended::Off;
        }
        let ended = match &candidate.name {
            TagOrDigest::Tag(tag) => self.delete_tagged(deletes, tag, candidate, habits).await,
            TagOrDigest::Digest(_) => self.delete_untagged(deletes, candidate, habits).await,
        };
        ended.unwrap_or_else(|error| Ended::Failed(with_sources(&error)))
    }

    async fn delete_tagged(
        &mut self,
        deletes: &dyn Deletes,
        tag: &Tag,
        candidate: &Candidate,
        habits: &mut Habits,
    ) -> Result<Ended, Error> {
        match resolve(self.target, self.retries, &candidate.name).await? {
            // Another tag of it has taken it along.
            None if self.gone.contains(&candidate.digest) || self.touched.contains(&candidate.digest) => {
                return Ok(Ended::Deleted);
            }
            None => return Ok(Ended::WasGone),
            Some(now) if now != candidate.digest => {
                self.changed = Some(format!("`{tag}` has been pushed"));
                return Ok(Ended::Failed(format!("it is {now} by now: somebody has pushed it meanwhile")));
            }
            Some(_) => {}
        }
        // Whoever has pushed meanwhile may have brought back what it follows.
        if matches!(candidate.standing, Standing::Follows { .. })
            && let Some(change) = self.change().await?
        {
            return Ok(change);
        }
        if habits.tags == TagHabit::Unknown && deletes.untags().await {
            habits.tags = TagHabit::Untags;
        }
        // What takes a tag away alone may do so whatever needs the image.
        let may_untag = match habits.tags {
            TagHabit::Untags => true,
            TagHabit::Unknown | TagHabit::Deletes => self.holder(candidate).await?.is_none(),
            TagHabit::Refuses => false,
        };
        if may_untag && let Some(ended) = self.untag(deletes, tag, candidate, habits).await? {
            return Ok(ended);
        }
        match self.holder(candidate).await? {
            Some(holder) => Ok(holder),
            None => self.delete_manifest(deletes, &candidate.digest, habits).await,
        }
    }

    /// Deletes what has no tag and refers to an image that is gone. Some registries have deleted it with that.
    async fn delete_untagged(
        &mut self,
        deletes: &dyn Deletes,
        candidate: &Candidate,
        habits: &mut Habits,
    ) -> Result<Ended, Error> {
        if let Some(holder) = self.holder(candidate).await? {
            return Ok(holder);
        }
        let ended = self.delete_manifest(deletes, &candidate.digest, habits).await?;
        Ok(if ended == Ended::WasGone { Ended::Deleted } else { ended })
    }

    /// Why an image must not go: something needs it, or may do so.
    async fn holder(&mut self, candidate: &Candidate) -> Result<Option<Ended>, Error> {
        if !candidate.held_by.is_empty() {
            let holders = candidate.held_by.join(", ");
            return Ok(Some(Ended::Held(format!(
                "held by {holders}: this registry is not known to take a tag away without its image"
            ))));
        }
        if self.stays(&candidate.digest) {
            let why = "what should have gone before it is still there, and needs it";
            return Ok(Some(Ended::Held(why.to_owned())));
        }
        self.change().await
    }

    /// Why nothing goes that a change may need: tags are looked at again before the first such thing of a batch goes.
    async fn change(&mut self) -> Result<Option<Ended>, Error> {
        if self.changed.is_none() && !self.is_looked_at_again {
            self.changed = changes(self.target, self.retries, self.contents).await?;
            self.is_looked_at_again = true;
        }
        let changed = self.changed.as_ref();
        Ok(changed.map(|changed| {
            Ended::Failed(format!(
                "{changed} since the repository was looked at, and may need it: run it again"
            ))
        }))
    }

    /// Takes a tag away; `None` where the registry wants a digest.
    async fn untag(
        &mut self,
        deletes: &dyn Deletes,
        tag: &Tag,
        candidate: &Candidate,
        habits: &mut Habits,
    ) -> Result<Option<Ended>, Error> {
        let deletion = self.ask_to_delete(&candidate.name, || deletes.delete_tag(tag)).await?;
        match deletion {
            Asked::Done(Deletion::Untagged) => habits.tags = TagHabit::Untags,
            Asked::Done(Deletion::Kept(WhyKept::NoTagDeletion, _)) => {
                habits.tags = TagHabit::Refuses;
                return Ok(None);
            }
            Asked::Done(Deletion::Kept(why, words)) => return Ok(Some(kept(why, &words, habits))),
            Asked::Done(Deletion::NotThere) => return Ok(Some(Ended::WasGone)),
            Asked::Done(Deletion::Done) if habits.tags == TagHabit::Unknown => {
                let image = TagOrDigest::Digest(candidate.digest.clone());
                // The tag is gone whatever comes of this; who does not answer has shown nothing.
                habits.tags = match resolve(self.target, self.retries, &image).await {
                    Ok(Some(_)) => TagHabit::Untags,
                    Ok(None) => TagHabit::Deletes,
                    Err(_) => TagHabit::Unknown,
                };
            }
            Asked::Done(Deletion::Done) => {}
            Asked::StillThere => return Ok(Some(still_there())),
        }
        self.touched.insert(candidate.digest.clone());
        if candidate.held_by.is_empty() && !self.stays(&candidate.digest) {
            Ok(Some(Ended::Deleted))
        } else {
            Ok(Some(self.see_what_is_left(candidate, habits).await))
        }
    }

    /// What holds an image must still have it: a registry that has taken it along is not believed any more.
    async fn see_what_is_left(&self, candidate: &Candidate, habits: &mut Habits) -> Ended {
        let image = TagOrDigest::Digest(candidate.digest.clone());
        match resolve(self.target, self.retries, &image).await {
            Ok(Some(_)) => return Ended::Deleted,
            // The tag is gone, and nothing more is risked.
            Err(_) => {
                habits.tags = TagHabit::Deletes;
                return Ended::Deleted;
            }
            Ok(None) => habits.tags = TagHabit::Deletes,
        }
        let holders = match &*candidate.held_by {
            [] => "what should have gone and has not".to_owned(),
            holders => holders.join(", "),
        };
        Ended::Failed(format!(
            "the registry has deleted its image with the tag, which {holders} needs: copy that again"
        ))
    }

    async fn delete_manifest(
        &mut self,
        deletes: &dyn Deletes,
        digest: &Digest,
        habits: &mut Habits,
    ) -> Result<Ended, Error> {
        let name = TagOrDigest::Digest(digest.clone());
        let deletion = self.ask_to_delete(&name, || deletes.delete_manifest(digest)).await?;
        match deletion {
            Asked::Done(Deletion::Untagged | Deletion::Done) => {
                self.gone.insert(digest.clone());
                Ok(Ended::Deleted)
            }
            Asked::Done(Deletion::NotThere) => Ok(Ended::WasGone),
            Asked::Done(Deletion::Kept(why, words)) => Ok(kept(why, &words, habits)),
            Asked::StillThere => Ok(still_there()),
        }
    }

    /// Asks for a deletion. What is not there when it is asked for again was deleted by the answer that got lost.
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

/// What came of a question for a deletion.
enum Asked {
    Done(Deletion),
    /// The registry says that it is not there, and has it: some say so to who may not delete.
    StillThere,
}

fn still_there() -> Ended {
    Ended::Failed("the registry says that there is no such thing to delete, and still has it".to_owned())
}

fn kept(why: WhyKept, words: &crate::endpoint::EndpointError, habits: &mut Habits) -> Ended {
    match why {
        WhyKept::Off | WhyKept::NoTagDeletion => {
            habits.is_off = true;
            Ended::Off
        }
        WhyKept::Held => {
            Ended::Failed(format!("the registry says that something needs it: {}", with_sources(words)))
        }
        WhyKept::Immutable => Ended::Failed(format!("its tag is immutable: {}", with_sources(words))),
    }
}
