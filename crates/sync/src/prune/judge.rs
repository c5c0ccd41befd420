//! The dependencies in one repository: which deletions imply others, and what prevents them. Without requests.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use oci::{Digest, Tag, TagOrDigest, referrers_tag};

use super::candidate::{Candidate, Standing, Untagging};
use super::contents::Contents;
use super::gone::Grace;
use crate::rule::referrer_tag::subject;

/// How many holders of an image are named.
const NAMED: usize = 5;

/// The contents of one repository, and what decides about them.
pub(super) struct Judge<'a> {
    pub(super) name: &'a Arc<str>,
    pub(super) contents: &'a Contents,
    /// The references that rules write there.
    pub(super) selected: &'a HashSet<TagOrDigest>,
    pub(super) untagging: Untagging,
    pub(super) grace: Grace<'a>,
}

impl<'a> Judge<'a> {
    fn candidate(&self, name: TagOrDigest, digest: &Digest, standing: Standing) -> Candidate {
        let (repository, digest, held_by) = (self.name.clone(), digest.clone(), Vec::new());
        Candidate { repository, name, digest, standing, held_by, untagging: self.untagging }
    }

    fn of_tag(&self, tag: &Tag, standing: impl FnOnce(&Digest) -> Standing) -> Option<Candidate> {
        // A tag that does not exist any more is no candidate.
        let digest = self.contents.digest(tag)?;
        Some(self.candidate(TagOrDigest::Tag(tag.clone()), digest, standing(digest)))
    }

    /// Images that the source does not have.
    pub(super) fn images(&self, tags: &BTreeSet<Tag>) -> Vec<Candidate> {
        tags.iter().filter_map(|tag| self.of_tag(tag, |digest| self.grace.standing(tag, digest))).collect()
    }

    /// Candidates that stay, each with the source that keeps it.
    pub(super) fn stay(&self, tags: &BTreeMap<Tag, Arc<str>>, standing: &Standing) -> Vec<Candidate> {
        let stay = tags.iter().filter_map(|(tag, source)| {
            let candidate = self.of_tag(tag, |_| standing.clone())?;
            Some(Candidate { held_by: vec![source.to_string()], ..candidate })
        });
        stay.collect()
    }

    /// The followers whose subject is deleted, now or before; all others stay with their subjects.
    pub(super) fn followers(&self, tags: &BTreeSet<Tag>, images: &[Candidate]) -> Vec<Candidate> {
        let going = going(images);
        let due = images.iter().filter(|image| image.is_due()).map(|image| &image.digest);
        let doomed = self.contents.below(due);
        let mut followers = self.with_subjects(tags);
        // A follower that stays may need the subject of another one.
        loop {
            let needed = self.needed(|tag| !going.contains(tag) && !followers.contains_key(tag));
            let before = followers.len();
            followers.retain(|_, subject| {
                let is_gone = doomed.contains(subject) || !self.contents.is_there(subject);
                is_gone && !needed.contains_key(subject)
            });
            if followers.len() == before {
                break;
            }
        }
        let candidates = followers.into_iter().filter_map(|(tag, subject)| {
            self.of_tag(tag, |digest| match self.grace.standing(tag, digest) {
                waits @ Standing::Waits { .. } if !doomed.contains(&subject) => waits,
                _ => Standing::Follows { subject },
            })
        });
        candidates.collect()
    }

