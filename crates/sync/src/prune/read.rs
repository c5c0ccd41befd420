//! Reads what a target repository has: its tags, and what their manifests need.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use oci::{Digest, ErrorKind, MediaType, RawManifest, Tag, TagOrDigest};

use super::ask::{ask, list, resolve};
use super::contents::Contents;
use super::decide::Suspects;
use crate::endpoint::Target;
use crate::endpoint::listing::BulkListing;
use crate::rule::referrer_tag::subject;
use crate::{Cause, Error, Operation, Side};

/// Manifests that are read at once.
const READ_AT_ONCE: usize = 8;

/// Reads what tells whether `suspects` can go, and what the digests that rules select need.
pub(super) async fn read(
    target: &dyn Target,
    retries: u32,
    suspects: &Suspects,
    selected: &HashSet<TagOrDigest>,
) -> Result<Contents, Error> {
    let tags = list(target, retries).await?;
    let known = target.bulk_tags().await;
    let mut contents = Contents { listed: tags.clone(), ..Contents::default() };
    let mut children = read_tags(target, retries, tags, known, &mut contents).await?;
    children.extend(selected.iter().filter_map(|name| match name {
        TagOrDigest::Digest(digest) => Some(digest.clone()),
        TagOrDigest::Tag(_) => None,
    }));
    while !children.is_empty() {
        children = read_children(target, retries, children, &mut contents).await?;
    }
    look_for_subjects(target, retries, suspects, &mut contents).await?;
    list_referrers(target, retries, suspects, &mut contents).await;
    Ok(contents)
}

/// Reads the manifests of all tags, each once where the registry tells which are the same. Gives the indexes among what they
/// name.
async fn read_tags(
    target: &dyn Target,
    retries: u32,
    tags: BTreeSet<Tag>,
    known: Option<Arc<BulkListing>>,
    contents: &mut Contents,
) -> Result<Vec<Digest>, Error> {
    let mut read = HashSet::new();
    let mut questions = Vec::new();
    for tag in tags {
        match known.as_ref().and_then(|known| known.digests.get(&tag)) {
            Some(digest) => {
                contents.tags.insert(tag, digest.clone());
                if read.insert(digest.clone()) {
                    questions.push(TagOrDigest::Digest(digest.clone()));
                }
            }
            None => questions.push(TagOrDigest::Tag(tag)),
        }
    }
    let questions = questions.into_iter().map(|name| async move {
        let manifest = manifest(target, retries, &name).await?;
        Ok::<_, Error>((name, manifest))
    });
    let mut answers = stream::iter(questions.collect::<Vec<_>>()).buffer_unordered(READ_AT_ONCE);
    let mut children = Vec::new();
    while let Some((name, manifest)) = answers.try_next().await? {
        // A tag without a manifest is nobody's image.
        let Some(manifest) = manifest else { continue };
        if let TagOrDigest::Tag(tag) = name {
            contents.tags.insert(tag, manifest.digest().clone());
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
    let unread: BTreeSet<_> =
        children.into_iter().filter(|digest| !contents.needs.contains_key(digest)).collect();
    let questions = unread
        .into_iter()
        .map(|digest| async move { manifest(target, retries, &TagOrDigest::Digest(digest)).await });
    let mut answers = stream::iter(questions.collect::<Vec<_>>()).buffer_unordered(READ_AT_ONCE);
    let mut more = Vec::new();
    while let Some(manifest) = answers.try_next().await? {
        if let Some(manifest) = manifest {
            more.extend(note(target, &manifest, contents)?);
        }
    }
    Ok(more)
}

/// A manifest; `None` where it is not there.
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

/// Notes what a manifest needs; gives the indexes among that.
fn note(target: &dyn Target, manifest: &RawManifest, contents: &mut Contents) -> Result<Vec<Digest>, Error> {
    let digest = manifest.digest();
    let unusable = |source| Error {
        side: Side::Target,
        place: target.name().to_owned(),
        operation: Operation::ReadManifest(TagOrDigest::Digest(digest.clone())),
        cause: Cause::Manifest { digest: Box::new(digest.clone()), source: Box::new(source) },
    };
    let links = manifest.links().map_err(unusable)?;
    let subject = manifest.subject().map_err(unusable)?;
    let needs = links.manifests.iter().map(|child| child.digest.clone());
    let needs = needs.chain(subject.map(|subject| subject.digest)).collect();
    contents.needs.insert(digest.clone(), needs);
    let is_index =
        |media_type: &MediaType| [MediaType::OCI_INDEX, MediaType::DOCKER_LIST].contains(media_type);
    let children = links.manifests.into_iter().filter(|child| child.media_type.as_ref().is_none_or(is_index));
    Ok(children.map(|child| child.digest).collect())
}

/// Finds out whether the images of followers are there, where no tag of another image leads to them: what a follower says of its
/// own subject does not tell.
async fn look_for_subjects(
    target: &dyn Target,
    retries: u32,
    suspects: &Suspects,
    contents: &mut Contents,
) -> Result<(), Error> {
    let subjects: BTreeSet<Digest> = suspects.followers.iter().filter_map(subject).collect();
    let followers: HashSet<&Digest> =
        suspects.followers.iter().filter_map(|tag| contents.tags.get(tag)).collect();
    let others = contents.needs.iter().filter(|(digest, _)| !followers.contains(digest));
    let named: HashSet<Digest> = others.flat_map(|(_, needs)| needs.iter().cloned()).collect();
    for subject in subjects {
        let is_named = contents.needs.contains_key(&subject) || named.contains(&subject);
        if !is_named && resolve(target, retries, &TagOrDigest::Digest(subject.clone())).await?.is_some() {
            contents.untagged.insert(subject);
        }
    }
    Ok(())
}

/// Asks what refers to images that may go. A registry that keeps no lists has nothing to tell; one whose list fails may have, and
/// the image stays.
async fn list_referrers(target: &dyn Target, retries: u32, suspects: &Suspects, contents: &mut Contents) {
    let Some(deletes) = target.deletes() else { return };
    let going = suspects.images.iter().filter_map(|tag| contents.tags.get(tag).cloned());
    let mut open: Vec<Digest> = going.collect::<BTreeSet<_>>().into_iter().collect();
    while let Some(subject) = open.pop() {
        let operation = Operation::ListReferrers(subject.clone());
        let listed =
            ask((Side::Target, target.name()), retries, operation, || deletes.referrers(&subject)).await;
        let found: Vec<Digest> = match listed {
            Ok(found) => found.into_iter().map(|found| found.digest).collect(),
            Err(error) => {
                contents.unlisted.insert(subject, oci::with_sources(&error));
                continue;
            }
        };
        if !found.is_empty() && !contents.referrers.contains_key(&subject) {
            open.extend(found.iter().cloned());
            contents.referrers.insert(subject, found);
        }
    }
}
