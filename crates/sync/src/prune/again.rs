//! Checks again before a deletion: the source and the target's tags may have changed since they were read.

use std::collections::{HashMap, HashSet};

use futures_util::stream::{self, StreamExt as _};
use oci::{Tag, TagOrDigest, with_sources};

use super::contents::Contents;
use super::ended::Ended;
use super::present::{list, resolve, resolve_at_source};
use super::repository::{Missed, Repository};
use crate::Error;
use crate::endpoint::Target;

/// How many tags are looked up in parallel.
const ASKED_AT_ONCE: usize = 8;

/// A description of the first change of a repository's tags: a new tag, a tag with another digest, or an existing tag
/// that is not listed any more (such a list may omit others, too). `taken` are the tags deleted since.
pub(super) async fn changes(
    target: &dyn Target,
    retries: u32,
    (contents, taken): (&Contents, &HashSet<Tag>),
) -> Result<Option<String>, Error> {
    let listed = list(target, retries).await?;
    if let Some(new) = listed.tags.difference(&contents.listed).next() {
        return Ok(Some(format!("`{new}` has come")));
    }
    if let Some(new) = listed.invalid.difference(&contents.invalid).next() {
        return Ok(Some(format!("`{new}` has come, which is no tag,")));
    }
    let unlisted = contents.listed.iter().filter(|tag| !listed.tags.contains(*tag) && !taken.contains(*tag));
    let asked = listed.tags.iter().map(|tag| (tag, true)).chain(unlisted.map(|tag| (tag, false)));
    let questions = asked.map(|(tag, is_listed)| async move {
        let now = resolve(target, retries, &TagOrDigest::Tag(tag.clone())).await?;
        Ok::<_, Error>((tag, is_listed, now))
    });
    let mut answers = stream::iter(questions.collect::<Vec<_>>()).buffer_unordered(ASKED_AT_ONCE);
    while let Some(answer) = answers.next().await {
        let (tag, is_listed, now) = answer?;
        // A deleted tag needs nothing.
        if now.is_some() && !is_listed {
            return Ok(Some(format!("`{tag}` is there, but not listed any more,")));
        }
        if now.is_some() && now.as_ref() != contents.digest(tag) {
            return Ok(Some(format!("`{tag}` has been pushed")));
        }
    }
    Ok(None)
}

/// The tags to delete that their source has again, or whose source cannot be asked, with the result for each.
pub(super) async fn back_at_source(repository: &Repository, retries: u32) -> HashMap<TagOrDigest, Ended> {
    let due = repository.candidates.iter().filter(|candidate| candidate.is_due());
    let missed = due.filter_map(|candidate| match &candidate.name {
        TagOrDigest::Tag(tag) => Some((tag, repository.missed.get(tag)?)),
        TagOrDigest::Digest(_) => None,
    });
    let questions = missed.map(|(tag, missed)| async move {
        Some((TagOrDigest::Tag(tag.clone()), found(missed, retries).await?))
    });
    let answers = stream::iter(questions.collect::<Vec<_>>()).buffer_unordered(ASKED_AT_ONCE);
    answers.filter_map(std::future::ready).collect().await
}

async fn found(missed: &[Missed], retries: u32) -> Option<Ended> {
    for Missed { source, tag } in missed {
        let name = TagOrDigest::Tag(Tag::clone(tag));
        match resolve_at_source(&**source, retries, &name).await {
            Ok(None) => {}
            Ok(Some(_)) => return Some(Ended::held(format!("{}:{tag} is there by now", source.name()))),
            Err(error) => {
                let why = with_sources(&error);
                return Some(Ended::failed(format!("the source cannot be asked for it again: {why}")));
            }
        }
    }
    None
}
