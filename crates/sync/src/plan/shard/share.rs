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

/// What decides which shard copies an image: registry and repository of its rule's first target, and its reference at the source. All shards
/// must find the same, so it may not depend on what a rule has left to another one by now.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) repository: Arc<str>,
    pub(crate) reference: TagOrDigest,
}

/// The keys of images that other rules of the same run read at the target: one shard must copy both.
#[derive(Default)]
pub(crate) struct Keys(Mutex<HashMap<Place, Key>>);

impl Keys {
    /// The key of an image whose rule alone would give it the key `own`. `after` is the reference that has to be written before.
    pub(crate) fn of<'a>(
        &self,
        own: Key,
        ways: impl Iterator<Item = &'a Image>,
        after: Option<&Place>,
        awaited: &Awaited,
    ) -> Key {
        let mut known = lock(&self.0);
        let key = after.and_then(|place| known.get(place).cloned()).unwrap_or(own);
        let written = ways.map(|image| Place::new(&image.target, &image.target_reference));
        known.extend(written.filter(|place| awaited.is_expected(place)).map(|place| (place, key.clone())));
        key
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

    /// Whether this shard reports what is the same for all images of a target repository, such as what a rule has selected for it:
    /// exactly one shard does.
    pub(crate) fn tells_of(&self, target: &str) -> bool {
        self.split.teller(target) == self.shard.index()
    }

    /// Whether the shard has no image of a rule with this first target, as far as known without a listing.
    pub(crate) fn has_nothing_of(&self, target: &str) -> bool {
        self.split.is_by_name() && !self.tells_of(target)
    }
}
