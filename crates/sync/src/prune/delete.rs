//! Deletes one thing, in the way in which its registry does so.

use std::collections::{BTreeSet, HashSet};

use oci::{Digest, Tag, TagOrDigest, WhyKept, with_sources};

use super::ask::{ask, resolve};
use super::candidate::Candidate;
use super::contents::Contents;
use super::look::Repository;
use super::read::list;
use crate::endpoint::{Deletes, Deletion, Target};
use crate::{Error, Operation};

/// What a registry was seen to do.
#[derive(Debug, Default)]
pub(super) struct Habits {
    is_off: bool,
    tags: TagHabit,
}

/// What a registry does where it is asked to take a tag away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

/// How it ended with something that was to go.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Deleted,
    /// It was not there any more.
    WasGone,
    /// The registry deletes nothing.
    Off,
    /// Something needs it.
    Held(String),
    Failed(String),
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
    /// Whether the tags are still those that were looked at.
    are_tags_known: Option<bool>,
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
            are_tags_known: None,
        }
    }

    /// Whether a manifest was deleted by its digest.
    pub(super) fn is_gone(&self, digest: &Digest) -> bool {
        self.gone.contains(digest)
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
            TagOrDigest::Digest(digest) => self.delete_manifest(deletes, digest, habits).await,
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
                return Ok(Ended::Failed(format!("it is {now} by now: somebody has pushed it meanwhile")));
            }
            Some(_) => {}
        }
        let is_held = !candidate.held_by.is_empty();
        if habits.tags == TagHabit::Unknown && deletes.untags().await {
            habits.tags = TagHabit::Untags;
        }
        let may_untag = match habits.tags {
            TagHabit::Untags => true,
            TagHabit::Unknown | TagHabit::Deletes => !is_held,
            TagHabit::Refuses => false,
        };
        if may_untag && let Some(ended) = self.untag(deletes, tag, candidate, habits).await? {
            return Ok(ended);
        }
        if is_held {
            let holders = candidate.held_by.join(", ");
            return Ok(Ended::Held(format!(
                "held by {holders}: this registry is not known to take a tag away without its image"
            )));
        }
        if !self.tags_are_known().await? {
            let why = "tags have come to the repository since it was looked at: run it again";
            return Ok(Ended::Failed(why.to_owned()));
        }
        self.delete_manifest(deletes, &candidate.digest, habits).await
    }

    /// Takes a tag away; `None` where the registry wants a digest.
    async fn untag(
        &mut self,
        deletes: &dyn Deletes,
        tag: &Tag,
        candidate: &Candidate,
        habits: &mut Habits,
    ) -> Result<Option<Ended>, Error> {
        let operation = Operation::Delete(candidate.name.clone());
        match ask(self.target, self.retries, operation, || deletes.delete_tag(tag)).await? {
            Deletion::Untagged => habits.tags = TagHabit::Untags,
            Deletion::Done if habits.tags == TagHabit::Unknown => {
                let image = TagOrDigest::Digest(candidate.digest.clone());
                let is_left = resolve(self.target, self.retries, &image).await?.is_some();
                habits.tags = if is_left { TagHabit::Untags } else { TagHabit::Deletes };
            }
            Deletion::Done => {}
            Deletion::NotThere => return Ok(Some(Ended::WasGone)),
            Deletion::Kept(WhyKept::NoTagDeletion, _) => {
                habits.tags = TagHabit::Refuses;
                return Ok(None);
            }
            Deletion::Kept(why, words) => return Ok(Some(kept(why, &words, habits))),
        }
        self.touched.insert(candidate.digest.clone());
        if candidate.held_by.is_empty() {
            Ok(Some(Ended::Deleted))
        } else {
            self.see_what_is_left(candidate, habits).await
        }
    }

    /// What holds an image must still have it: a registry that has taken it along is not believed any more.
    async fn see_what_is_left(
        &self,
        candidate: &Candidate,
        habits: &mut Habits,
    ) -> Result<Option<Ended>, Error> {
        let image = TagOrDigest::Digest(candidate.digest.clone());
        if resolve(self.target, self.retries, &image).await?.is_some() {
            return Ok(Some(Ended::Deleted));
        }
        habits.tags = TagHabit::Deletes;
        let holders = candidate.held_by.join(", ");
        Ok(Some(Ended::Failed(format!(
            "the registry has deleted its image with the tag, which {holders} needs: copy that again"
        ))))
    }

    async fn delete_manifest(
        &mut self,
        deletes: &dyn Deletes,
        digest: &Digest,
        habits: &mut Habits,
    ) -> Result<Ended, Error> {
        let operation = Operation::Delete(TagOrDigest::Digest(digest.clone()));
        match ask(self.target, self.retries, operation, || deletes.delete_manifest(digest)).await? {
            Deletion::Untagged | Deletion::Done => {
                self.gone.insert(digest.clone());
                Ok(Ended::Deleted)
            }
            Deletion::NotThere => Ok(Ended::WasGone),
            Deletion::Kept(why, words) => Ok(kept(why, &words, habits)),
        }
    }

    /// Whether no tag has come since the repository was looked at: asked once, before the first image goes by its digest.
    async fn tags_are_known(&mut self) -> Result<bool, Error> {
        if let Some(known) = self.are_tags_known {
            return Ok(known);
        }
        let now: BTreeSet<Tag> = list(self.target, self.retries).await?;
        let are_known = now.is_subset(&self.contents.listed);
        self.are_tags_known = Some(are_known);
        Ok(are_known)
    }
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
