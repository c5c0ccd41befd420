//! The images that a run copies if it is one shard of several.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use oci::TagOrDigest;

use super::Shard;
use super::split::Split;
use crate::Image;
use crate::lock::lock;
use crate::plan::awaited::Awaited;
use crate::plan::place::Place;

/// What decides which shard copies an image: registry and repository of its first target, and its reference at the source.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) repository: Arc<str>,
    pub(crate) reference: TagOrDigest,
}

/// The keys of images that other rules of the same run read at the target: one shard must copy both.
#[derive(Default)]
pub(crate) struct Keys(Mutex<HashMap<Place, Key>>);

impl Keys {
    /// The key of an image with its copies, which all have one source. `after` is the reference that has to be
    /// written before.
    pub(crate) fn of<'a>(
        &self,
        ways: impl Iterator<Item = &'a Image> + Clone,
        after: Option<&Place>,
        awaited: &Awaited,
    ) -> Option<Key> {
        let first = ways.clone().next()?;
        let own = Key { repository: first.target.clone(), reference: first.source_reference.clone() };
        let mut known = lock(&self.0);
        let key = after.and_then(|place| known.get(place).cloned()).unwrap_or(own);
        let written = ways.map(|image| Place::new(&image.target, &image.target_reference));
        known.extend(written.filter(|place| awaited.is_expected(place)).map(|place| (place, key.clone())));
        Some(key)
    }
}

/// One shard's share of a run.
#[derive(Clone)]
pub(crate) struct Share {
    pub(crate) shard: Shard,
    pub(crate) split: Arc<Split>,
}

impl Share {
    pub(crate) fn has(&self, key: &Key) -> bool {
        self.split.owner(&key.repository, &key.reference) == self.shard.index()
    }

    /// Whether this shard reports what only a target repository has: exactly one shard does.
    pub(crate) fn tells_of(&self, target: &str) -> bool {
        self.split.owner_of_all(target).unwrap_or_default() == self.shard.index()
    }

    /// Whether the shard has no image for any of these targets, as far as known without a listing.
    pub(crate) fn has_nothing_of(&self, targets: &[Arc<str>]) -> bool {
        let is_others =
            |target| self.split.owner_of_all(target).is_some_and(|owner| owner != self.shard.index());
        targets.iter().all(|target| is_others(target))
    }
}
