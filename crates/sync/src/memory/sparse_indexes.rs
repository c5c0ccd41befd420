//! Which manifests of an index a repository has. If only some platforms are copied, it may have the index without the
//! other manifests, and the index's digest does not tell. So this is recorded, or else looked up.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use oci::{Digest, RepositoryName};

use crate::endpoint::{StoreId, Target};
use crate::lock::lock;
use crate::{PlatformFilter, State};

/// What this run has seen; takes precedence over the state.
#[derive(Default)]
pub(crate) struct SparseIndexes {
    /// Where this run's rules may store sparse indexes.
    brought: SparseTargets,
    /// Whether an earlier run stored sparse indexes in a repository.
    before: Mutex<HashMap<(StoreId, RepositoryName), bool>>,
    seen: Mutex<HashMap<Key, Children>>,
}

type Key = (StoreId, RepositoryName, Digest);

/// Repositories in which rules may store an index without all its manifests.
#[derive(Default)]
pub(crate) struct SparseTargets {
    pub(crate) names: HashSet<String>,
    /// Prefixes of further repositories: registry and whole path components.
    pub(crate) fronts: Vec<String>,
}

impl SparseTargets {
    fn has(&self, name: &str) -> bool {
        let is_below =
            |front: &String| name.strip_prefix(front.as_str()).is_some_and(|rest| rest.starts_with('/'));
        self.names.contains(name) || self.fronts.iter().any(is_below)
    }
}

/// Which children of an index a repository has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Children {
    All,
    /// The children for the platforms of a filter; the digest is that of the filter.
    Of(Digest),
}

impl Children {
    /// The children that a filter wants.
    pub(crate) fn wanted_by(platforms: &PlatformFilter) -> Self {
        if platforms.is_active() { Self::Of(digest_of(platforms)) } else { Self::All }
    }

    /// The digest that represents them in the state.
    fn digest(&self) -> Digest {
        match self {
            Self::All => digest_of(&PlatformFilter::default()),
            Self::Of(digest) => digest.clone(),
        }
    }

    fn noted_as(digest: Digest) -> Self {
        if digest == Self::All.digest() { Self::All } else { Self::Of(digest) }
    }
}

fn digest_of(platforms: &PlatformFilter) -> Digest {
    Digest::sha256(format!("{platforms:?}").as_bytes())
}

impl SparseIndexes {
    /// Nothing was seen yet.
    pub(crate) fn new(brought: SparseTargets) -> Self {
        Self { brought, ..Self::default() }
    }

    /// Which children of an index the target has, if it has the index. `None` if that is unknown and has to be looked up.
    ///
    /// An index without a record counts as complete if neither a rule of this run nor the state has sparse indexes in
    /// the repository: an unchanged tag then needs no lookup of its children.
    pub(crate) fn children(&self, state: &State, target: &dyn Target, index: &Digest) -> Option<Children> {
        let seen = lock(&self.seen).get(&key(target, index)).cloned();
        seen.or_else(|| state.children(target, index).map(Children::noted_as))
            .or_else(|| (!self.may_be_at(state, target)).then_some(Children::All))
    }

    /// Whether a repository may have sparse indexes.
    fn may_be_at(&self, state: &State, target: &dyn Target) -> bool {
        if self.brought.has(target.name()) {
            return true;
        }
        let repository = (target.store().clone(), target.repository().clone());
        let ask = || state.lacks_children(target, &Children::All.digest());
        *lock(&self.before).entry(repository).or_insert_with(ask)
    }

    /// Records which children of an index the target has.
    pub(crate) fn note(&self, state: &State, target: &dyn Target, index: &Digest, children: &Children) {
        if self.children(state, target, index).as_ref() != Some(children) {
            state.note_children(target, index, &children.digest());
            self.see(state, target, index, children);
        }
    }

    /// The same for an index that is about to be stored: returns when the record is on disk, so that it survives a kill.
    pub(crate) async fn note_before(
        &self,
        state: &State,
        target: &dyn Target,
        index: &Digest,
        children: &Children,
    ) {
        self.see(state, target, index, children);
        state.note_children_now(target, index, &children.digest()).await;
    }

    /// Restores the earlier record.
    pub(crate) fn restore(
        &self,
        state: &State,
        target: &dyn Target,
        index: &Digest,
        before: Option<&Children>,
    ) {
        if let Some(children) = before {
            state.note_children(target, index, &children.digest());
            self.see(state, target, index, children);
        } else {
            state.forget_children(target, index);
            lock(&self.seen).remove(&key(target, index));
        }
    }

    /// Leaves complete indexes to the state, if there is one: most indexes are complete.
    fn see(&self, state: &State, target: &dyn Target, index: &Digest, children: &Children) {
        let (mut seen, key) = (lock(&self.seen), key(target, index));
        if *children == Children::All && state.is_kept() {
            seen.remove(&key);
        } else {
            seen.insert(key, children.clone());
        }
    }
}

fn key(target: &dyn Target, index: &Digest) -> Key {
    (target.store().clone(), target.repository().clone(), index.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_front_means_what_lies_below_it() {
        let names = HashSet::from(["r.io/one".to_owned()]);
        let targets = SparseTargets { names, fronts: vec!["t.io/mirror".to_owned()] };
        for (name, has) in [
            ("r.io/one", true),
            ("r.io/one/more", false),
            ("t.io/mirror/a/b", true),
            ("t.io/mirrors/a", false),
            ("t.io/mirror", false),
        ] {
            assert_eq!(targets.has(name), has, "{name}");
        }
    }

    #[test]
    fn what_is_noted_is_read_as_it_was() {
        let only = PlatformFilter::new(&[], &["amd64".to_owned()]);
        for platforms in [PlatformFilter::default(), only] {
            let children = Children::wanted_by(&platforms);
            assert_eq!(Children::noted_as(children.digest()), children);
            assert_eq!(children == Children::All, !platforms.is_active());
        }
    }
}
