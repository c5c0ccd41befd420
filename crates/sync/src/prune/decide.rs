//! What of a target repository goes: from lists to a decision, without asking anybody.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::SystemTime;

use oci::{Digest, Tag, TagOrDigest, referrers_tag};

use super::candidate::{Candidate, Fate, Standing, Untagging};
use super::contents::Contents;
use super::guards::Guards;
use super::order::put_in_order;
use super::refusal::Refusal;
use crate::plan::extra::Extra;
use crate::plan::listings::SourceTags;
use crate::rule::referrer_tag::{belongs_to_another, subject};

/// What a rule about a whole repository says of a target repository.
pub(super) struct Claim<'a> {
    /// `None` for a rule that deletes nothing.
    pub(super) guards: Option<Guards>,
    pub(super) source: Arc<str>,
    pub(super) tags: SourceTags,
    pub(super) extra: &'a Extra,
}

/// A target repository, and what all rules say of it.
pub(super) struct Scene<'a> {
    pub(super) name: Arc<str>,
    pub(super) contents: &'a Contents,
    pub(super) untagging: Untagging,
    /// What rules bring there.
    pub(super) selected: &'a HashSet<TagOrDigest>,
    pub(super) claims: &'a [Claim<'a>],
}

/// Since when runs have seen something gone; `None` where nothing is remembered.
pub(super) type GoneSince = Option<HashMap<(Tag, Digest), SystemTime>>;

/// What is decided of a repository.
#[derive(Debug, Default)]
pub(super) struct Decided {
    /// In the order in which they go.
    pub(super) candidates: Vec<Candidate>,
    /// Why nothing of all may go.
    pub(super) refused: Option<Refusal>,
}

/// What a rule that deletes would name, nobody brings, and no source has: all else stays without a word.
pub(super) fn suspects(claims: &[Claim<'_>], selected: &HashSet<TagOrDigest>) -> Suspects {
    let is_selected = |tag: &Tag| selected.contains(&TagOrDigest::Tag(tag.clone()));
    let at_source: BTreeSet<&Tag> = claims.iter().flat_map(|claim| &claim.extra.at_source).collect();
    let mut suspects = Suspects::default();
    // A source without tags says nothing of what it had, and so nobody says that it is gone.
    if claims.iter().any(Claim::is_silent) {
        return suspects;
    }
    // What a rule would name that deletes nothing is that rule's, and it may have put it there.
    let of_others = claims.iter().filter(|claim| claim.guards.is_none());
    let of_others: HashMap<&Tag, &Arc<str>> =
        of_others.flat_map(|claim| claim.extra.names().map(|tag| (tag, &claim.source))).collect();
    for claim in claims.iter().filter(|claim| claim.guards.is_some()) {
        let images = claim.extra.images.iter().filter(|tag| !is_selected(tag) && !at_source.contains(tag));
        let (theirs, own): (Vec<&Tag>, Vec<&Tag>) = images.partition(|tag| of_others.contains_key(tag));
        suspects.images.extend(own.into_iter().cloned());
        suspects.of_others.extend(theirs.into_iter().map(|tag| (tag.clone(), of_others[tag].clone())));
        let followers = claim.extra.followers.iter();
        let followers = followers.filter(|tag| !is_selected(tag) && !of_others.contains_key(tag));
        suspects.followers.extend(followers.cloned());
        let left_out = claim.extra.at_source.iter().filter(|tag| !is_selected(tag));
        suspects.left_out.extend(left_out.map(|tag| (tag.clone(), claim.source.clone())));
    }
    suspects
}

/// Tags that may go, and those of which it is told why they stay.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    pub(super) images: BTreeSet<Tag>,
    pub(super) followers: BTreeSet<Tag>,
    /// With the source that still has them.
    pub(super) left_out: BTreeMap<Tag, Arc<str>>,
    /// With the source of a rule that deletes nothing and would name them.
    pub(super) of_others: BTreeMap<Tag, Arc<str>>,
}

impl Suspects {
    pub(super) fn is_empty(&self) -> bool {
        self.images.is_empty()
            && self.followers.is_empty()
            && self.left_out.is_empty()
            && self.of_others.is_empty()
    }
}

impl Claim<'_> {
    /// Whether it is not known what is gone: the source may have had everything.
    fn is_silent(&self) -> bool {
        match self.tags {
            SourceTags::Some => false,
            SourceTags::NoImages => self.guards.is_some(),
            SourceTags::None => true,
        }
    }
}

