//! The engine: schedules the work, and holds what all runs of the process share.

mod activity;
pub(crate) mod ask;
pub(crate) mod attempt;
pub(crate) mod backoff;
pub(crate) mod bandwidth;
pub(crate) mod breaker;
mod byte_budget;
pub(crate) mod deadline;
mod fair;
mod fair_bytes;
mod image_bytes;
mod pair;
mod place;
pub(crate) mod retry;
pub(crate) mod run;
pub(crate) mod sampler;
mod schedule;
mod slot;
pub(crate) mod sync;
mod turn;
pub(crate) mod verification;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

pub(crate) use activity::Activity;
pub(crate) use byte_budget::{ByteBudget, HeldBytes};
pub(crate) use image_bytes::{ImageBytes, ImageRead};
pub(crate) use pair::Pair;
pub use pair::PairInWork;
pub(crate) use place::{Place, Places, is_small};
pub(crate) use slot::Slots;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
pub(crate) use turn::{ImageSlot, Turn};

use crate::endpoint::StoreId;
use crate::engine::attempt::Breakers;
use crate::engine::bandwidth::{Bandwidth, Pace};
use crate::lock::lock;
use crate::memory::asked_leases::AskedLeases;
use crate::memory::leases::Leases;
use crate::memory::ledger::Ledger;

/// Slots, places, bandwidth, breakers and ledgers, shared by all runs on this engine. Cheap to clone. Lives as long
/// as the process, across many runs.
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

struct Shared {
    images: Slots<Turn>,
    places: Places,
    /// For the root manifests of images.
    image_bytes: ImageBytes,
    /// For lists of referrers while they are read. A task that holds such bytes waits only for that answer.
    list_bytes: ImageBytes,
    /// For manifests below indexes (an index of a few kilobytes may name hundreds of manifests of some megabytes
    /// each), and for configs and manifests that are only inspected. A task that holds such bytes waits only for
    /// blobs, never for another manifest or for more bytes, so waits cannot form a cycle.
    below: ByteBudget,
    /// How many parts of images, blobs and children, are processed in parallel.
    parts: Arc<Semaphore>,
    pace: Pace,
    breakers: Breakers,
    /// What stores have, as long as a run uses them.
    ledgers: Mutex<HashMap<StoreId, Weak<Ledger>>>,
    /// The source of ranks for images, in the order of planning, and of run numbers.
    numbers: AtomicU64,
    /// Set if other processes write to the same stores.
    leases: Option<AskedLeases>,
}

impl Engine {
    /// Transfers this many blobs in parallel, and a multiple of small ones unless it is 1. Reads at most `bandwidth`.
    pub fn new(blobs_at_once: usize, bandwidth: Option<Bandwidth>) -> Self {
        Self::with(blobs_at_once, bandwidth, None)
    }

    /// The same, if other processes copy images to the same stores: all processes together send a large blob once, as
    /// far as `leases` keeps its promise.
    pub fn sharing(blobs_at_once: usize, bandwidth: Option<Bandwidth>, leases: Arc<dyn Leases>) -> Self {
        Self::with(blobs_at_once, bandwidth, Some(leases))
    }

    fn with(blobs_at_once: usize, bandwidth: Option<Bandwidth>, leases: Option<Arc<dyn Leases>>) -> Self {
        Self(Arc::new(Shared {
            images: Slots::new(images_at_once(blobs_at_once)),
            places: Places::new(blobs_at_once),
            image_bytes: ImageBytes::new(),
            list_bytes: ImageBytes::new(),
            below: ByteBudget::new(BELOW),
            parts: Arc::new(Semaphore::new(parts_at_once(blobs_at_once))),
            pace: Pace::new(bandwidth),
            breakers: Breakers::default(),
            ledgers: Mutex::default(),
            numbers: AtomicU64::new(0),
            leases: leases.map(AskedLeases::new),
        }))
    }

    /// Sets the bandwidth from now on.
    pub fn limit(&self, bandwidth: Option<Bandwidth>) {
        self.0.pace.set(bandwidth);
    }

    pub(crate) fn leases(&self) -> Option<&AskedLeases> {
        self.0.leases.as_ref()
    }

    /// The current work of each pair of stores.
    pub fn pairs(&self) -> Vec<PairInWork> {
        self.0.images.pairs()
    }

    pub(crate) fn images(&self) -> &Slots<Turn> {
        &self.0.images
    }

    /// The right to begin one more part of an image that has `at_work` running parts. A few are always allowed, so
    /// that a begun image can finish whatever other images do.
    pub(crate) fn begin_part(&self, at_work: usize) -> Option<PartRight> {
        match self.0.parts.clone().try_acquire_owned() {
            Ok(permit) => Some(PartRight { _permit: Some(permit) }),
            Err(_) if at_work < ALWAYS_AT_WORK => Some(PartRight { _permit: None }),
            Err(_) => None,
        }
    }

    pub(crate) fn places(&self) -> &Places {
        &self.0.places
    }

    /// The budget of the root manifests of images.
    pub(crate) fn image_bytes(&self) -> &ImageBytes {
        &self.0.image_bytes
    }

    /// The budget of the lists of referrers that are being read.
    pub(crate) fn list_bytes(&self) -> &ImageBytes {
        &self.0.list_bytes
    }

    /// The budget of the content below the root manifests of images.
    pub(crate) fn below(&self) -> &ByteBudget {
        &self.0.below
    }

    pub(crate) fn pace(&self) -> &Pace {
        &self.0.pace
    }

    pub(crate) fn breakers(&self) -> &Breakers {
        &self.0.breakers
    }

    /// A number that no run and no image of this engine had before; later numbers are greater.
    pub(crate) fn number(&self) -> u64 {
        self.0.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// The ledger of `store`. The engine drops it when no run uses it any more.
    pub(crate) fn ledger(&self, store: &StoreId) -> Arc<Ledger> {
        let mut ledgers = lock(&self.0.ledgers);
        if let Some(ledger) = ledgers.get(store).and_then(Weak::upgrade) {
            return ledger;
        }
        ledgers.retain(|_, ledger| ledger.strong_count() > 0);
        let ledger = Arc::new(Ledger::default());
        ledgers.insert(store.clone(), Arc::downgrade(&ledger));
        ledger
    }
}

/// The right to process a part of an image.
pub(crate) struct PartRight {
    _permit: Option<OwnedSemaphorePermit>,
}

/// How many bytes the content below root manifests may use in total; registries accept manifests of at least 4 MiB.
const BELOW: u64 = 16 << 20;

/// How many parts of an image may always run.
const ALWAYS_AT_WORK: usize = 4;

/// Eight for each blob that may be transferred: for many parts the target only has to be asked, because it has them.
/// The tasks of the parts are the largest cost of bookkeeping.
fn parts_at_once(blobs_at_once: usize) -> usize {
    blobs_at_once.saturating_mul(8).clamp(256, 1024)
}

/// Enough images that blobs never wait for manifests, and that checking unchanged images takes few round trips; few
/// enough that memory stays small: each image may have a connection to its source and its target, with a manifest in
/// the buffer. The HTTP client limits the requests for each host.
fn images_at_once(blobs_at_once: usize) -> usize {
    match blobs_at_once {
        // Users set 1 for registries that can handle little load.
        0 | 1 => 8,
        more => more.saturating_mul(16).min(128),
    }
}

/// How many repositories of one store are listed in parallel: if each has few tags, a run mostly waits for listings.
pub(crate) fn lists_at_once(blobs_at_once: usize) -> usize {
    match blobs_at_once {
        0 | 1 => 1,
        more => more.saturating_mul(4).min(64),
    }
}
