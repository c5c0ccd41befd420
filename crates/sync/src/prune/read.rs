//! Reads the contents of a target repository: its tags, and what their manifests need.

use std::collections::{BTreeSet, HashMap, HashSet};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use oci::{Digest, ErrorKind, MediaType, RawManifest, Tag, TagOrDigest};

use super::contents::Contents;
use super::present::{list, resolve};
use super::suspects::Suspects;
use crate::endpoint::Target;
use crate::engine::ask::ask;
use crate::rule::referrer_tag::subject;
use crate::{Cause, Error, Operation, Side};

/// How many manifests are read or looked up in parallel.
const ASKED_AT_ONCE: usize = 8;

/// Reads only the digests of some tags, which is enough if nothing can be deleted.
pub(super) async fn read_digests<'a>(
    target: &dyn Target,
    retries: u32,
    tags: impl Iterator<Item = &'a Tag>,
) -> Result<Contents, Error> {
    let known = target.bulk_tags().await.unwrap_or_default();
    let mut contents = Contents::default();
    let mut questions = Vec::new();
    for tag in tags {
        match known.digests.get(tag) {
            Some(digest) => contents.point(tag.clone(), digest.clone()),
            None => questions.push(TagOrDigest::Tag(tag.clone())),
        }
    }
    let questions = questions.into_iter().map(|name| async move {
        let digest = resolve(target, retries, &name).await?;
        Ok::<_, Error>((name, digest))
    });
    let mut answers = stream::iter(questions.collect::<Vec<_>>()).buffer_unordered(ASKED_AT_ONCE);
    while let Some(answer) = answers.try_next().await? {
        if let (TagOrDigest::Tag(tag), Some(digest)) = answer {
            contents.point(tag, digest);
        }
    }
    Ok(contents)
}

/// Reads what is needed to decide about `suspects`, and what the digests that rules select need. Tags with a known
/// digest are read by it.
pub(super) async fn read(
    target: &dyn Target,
    retries: u32,
    (suspects, selected): (&Suspects, &HashSet<TagOrDigest>),
    known: &Contents,
) -> Result<Contents, Error> {
    let listed = list(target, retries).await?;
    let bulk = target.bulk_tags().await.unwrap_or_default();
    let digest = |tag: &Tag| bulk.digests.get(tag).or_else(|| known.digest(tag)).cloned();
    let tags = listed.tags.iter().map(|tag| (tag.clone(), digest(tag))).collect();
    let mut contents = Contents::listing(listed.tags, listed.invalid);
    let mut children = read_tags(target, retries, tags, &mut contents).await?;
    children.extend(selected.iter().filter_map(|name| match name {
        TagOrDigest::Digest(digest) => Some(digest.clone()),
        TagOrDigest::Tag(_) => None,
    }));
    while !children.is_empty() {
        children = read_children(target, retries, children, &mut contents).await?;
    }
    look_for_subjects(target, retries, suspects, &mut contents).await?;
    Ok(contents)
}

/// Reads the manifests of all tags, each digest once if it is known. Returns the indexes among their children.
async fn read_tags(
    target: &dyn Target,
    retries: u32,
    tags: HashMap<Tag, Option<Digest>>,
    contents: &mut Contents,
) -> Result<Vec<Digest>, Error> {
    let mut read = HashSet::new();
    let mut questions = Vec::new();
    for (tag, digest) in tags {
        match digest {
            Some(digest) => {
                if read.insert(digest.clone()) {
                    questions.push(TagOrDigest::Digest(digest.clone()));
                }
                contents.point(tag, digest);
            }
            None => questions.push(TagOrDigest::Tag(tag)),
        }
    }
    let questions = questions.into_iter().map(|name| async move {
        let manifest = manifest(target, retries, &name).await?;
        Ok::<_, Error>((name, manifest))
    });
    let mut answers = stream::iter(questions.collect::<Vec<_>>()).buffer_unordered(ASKED_AT_ONCE);
    let mut children = Vec::new();
    while let Some((name, manifest)) = answers.try_next().await? {
        // A tag without a manifest is no image.
        let Some(manifest) = manifest else { continue };
        if let TagOrDigest::Tag(tag) = name {
            contents.point(tag, manifest.digest().clone());
        }
        children.extend(note(target, &manifest, contents)?);
    }
    Ok(children)
}

