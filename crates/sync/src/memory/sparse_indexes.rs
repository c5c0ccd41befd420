//! Indexes of which a repository need not have all manifests, although it has the index: for which platforms it has them.
//! Their digest alone does not say that they are there.

use std::collections::HashMap;
use std::sync::Mutex;

use oci::{Digest, RepositoryName};

use crate::endpoint::{StoreId, Target};
use crate::lock::lock;
use crate::{PlatformFilter, State};

/// What this run has seen of them, in front of what the state knows.
#[derive(Default)]
pub(crate) struct SparseIndexes(Mutex<HashMap<(StoreId, RepositoryName, Digest), Children>>);

/// Which children of an index a repository has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Children {
    /// All, as far as anybody knows.
    All,
    /// Those for the platforms of a filter; the digest stands for that.
    Of(Digest),
}

impl Children {
    /// Those that such a filter wants.
    pub(crate) fn wanted_by(platforms: &PlatformFilter) -> Self {
        if platforms.is_active() {
            Self::Of(Digest::sha256(format!("{platforms:?}").as_bytes()))
        } else {
            Self::All
        }
    }
}

impl SparseIndexes {
    /// Which children of an index the target has, if it has the index.
    pub(crate) fn children(&self, state: &State, target: &dyn Target, index: &Digest) -> Children {
        let seen = lock(&self.0).get(&key(target, index)).cloned();
        seen.unwrap_or_else(|| state.sparse(target, index).map_or(Children::All, Children::Of))
    }

    /// The target has these children of an index.
    pub(crate) fn note(&self, state: &State, target: &dyn Target, index: &Digest, children: Children) {
        match &children {
            Children::Of(platforms) => state.note_sparse(target, index, platforms),
            Children::All => state.forget_sparse(target, index),
        }
        lock(&self.0).insert(key(target, index), children);
    }
}

fn key(target: &dyn Target, index: &Digest) -> (StoreId, RepositoryName, Digest) {
    (target.store().clone(), target.repository().clone(), index.clone())
}
