//! Records which images rules select, so that they can be divided.

use std::sync::Mutex;

use oci::TagOrDigest;

use crate::lock::lock;
use crate::plan::assignment::{Assignment, Surveyed};
use crate::plan::shard::Splittable;
use crate::plan::shard::share::Key;
use crate::{Source, Work};

/// Whether any source of these rules reports image sizes in its listing.
pub(crate) async fn tell_sizes(rules: &[Work]) -> bool {
    for rule in rules {
        let tells = match rule {
            Work::Repository(rule) => rule.source.tells_sizes().await,
            Work::Pattern(rule) => rule.listing.tells_sizes().await,
            Work::Tasks(_) | Work::Assignments(_) => false,
        };
        if tells {
            return true;
        }
    }
    false
}

/// The images that rules select, in the order in which they come.
#[derive(Default)]
pub(crate) struct Survey(Mutex<Vec<Surveyed>>);

impl Survey {
    /// Records an image with its reference at `source`.
    pub(crate) async fn take_down(
        &self,
        source: &dyn Source,
        (reference, key): (&TagOrDigest, Key),
        assignment: Assignment,
    ) {
        let known = if source.tells_sizes().await { source.bulk_tags().await } else { None };
        let (digest, bytes) = match (reference, known) {
            (TagOrDigest::Tag(tag), Some(known)) => {
                (known.digests.get(tag).cloned(), known.bytes.get(tag).copied().unwrap_or_default())
            }
            _ => (None, 0),
        };
        let Key { repository, reference } = key;
        let place = Splittable { repository, reference, digest, bytes };
        lock(&self.0).push(Surveyed { assignment, place });
    }

    /// Takes all recorded images.
    pub(crate) fn all(&self) -> Vec<Surveyed> {
        std::mem::take(&mut *lock(&self.0))
    }
}