/// Decides about one repository.
pub(super) fn decide(scene: &Scene<'_>, gone: &GoneSince, now: SystemTime) -> Decided {
    let contents = scene.contents;
    let tags = contents.tags.keys().filter(|tag| !belongs_to_another(tag)).count();
    let guards = scene.claims.iter().filter_map(|claim| claim.guards);
    let Some(guards) = guards.reduce(|one, other| one.strictest(other, tags)) else {
        return Decided::default();
    };
    let judge = Judge { scene, gone, now, guards };
    let suspects = suspects(scene.claims, scene.selected);
    let mut candidates = judge.images(&suspects);
    let images = candidates.len();
    judge.followers(&suspects, &mut candidates);
    // Signatures, which come behind the images, do not count.
    let refused = too_much(scene, guards, tags, &candidates[..images]);
    judge.referrers(&mut candidates);
    candidates.extend(judge.stay(&suspects.left_out, &Standing::AtSource));
    candidates.extend(judge.stay(&suspects.of_others, &Standing::OfAnother));
    put_in_order(&mut candidates, contents);
    Decided { candidates, refused }
}

/// Why nothing goes where too many images would. Those count, too, that go only where a tag goes alone: they may.
fn too_much(scene: &Scene<'_>, guards: Guards, tags: usize, images: &[Candidate]) -> Option<Refusal> {
    let count = |fate| images.iter().filter(|image| image.fate() == fate).count();
    let (sure, alone) = (count(Fate::Goes), count(Fate::GoesAlone));
    let most = guards.max_delete.of(tags);
    let more = match alone {
        0 => String::new(),
        _ => format!(", and {alone} more if this registry takes a tag away without its image"),
    };
    (sure + alone > most).then(|| {
        Refusal::TooMuch(format!(
            "{sure} of the {tags} tags of {} would go{more}, and `maxDelete: {}` lets {most} go in one run",
            scene.name, guards.max_delete
        ))
    })
}

struct Judge<'a> {
    scene: &'a Scene<'a>,
    gone: &'a GoneSince,
    now: SystemTime,
    guards: Guards,
}

