//! The shape in which a registry takes uploads: from its profile, and from its answers in this run.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use oci::RepositoryName;

use crate::profile::{Profile, UploadShape};

/// Up to this size a blob goes in one PUT; above, in one PATCH that can be resumed, closed by a PUT. In bytes.
const LARGEST_PUT: u64 = 16 << 20;
/// No chunk is smaller: a registry that refuses this size takes no uploads. In bytes.
pub(super) const SMALLEST_CHUNK: u64 = 1 << 20;
/// The first chunk size after a registry, or a proxy before it, found a body too large. In bytes.
const LARGEST_CHUNK: u64 = 64 << 20;
/// No body is known to be too large.
const NO_LIMIT: u64 = u64::MAX;

/// The upload behaviour of one registry. Shared by all uploads to it.
pub(crate) struct UploadHabits {
    largest_body: AtomicU64,
    one_request_only: AtomicBool,
    puts_take_no_body: AtomicBool,
    /// Pairs of repositories between which mounts were refused for lack of rights.
    refused_mounts: Mutex<HashSet<(RepositoryName, RepositoryName)>>,
}

/// How the bytes of one upload go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// In one PUT that closes the session.
    Put,
    /// In one PATCH.
    Stream,
    /// In chunks of this many bytes, one PATCH each.
    Chunks(u64),
}

/// The facts that decide the shape of an upload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Size of the blob in bytes, if known.
    pub(super) size: Option<u64>,
    /// Bytes that the registry has already.
    pub(super) confirmed: u64,
    /// The smallest chunk that the registry takes, but for the last one.
    pub(super) smallest_chunk: u64,
    /// The largest body, for this upload alone.
    pub(super) largest_body: u64,
}

impl UploadHabits {
    pub(crate) fn new(profile: &Profile) -> Self {
        let habits = Self {
            largest_body: AtomicU64::new(NO_LIMIT),
            one_request_only: AtomicBool::new(false),
            puts_take_no_body: AtomicBool::new(false),
            refused_mounts: Mutex::default(),
        };
        habits.refine(profile);
        habits
    }

    /// Takes over the profile that the first answer showed.
    pub(crate) fn refine(&self, profile: &Profile) {
        match profile.uploads {
            UploadShape::Chunks { largest } => {
                self.largest_body.fetch_min(largest, Ordering::Relaxed);
            }
            UploadShape::OneRequest => self.takes_one_request_only(),
            UploadShape::Any => {}
        }
    }

    pub(super) fn shape(&self, wanted: Wanted) -> Shape {
        let limit = self.largest_body.load(Ordering::Relaxed).min(wanted.largest_body);
        if self.one_request_only.load(Ordering::Relaxed) && wanted.size.is_some() {
            return Shape::Put;
        }
        let largest_put =
            if self.puts_take_no_body.load(Ordering::Relaxed) { 0 } else { LARGEST_PUT.min(limit) };
        let left = wanted.size.map(|size| size.saturating_sub(wanted.confirmed));
        match left {
            Some(left) if wanted.confirmed == 0 && left <= largest_put => Shape::Put,
            Some(left) if left <= limit => Shape::Stream,
            None if limit == NO_LIMIT => Shape::Stream,
            _ => Shape::Chunks(limit.max(wanted.smallest_chunk)),
        }
    }

    /// Learns that a body of `sent` bytes is too large. Returns whether smaller ones may be tried.
    pub(super) fn too_large(&self, sent: u64) -> bool {
        if sent <= SMALLEST_CHUNK || self.one_request_only.load(Ordering::Relaxed) {
            return false;
        }
        let smaller = largest_power_of_two_below(sent).clamp(SMALLEST_CHUNK, LARGEST_CHUNK);
        self.largest_body.fetch_min(smaller, Ordering::Relaxed);
        true
    }

    /// Learns that the registry takes no PATCH: from now on each blob goes in one PUT.
    pub(super) fn takes_one_request_only(&self) {
        self.one_request_only.store(true, Ordering::Relaxed);
    }