    /// The subjects of tags. The referrers tag of a sha512 digest has only a part of the digest: if no known digest
    /// matches, the subject is unknown, and the tag stays.
    fn with_subjects<'t>(&self, tags: &'t BTreeSet<Tag>) -> BTreeMap<&'t Tag, Digest> {
        let (known, unknown): (Vec<_>, Vec<_>) =
            tags.iter().map(|tag| (tag, subject(tag))).partition(|(_, subject)| subject.is_some());
        let mut subjects: BTreeMap<_, _> =
            known.into_iter().filter_map(|(tag, of)| Some((tag, of?))).collect();
        if !unknown.is_empty() {
            let lists: HashMap<Tag, &Digest> =
                self.contents.digests().map(|digest| (referrers_tag(digest), digest)).collect();
            let found = unknown.into_iter().filter_map(|(tag, _)| Some((tag, (*lists.get(tag)?).clone())));
            subjects.extend(found);
        }
        subjects
    }

    /// Sets the holders of all candidates that are to be deleted.
    pub(super) fn hold(&self, candidates: &mut [Candidate]) {
        let going = going(candidates);
        let needed = self.needed(|tag| !going.contains(tag));
        let mut holders: HashMap<Digest, Vec<String>> = HashMap::new();
        for candidate in candidates.iter_mut().filter(|candidate| candidate.is_due()) {
            let known = holders.entry(candidate.digest.clone());
            let known = known.or_insert_with_key(|digest| self.holders(digest, &going, &needed));
            candidate.held_by.clone_from(known);
        }
    }

    /// What is needed by tags that stay, by digests that rules write, and by manifests whose referrers cannot be listed.
    fn needed(&self, stays: impl Fn(&Tag) -> bool) -> HashMap<&'a Digest, Name<'a>> {
        let contents = self.contents;
        let tags =
            contents.tags().filter(|(tag, _)| stays(tag)).map(|(tag, digest)| (Name::Tag(tag), digest));
        let digests = self.selected.iter().filter_map(|name| match name {
            TagOrDigest::Digest(digest) => Some((Name::Digest(digest), digest)),
            TagOrDigest::Tag(_) => None,
        });
        let unlisted = contents.unlisted.iter().map(|(digest, why)| (Name::Unlisted(why), digest));
        contents.needed_by(tags.chain(digests).chain(unlisted))
    }

    /// What stays and needs a manifest: its other tags, or else what refers to it, or may do so.
    fn holders(
        &self,
        digest: &Digest,
        going: &BTreeSet<Tag>,
        needed: &HashMap<&'a Digest, Name<'a>>,
    ) -> Vec<String> {
        let others = self.contents.tags_of(digest).iter().filter(|tag| !going.contains(*tag));
        let others: Vec<_> = others.take(NAMED).map(|tag| format!("{}:{tag}", self.name)).collect();
        let unknown = || self.contents.invalid.first().map(|name| Name::NoTag(name).shown(self.name));
        match needed.get(digest) {
            _ if !others.is_empty() => others,
            Some(name) => vec![name.shown(self.name)],
            None => unknown().into_iter().collect(),
        }
    }

    /// Untagged referrers of images that are deleted by digest.
    pub(super) fn referrers(&self, candidates: &[Candidate]) -> Vec<Candidate> {
        let going = going(candidates);
        let needed = self.needed(|tag| !going.contains(tag));
        let unheld = candidates.iter().filter(|candidate| candidate.is_due() && candidate.held_by.is_empty());
        let mut open: Vec<Digest> = unheld.map(|candidate| candidate.digest.clone()).collect();
        let mut seen: HashSet<Digest> = open.iter().cloned().collect();
        let mut found = Vec::new();
        while let Some(subject) = open.pop() {
            for referrer in self.contents.referrers.get(&subject).into_iter().flatten() {
                let is_free = !needed.contains_key(referrer) && self.contents.tags_of(referrer).is_empty();
                if is_free && seen.insert(referrer.clone()) {
                    let follows = Standing::Follows { subject: subject.clone() };
                    found.push(self.candidate(TagOrDigest::Digest(referrer.clone()), referrer, follows));
                    open.push(referrer.clone());
                }
            }
        }
        found
    }
}

/// The tags that are to be deleted.
fn going(candidates: &[Candidate]) -> BTreeSet<Tag> {
    let due = candidates.iter().filter(|candidate| candidate.is_due());
    let tags = due.filter_map(|candidate| match &candidate.name {
        TagOrDigest::Tag(tag) => Some(tag.clone()),
        TagOrDigest::Digest(_) => None,
    });
    tags.collect()
}

/// Something that stays.
#[derive(Clone, Copy)]
enum Name<'a> {
    Tag(&'a Tag),
    Digest(&'a Digest),
    /// The unknown referrers of a manifest, with the error of their listing.
    Unlisted(&'a str),
    /// A listed name that is no tag, and cannot be looked up.
    NoTag(&'a str),
}

impl Name<'_> {
    fn shown(self, repository: &str) -> String {
        match self {
            Self::Tag(tag) => format!("{repository}:{tag}"),
            Self::Digest(digest) => format!("{repository}@{digest}"),
            Self::Unlisted(why) => {
                format!("what may refer to it, because its referrers cannot be listed ({why})")
            }
            Self::NoTag(name) => format!("perhaps `{name}`, which is listed and is no tag"),
        }
    }
}