impl<'a> Judge<'a> {
    fn contents(&self) -> &'a Contents {
        self.scene.contents
    }

    fn candidate(&self, name: TagOrDigest, digest: &Digest, standing: Standing) -> Candidate {
        let (repository, digest, held_by) = (self.scene.name.clone(), digest.clone(), Vec::new());
        Candidate { repository, name, digest, standing, held_by, untagging: self.scene.untagging }
    }

    fn of_tag(&self, tag: &Tag, standing: impl FnOnce(&Digest) -> Standing) -> Option<Candidate> {
        // What is not there any more is nobody's candidate.
        let digest = self.contents().tags.get(tag)?;
        Some(self.candidate(TagOrDigest::Tag(tag.clone()), digest, standing(digest)))
    }

    /// Whether something has been gone for long enough.
    fn standing(&self, tag: &Tag, digest: &Digest) -> Standing {
        let grace = self.guards.grace;
        let since = self.gone.as_ref().and_then(|gone| gone.get(&(tag.clone(), digest.clone())).copied());
        let is_over =
            since.is_some_and(|since| self.now.duration_since(since).is_ok_and(|gone| gone >= grace));
        if grace.is_zero() || is_over { Standing::Due } else { Standing::Waits { since, grace } }
    }

    /// Images that the source does not have, with what holds them.
    fn images(&self, suspects: &Suspects) -> Vec<Candidate> {
        let images =
            suspects.images.iter().filter_map(|tag| self.of_tag(tag, |digest| self.standing(tag, digest)));
        images.collect()
    }

    /// What stays, each with the source that keeps it.
    fn stay(&self, tags: &BTreeMap<Tag, Arc<str>>, standing: &Standing) -> Vec<Candidate> {
        let stay = tags.iter().filter_map(|(tag, source)| {
            let candidate = self.of_tag(tag, |_| standing.clone())?;
            Some(Candidate { held_by: vec![source.to_string()], ..candidate })
        });
        stay.collect()
    }

    /// Decides on what follows other images: it stays with them. Says of all that goes what holds it.
    fn followers(&self, suspects: &Suspects, candidates: &mut Vec<Candidate>) {
        let going = |candidates: &[Candidate]| -> BTreeSet<Tag> {
            let due = candidates.iter().filter(|candidate| candidate.is_due());
            due.filter_map(|candidate| tag_of(&candidate.name).cloned()).collect()
        };
        let images = going(candidates);
        let doomed = candidates.iter().filter(|candidate| candidate.is_due());
        let doomed = self.contents().needed_by(doomed.map(|candidate| ((), &candidate.digest)));
        let doomed: HashSet<Digest> = doomed.into_keys().cloned().collect();
        let mut followers: BTreeMap<&Tag, Digest> =
            suspects.followers.iter().filter_map(|tag| Some((tag, self.subject(tag)?))).collect();
        // One that stays may need what another one follows.
        loop {
            let stays = |tag: &Tag| !images.contains(tag) && !followers.contains_key(tag);
            let needed = self.needed(stays);
            let before = followers.len();
            let kept: Vec<&Tag> = followers
                .iter()
                .filter(|(_, subject)| {
                    let is_gone = doomed.contains(*subject) || !self.is_there(subject);
                    needed.contains_key(*subject) || !is_gone
                })
                .map(|(tag, _)| *tag)
                .collect();
            for tag in kept {
                followers.remove(tag);
            }
            if followers.len() == before {
                break;
            }
        }
        for (tag, subject) in followers {
            let follows = |digest: &Digest| match self.standing(tag, digest) {
                waits @ Standing::Waits { .. } if !doomed.contains(&subject) => waits,
                _ => Standing::Follows { subject: subject.clone() },
            };
            candidates.extend(self.of_tag(tag, follows));
        }
        let going = going(candidates);
        let needed = self.needed(|tag| !going.contains(tag));
        for candidate in candidates.iter_mut().filter(|candidate| candidate.is_due()) {
            candidate.held_by = self.holders(&candidate.digest, &going, &needed);
        }
    }

    /// What a tag follows. A list of referrers of a sha512 digest has only a part of that in its tag: where no manifest that was
    /// read has such a digest, it is not known, and the tag stays.
    fn subject(&self, tag: &Tag) -> Option<Digest> {
        let contents = self.contents();
        subject(tag).or_else(|| {
            let known =
                contents.needs.iter().flat_map(|(digest, needs)| std::iter::once(digest).chain(needs));
            known.into_iter().find(|digest| referrers_tag(digest) == *tag).cloned()
        })
    }

    /// Whether a manifest is there, as far as is known.
    fn is_there(&self, digest: &Digest) -> bool {
        let contents = self.contents();
        contents.untagged.contains(digest) || contents.needs.contains_key(digest)
    }

    /// What the tags that stay, what rules bring by digest, and that whose referrers cannot be listed, need.
    fn needed(&self, stays: impl Fn(&Tag) -> bool) -> HashMap<&'a Digest, Name<'a>> {
        let contents = self.contents();
        let tags =
            contents.tags.iter().filter(|(tag, _)| stays(tag)).map(|(tag, digest)| (Name::Tag(tag), digest));
        let digests = self.scene.selected.iter().filter_map(|name| match name {
            TagOrDigest::Digest(digest) => Some((Name::Digest(digest), digest)),
            TagOrDigest::Tag(_) => None,
        });
        let unlisted = contents.unlisted.iter().map(|(digest, why)| (Name::Unlisted(why), digest));
        contents.needed_by(tags.chain(digests).chain(unlisted))
    }

    /// What stays and needs a manifest: its other tags, or else what leads to it.
    fn holders(
        &self,
        digest: &Digest,
        going: &BTreeSet<Tag>,
        needed: &HashMap<&'a Digest, Name<'a>>,
    ) -> Vec<String> {
        let others = self.contents().tags_of(digest).filter(|tag| !going.contains(*tag));
        let others: Vec<_> = others.map(|tag| format!("{}:{tag}", self.scene.name)).collect();
        match needed.get(digest) {
            Some(name) if others.is_empty() => vec![name.shown(&self.scene.name)],
            _ => others,
        }
    }

    /// Adds what refers to images that go by their digest, and has no tag.
    fn referrers(&self, candidates: &mut Vec<Candidate>) {
        let due = candidates.iter().filter(|candidate| candidate.is_due());
        let going: BTreeSet<Tag> =
            due.clone().filter_map(|candidate| tag_of(&candidate.name).cloned()).collect();
        let needed = self.needed(|tag| !going.contains(tag));
        let unheld = due.filter(|candidate| candidate.held_by.is_empty());
        let mut open: Vec<Digest> = unheld.map(|candidate| candidate.digest.clone()).collect();
        let mut seen: HashSet<Digest> = open.iter().cloned().collect();
        while let Some(subject) = open.pop() {
            for referrer in self.contents().referrers.get(&subject).into_iter().flatten() {
                let is_free =
                    !needed.contains_key(referrer) && self.contents().tags_of(referrer).next().is_none();
                if is_free && seen.insert(referrer.clone()) {
                    let follows = Standing::Follows { subject: subject.clone() };
                    candidates.push(self.candidate(TagOrDigest::Digest(referrer.clone()), referrer, follows));
                    open.push(referrer.clone());
                }
            }
        }
    }
}

fn tag_of(name: &TagOrDigest) -> Option<&Tag> {
    match name {
        TagOrDigest::Tag(tag) => Some(tag),
        TagOrDigest::Digest(_) => None,
    }
}

/// Something that stays.
#[derive(Clone, Copy)]
enum Name<'a> {
    Tag(&'a Tag),
    Digest(&'a Digest),
    /// What refers to a manifest, as far as is known: its list failed, and why.
    Unlisted(&'a str),
}

impl Name<'_> {
    fn shown(self, repository: &str) -> String {
        match self {
            Self::Tag(tag) => format!("{repository}:{tag}"),
            Self::Digest(digest) => format!("{repository}@{digest}"),
            Self::Unlisted(why) => {
                format!("what may refer to it, because its referrers cannot be listed ({why})")
            }
        }
    }
}

#[cfg(test)]
mod tests;