    /// Learns that a small PUT was too large: Artifactory may want PATCH
    /// (<https://github.com/containerd/containerd/issues/3533>). Returns whether PATCH may be tried.
    pub(super) fn takes_no_body_by_put(&self) -> bool {
        self.puts_take_no_body.store(true, Ordering::Relaxed);
        !self.one_request_only.load(Ordering::Relaxed)
    }

    /// Learns that a mount is refused for lack of rights: asking for both scopes again only costs requests. This does
    /// not affect other repositories.
    pub(super) fn mount_is_refused(&self, from: &RepositoryName, to: &RepositoryName) {
        self.refused_mounts().insert((from.clone(), to.clone()));
    }

    pub(super) fn mount_may_be_tried(&self, from: &RepositoryName, to: &RepositoryName) -> bool {
        let refused = self.refused_mounts();
        refused.is_empty() || !refused.contains(&(from.clone(), to.clone()))
    }

    fn refused_mounts(&self) -> MutexGuard<'_, HashSet<(RepositoryName, RepositoryName)>> {
        self.refused_mounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Half of `bytes` or more, and less than `bytes`.
fn largest_power_of_two_below(bytes: u64) -> u64 {
    1 << (bytes - 1).ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn habits(uploads: UploadShape) -> UploadHabits {
        UploadHabits::new(&Profile { uploads, ..Profile::UNKNOWN })
    }

    fn shape(habits: &UploadHabits, size: u64, confirmed: u64) -> Shape {
        habits.shape(Wanted { size: Some(size), confirmed, smallest_chunk: 0, largest_body: NO_LIMIT })
    }

    #[test]
    fn c41_small_blobs_in_a_put_large_ones_in_a_stream() {
        let any = habits(UploadShape::Any);
        assert_eq!(shape(&any, 0, 0), Shape::Put);
        assert_eq!(shape(&any, 16 * MIB, 0), Shape::Put);
        assert_eq!(shape(&any, 16 * MIB + 1, 0), Shape::Stream);
        assert_eq!(shape(&any, 20 * MIB, 19 * MIB), Shape::Stream, "what is left of a resumed upload");
        assert_eq!(shape(&habits(UploadShape::OneRequest), 1 << 40, 0), Shape::Put);
        let azure = habits(UploadShape::Chunks { largest: 4 * MIB });
        assert_eq!(shape(&azure, 4 * MIB, 0), Shape::Put);
        assert_eq!(shape(&azure, 5 * MIB, 0), Shape::Chunks(4 * MIB));
    }

    #[test]
    fn c41_who_takes_no_body_by_put_gets_a_patch_for_all_but_the_empty_blob() {
        let any = habits(UploadShape::Any);
        assert!(any.takes_no_body_by_put());
        assert_eq!(
            [0, 1, 17 * MIB].map(|size| shape(&any, size, 0)),
            [Shape::Put, Shape::Stream, Shape::Stream]
        );
        assert!(!habits(UploadShape::OneRequest).takes_no_body_by_put());
    }

    #[test]
    fn c42_a_413_halves_bodies_down_to_a_mebibyte() {
        let habits = habits(UploadShape::Any);
        let mut sent = 1000 * MIB;
        let mut tried = Vec::new();
        while habits.too_large(sent) {
            let Shape::Chunks(next) = shape(&habits, 1000 * MIB, 0) else { panic!("no chunks") };
            tried.push(next / MIB);
            sent = next;
        }
        assert_eq!(tried, [64, 32, 16, 8, 4, 2, 1]);
        assert_eq!(shape(&habits, 2 * MIB, 0), Shape::Chunks(MIB), "also for blobs that a PUT would do for");
        assert_eq!(shape(&habits, MIB, 0), Shape::Put);
    }

    #[test]
    fn c36_chunks_are_never_below_what_the_registry_wants() {
        let habits = habits(UploadShape::Chunks { largest: MIB });
        let wanted =
            Wanted { size: Some(9 * MIB), confirmed: 0, smallest_chunk: 5 * MIB, largest_body: NO_LIMIT };
        assert_eq!(habits.shape(wanted), Shape::Chunks(5 * MIB));
    }
}
