//! What a run brings of its images, where it is one shard of several.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use oci::TagOrDigest;

use super::Shard;
use super::split::Split;
use crate::Image;
use crate::lock::lock;
use crate::plan::awaited::Awaited;
use crate::plan::place::Place;

/// What decides who brings an image: registry and repository at its first target, and its name at the source.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) repository: Arc<str>,
    pub(crate) reference: TagOrDigest,
}

/// Keys of images that are written where other rules of the same run read: whoever brings the one brings the other, too.
#[derive(Default)]
pub(crate) struct Keys(Mutex<HashMap<Place, Key>>);

impl Keys {
    /// The key of an image on its ways, which all have one source. `after` is what has to be written before.
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

    /// Whether it tells what only a target's repository has: exactly one shard does.
    pub(crate) fn tells_of(&self, target: &str) -> bool {
        self.split.owner_of_all(target).unwrap_or_default() == self.shard.index()
    }

    /// Whether it is known without any list that it has nothing of what goes to these.
    pub(crate) fn has_nothing_of(&self, targets: &[Arc<str>]) -> bool {
        let is_others =
            |target| self.split.owner_of_all(target).is_some_and(|owner| owner != self.shard.index());
        targets.iter().all(|target| is_others(target))
    }
}
