//! The results of a run that only lists, for the decision about deletions.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use oci::{Tag, TagOrDigest};

use crate::Image;
use crate::endpoint::{Source, Target};
use crate::plan::extra::Extra;
use crate::rule::referrer_tag::belongs_to_another;
use crate::rule::{Naming, Selection};

/// What the rules select, and what else their targets have.
#[derive(Default)]
pub(crate) struct Listings {
    /// The references that any rule writes to a repository, or reads from it.
    selected: HashMap<RepositoryPlace, HashSet<TagOrDigest>>,
    /// What rules about whole repositories found at their targets.
    pub(crate) at_targets: Vec<AtTarget>,
}

/// What one rule found at one of its targets.
pub(crate) struct AtTarget {
    pub(crate) rule: usize,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) target: Arc<dyn Target>,
    pub(crate) naming: Naming,
    pub(crate) tags: SourceTags,
    pub(crate) extra: Extra,
}

/// A repository, with its registry's host in a canonical form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RepositoryPlace(String);

impl RepositoryPlace {
    /// The place with this name, a registry and a repository.
    pub(crate) fn of(name: &str) -> Self {
        Self(oci::as_place(name).into_owned())
    }
}

/// What the source has listed, with respect to a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceTags {
    /// Images whose tags the rule selects.
    Some,
    /// Tags, but no such image. Registries may keep the tags of signatures and referrers lists when they delete
    /// images by digest.
    NoImages,
    /// No tags.
    None,
}

impl SourceTags {
    /// What a source with the tags `here` has.
    pub(crate) fn of(selection: &Selection, here: &HashSet<Tag>) -> Self {
        let is_image = |tag: &Tag| !belongs_to_another(tag) && selection.selects_by_name(tag);
        match (here.is_empty(), here.iter().any(is_image)) {
            (true, _) => Self::None,
            (false, false) => Self::NoImages,
            (false, true) => Self::Some,
        }
    }
}

impl Listings {
    /// Records that a rule writes this to its target, and reads it from its source.
    pub(crate) fn select(&mut self, image: &Image) {
        for (name, reference) in
            [(&image.target, &image.target_reference), (&image.source, &image.source_reference)]
        {
            self.selected.entry(RepositoryPlace::of(name)).or_default().insert(reference.clone());
        }
    }

    /// The references that rules write to a repository, or read from it.
    pub(crate) fn selected(&self, place: &RepositoryPlace) -> Option<&HashSet<TagOrDigest>> {
        self.selected.get(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_one_however_its_host_is_written() {
        let place = RepositoryPlace::of("registry.cn/a/x");
        for same in ["registry.cn:443/a/x", "Registry.cn/a/x", "REGISTRY.CN:443/a/x"] {
            assert_eq!(RepositoryPlace::of(same), place, "{same}");
        }
        for other in ["registry.cn:5000/a/x", "registry.cn/a/y", "registry.cn:4430/a/x", "r.cn/a/x"] {
            assert_ne!(RepositoryPlace::of(other), place, "{other}");
        }
    }

    #[test]
    fn a_source_that_has_only_signatures_or_what_no_rule_selects_has_no_images() {
        let signature = format!("sha256-{}.sig", oci::Digest::sha256(b"image").hex());
        let list = signature.trim_end_matches(".sig");
        let versions = Selection::Matching(regex::Regex::new("^v").unwrap());
        for (selection, here, expected) in [
            (&Selection::All, &[][..], SourceTags::None),
            (&Selection::All, &[&*signature, list], SourceTags::NoImages),
            (&Selection::All, &[&*signature, "v1"], SourceTags::Some),
            (&versions, &["latest"], SourceTags::NoImages),
            (&versions, &["latest", "v1"], SourceTags::Some),
        ] {
            let tags = here.iter().map(|tag| tag.parse().unwrap()).collect();
            assert_eq!(SourceTags::of(selection, &tags), expected, "{here:?}");
        }
    }

    #[test]
    fn what_a_rule_reads_is_protected_like_what_it_brings() {
        let mut listings = Listings::default();
        let tag = |name: &str| TagOrDigest::Tag(name.parse().unwrap());
        listings.select(&Image {
            source: "R.io:443/a".into(),
            source_reference: tag("v1"),
            target: "r.io/a".into(),
            target_reference: tag("v1-mirror"),
        });
        let expected = HashSet::from([tag("v1"), tag("v1-mirror")]);
        assert_eq!(listings.selected(&RepositoryPlace::of("r.io/a")), Some(&expected));
    }
}