async fn read_children(
    target: &dyn Target,
    retries: u32,
    children: Vec<Digest>,
    contents: &mut Contents,
) -> Result<Vec<Digest>, Error> {
    let unread: BTreeSet<_> = children.into_iter().filter(|digest| !contents.is_read(digest)).collect();
    let questions = unread
        .into_iter()
        .map(|digest| async move { manifest(target, retries, &TagOrDigest::Digest(digest)).await });
    let mut answers = stream::iter(questions.collect::<Vec<_>>()).buffer_unordered(ASKED_AT_ONCE);
    let mut more = Vec::new();
    while let Some(manifest) = answers.try_next().await? {
        if let Some(manifest) = manifest {
            more.extend(note(target, &manifest, contents)?);
        }
    }
    Ok(more)
}

/// A manifest; `None` if it does not exist.
async fn manifest(
    target: &dyn Target,
    retries: u32,
    name: &TagOrDigest,
) -> Result<Option<RawManifest>, Error> {
    let operation = Operation::ReadManifest(name.clone());
    match ask((Side::Target, target.name()), retries, operation, || target.manifest(name)).await {
        Ok(manifest) => Ok(Some(manifest)),
        Err(error) if error.kind() == Some(ErrorKind::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Records what a manifest needs; returns the indexes among that.
fn note(target: &dyn Target, manifest: &RawManifest, contents: &mut Contents) -> Result<Vec<Digest>, Error> {
    let digest = manifest.digest();
    let unusable = |source| Error {
        side: Side::Target,
        place: target.name().to_owned(),
        operation: Operation::ReadManifest(TagOrDigest::Digest(digest.clone())),
        cause: Cause::Manifest { digest: Box::new(digest.clone()), source: Box::new(source) },
    };
    let links = manifest.links().map_err(unusable)?;
    let subject = manifest.subject().map_err(unusable)?.map(|subject| subject.digest);
    contents.read(digest, links.manifests.iter().map(|child| child.digest.clone()).collect(), subject);
    let is_index =
        |media_type: &MediaType| [MediaType::OCI_INDEX, MediaType::DOCKER_LIST].contains(media_type);
    let children = links.manifests.into_iter().filter(|child| child.media_type.as_ref().is_none_or(is_index));
    Ok(children.map(|child| child.digest).collect())
}

/// Finds out whether the subjects of followers exist, if no tag and no index leads to them: a referrer does not tell.
async fn look_for_subjects(
    target: &dyn Target,
    retries: u32,
    suspects: &Suspects,
    contents: &mut Contents,
) -> Result<(), Error> {
    let followers: HashSet<&Digest> =
        suspects.followers.iter().filter_map(|tag| contents.digest(tag)).collect();
    let named = contents.children_without(&followers);
    let subjects: BTreeSet<Digest> = suspects.followers.iter().filter_map(subject).collect();
    let unknown =
        subjects.into_iter().filter(|subject| !contents.is_read(subject) && !named.contains(subject));
    let questions = unknown.map(|subject| async move {
        let there = resolve(target, retries, &TagOrDigest::Digest(subject.clone())).await?;
        Ok::<_, Error>(there.map(|_| subject))
    });
    let answers = stream::iter(questions.collect::<Vec<_>>()).buffer_unordered(ASKED_AT_ONCE);
    let there: Vec<Option<Digest>> = answers.try_collect().await?;
    contents.untagged.extend(there.into_iter().flatten());
    Ok(())
}
