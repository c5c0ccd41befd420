//! Which tags of a target repository may be deleted according to the rules, without requests.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use oci::{Tag, TagOrDigest};

use super::guards::Guards;
use crate::plan::extra::Extra;
use crate::plan::listings::SourceTags;

/// What a rule about a whole repository says about a target repository.
pub(super) struct Claim<'a> {
    /// `None` for a rule that does not delete.
    pub(super) guards: Option<Guards>,
    pub(super) source: Arc<str>,
    pub(super) tags: SourceTags,
    pub(super) extra: &'a Extra,
}

impl Claim<'_> {
    /// Whether it is unknown what is missing: the source may have lost everything.
    fn is_silent(&self) -> bool {
        match self.tags {
            SourceTags::Some => false,
            // The source of a rule that does not delete may still be empty.
            SourceTags::NoImages => self.guards.is_some(),
            SourceTags::None => true,
        }
    }
}

/// Tags that may be deleted, and those that stay for a reason that is reported.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    pub(super) images: BTreeSet<Tag>,
    pub(super) followers: BTreeSet<Tag>,
    /// With the source that still has them.
    pub(super) left_out: BTreeMap<Tag, Arc<str>>,
    /// With the source of a rule that does not delete and would write them.
    pub(super) of_others: BTreeMap<Tag, Arc<str>>,
}

impl Suspects {
    /// The tags that a rule with deletion would write, that no rule selects, and that no source has. All other tags
    /// stay without a report.
    pub(super) fn of(claims: &[Claim<'_>], selected: &HashSet<TagOrDigest>) -> Self {
        // A source without images tells nothing about what it had, so nothing counts as missing.
        if claims.iter().any(Claim::is_silent) {
            return Self::default();
        }
        let is_selected = |tag: &Tag| selected.contains(&TagOrDigest::Tag(tag.clone()));
        let at_source: HashSet<&Tag> = claims.iter().flat_map(|claim| &claim.extra.at_source).collect();
        // A tag that a rule without deletion would write belongs to that rule, which may have written it.
        let of_others = claims.iter().filter(|claim| claim.guards.is_none());
        let of_others: HashMap<&Tag, &Arc<str>> =
            of_others.flat_map(|claim| claim.extra.names().map(|tag| (tag, &claim.source))).collect();
        let mut suspects = Self::default();
        for claim in claims.iter().filter(|claim| claim.guards.is_some()) {
            let Extra { images, followers, at_source: left_out } = claim.extra;
            for tag in images.iter().filter(|tag| !is_selected(tag) && !at_source.contains(tag)) {
                match of_others.get(tag) {
                    Some(source) => _ = suspects.of_others.insert(tag.clone(), Arc::clone(source)),
                    None => _ = suspects.images.insert(tag.clone()),
                }
            }
            let followers = followers.iter().filter(|tag| !is_selected(tag) && !of_others.contains_key(tag));
            suspects.followers.extend(followers.cloned());
            let left_out = left_out.iter().filter(|tag| !is_selected(tag));
            suspects.left_out.extend(left_out.map(|tag| (tag.clone(), claim.source.clone())));
        }
        suspects
    }

    /// The tags that may be deleted.
    pub(super) fn gone(&self) -> impl Iterator<Item = &Tag> {
        self.images.iter().chain(&self.followers)
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &Tag> {
        self.gone().chain(self.left_out.keys()).chain(self.of_others.keys())
    }
}
