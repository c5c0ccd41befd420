//! What a rule wants from one repository, after its listing.

use std::collections::HashSet;
use std::sync::Arc;

use oci::{Tag, TagOrDigest};

use crate::OnCollision;
use crate::plan::choice::Choice;
use crate::plan::place::Place;
use crate::plan::wanted::Wanted;
use crate::rule::{Naming, Selection};
use crate::select::TooFew;

/// What a rule wants from one repository.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) rule: usize,
    pub(crate) source: Arc<str>,
    pub(crate) selection: Selection,
    pub(crate) targets: Vec<(Arc<str>, Naming)>,
    pub(crate) wanted: Wanted,
    /// The images that the rule names, or that were listed or selected.
    pub(crate) images: Vec<TagOrDigest>,
    /// The list that they are selected from, if the selection needs the whole list.
    pub(crate) choice: Option<Choice>,
    /// Why these are too few, if the rule requires more.
    pub(crate) too_few: Option<TooFew>,
}

impl Wish {
    /// Selects from the present list.
    pub(crate) fn choose(&mut self) {
        if let Some(choice) = &self.choice {
            let selected = choice.selected();
            self.images = Choice::images(&selected);
            self.too_few = choice.shortfall(&selected);
        }
    }

    /// The tags among `tags` that the rule would select and has not seen yet.
    pub(super) fn unseen(&self, tags: Vec<Tag>) -> Vec<Tag> {
        if let Some(choice) = &self.choice {
            let seen: HashSet<&Tag> = choice.listed().iter().map(|listed| &listed.tag).collect();
            let is_new = |tag: &Tag| !seen.contains(tag) && choice.may_have(tag);
            return tags.into_iter().filter(is_new).collect();
        }
        let seen: HashSet<&TagOrDigest> = self.images.iter().collect();
        let tag = |image: TagOrDigest| match image {
            TagOrDigest::Tag(ref tag) if !seen.contains(&image) => Some(tag.clone()),
            _ => None,
        };
        self.selection.by_name(tags).into_iter().filter_map(tag).collect()
    }

    pub(super) fn add(&mut self, tags: Vec<Tag>) {
        match &mut self.choice {
            Some(choice) => choice.add(tags.into_iter()),
            None => self.images.extend(tags.into_iter().map(TagOrDigest::Tag)),
        }
        self.choose();
    }

    /// Whether it might write a reference, as far as that is known without its listing.
    pub(super) fn may_write(&self, place: &Place) -> bool {
        let is_tag = |tag: Tag| !self.selection.by_name(vec![tag]).is_empty();
        let tag = || place.reference.strip_prefix(':')?.parse().ok();
        let is_named = |naming: &Naming| match naming {
            Naming::Same => tag().is_some_and(is_tag),
            Naming::Matching(pattern) => {
                tag().is_some_and(|tag: Tag| pattern.is_match(tag.as_str()) && is_tag(tag))
            }
            Naming::Templated(_) | Naming::These(_) => true,
        };
        self.targets.iter().any(|(target, naming)| *target == place.repository && is_named(naming))
    }

    pub(super) fn remove(&mut self, tags: &HashSet<Tag>) {
        match &mut self.choice {
            Some(choice) => choice.remove(tags),
            None => self.images.retain(|image| !matches!(image, TagOrDigest::Tag(tag) if tags.contains(tag))),
        }
        self.choose();
    }
}

/// Both rules have to refuse.
pub(super) fn on_collision(one: &Wish, other: &Wish) -> OnCollision {
    match [one, other].map(|wish| wish.wanted.policy.on_collision) {
        [OnCollision::Refuse, OnCollision::Refuse] => OnCollision::Refuse,
        _ => OnCollision::LaterWins,
    }
}
