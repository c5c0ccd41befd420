//! What a later rule has announced about the references that it wants.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use oci::TagOrDigest;
use tokio::time::Instant;

use crate::endpoint::Source;
use crate::plan::place::Place;

/// The image of a later rule.
#[derive(Clone)]
pub(crate) struct Winner {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) reference: TagOrDigest,
    pub(crate) is_strict: bool,
}

/// The progress of a rule's listings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lists {
    /// More repositories may come.
    Coming,
    /// All repositories are known; the tags of some may still be listed.
    Known,
}

/// Whether earlier rules wait for the listings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    /// They do.
    Left,
    /// They do not: a listing failed, or made no progress for too long.
    Gone,
}

/// What one rule has announced.
pub(super) struct Told {
    pub(super) names: HashMap<Place, Winner>,
    pub(super) heard: Instant,
    lists: Lists,
    patience: Patience,
    /// How many listings are pending for each target repository.
    coming: HashMap<Arc<str>, usize>,
    /// Target repositories for which the rule's references are unknown.
    unknown: HashSet<Arc<str>>,
}

/// What the announcements say about a reference.
pub(super) enum Says {
    Free,
    Wanted(Winner),
    MayBeWanted,
    Wait,
}

impl Told {
    pub(super) fn new() -> Self {
        let (names, coming, unknown) = Default::default();
        Self { names, heard: Instant::now(), lists: Lists::Coming, patience: Patience::Left, coming, unknown }
    }

    pub(super) fn says(&self, place: &Place) -> Says {
        if let Some(winner) = self.names.get(place) {
            return Says::Wanted(winner.clone());
        }
        let is_coming = self.lists == Lists::Coming || self.coming.contains_key(&place.repository);
        match (is_coming, self.patience) {
            (true, Patience::Left) => Says::Wait,
            (true, Patience::Gone) => Says::MayBeWanted,
            (false, _) if self.unknown.contains(&place.repository) => Says::MayBeWanted,
            (false, _) => Says::Free,
        }
    }

    /// Whether earlier rules may wait for the announcements.
    pub(super) fn is_awaited(&self) -> bool {
        self.patience == Patience::Left && (self.lists == Lists::Coming || !self.coming.is_empty())
    }

    pub(super) fn repositories_are_known(&mut self) {
        self.lists = Lists::Known;
    }

    pub(super) fn is_failing(&mut self) {
        self.patience = Patience::Gone;
    }

    /// A listing will tell what is wanted there.
    pub(super) fn expect(&mut self, targets: &[Arc<str>]) {
        for target in targets {
            *self.coming.entry(target.clone()).or_default() += 1;
        }
    }

    /// The listing is complete.
    pub(super) fn listed(&mut self, targets: &[Arc<str>]) {
        for target in targets {
            if let Some(coming) = self.coming.get_mut(target) {
                *coming -= 1;
                if *coming == 0 {
                    self.coming.remove(target);
                }
            }
        }
    }

    /// The listing failed.
    pub(super) fn not_listed(&mut self, targets: &[Arc<str>]) {
        self.listed(targets);
        self.unknown.extend(targets.iter().cloned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls on what was announced for one target, and for another.
    type Step = fn(&mut Told, &[Arc<str>], &[Arc<str>]);

    #[test]
    fn a_name_is_free_when_all_lists_have_told_that_may_want_it() {
        let place = Place { repository: "t/x".into(), reference: ":v1".to_owned() };
        let (here, there): ([Arc<str>; 1], [Arc<str>; 1]) = (["t/x".into()], ["t/y".into()]);
        let said = |steps: &[Step]| {
            let mut told = Told::new();
            for step in steps {
                step(&mut told, &here, &there);
            }
            match told.says(&place) {
                Says::Free => "free",
                Says::Wanted(_) => "wanted",
                Says::MayBeWanted => "may be",
                Says::Wait => "wait",
            }
        };
        assert_eq!(said(&[]), "wait");
        assert_eq!(said(&[|told, here, _| told.expect(here), |told, here, _| told.listed(here)]), "wait");
        let known: Step = |told, _, _| told.repositories_are_known();
        assert_eq!(said(&[known]), "free");
        assert_eq!(said(&[|told, here, _| told.expect(here), known]), "wait");
        assert_eq!(said(&[|told, _, there| told.expect(there), known]), "free", "only its own list");
        assert_eq!(
            said(&[|told, here, _| told.expect(here), known, |told, here, _| told.listed(here)]),
            "free"
        );
        assert_eq!(
            said(&[|told, here, _| told.expect(here), known, |told, here, _| told.not_listed(here)]),
            "may be"
        );
        assert_eq!(said(&[|told, _, _| told.is_failing()]), "may be");
        assert_eq!(said(&[|told, _, _| told.is_failing(), known]), "free", "it came after all");
    }
}
