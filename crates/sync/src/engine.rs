//! What runs when: the part of a run that it shares with all others in the process.

mod activity;
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

/// Slots, places, bandwidth, breakers and ledgers, shared by all runs that are given to it. Cheap to clone, and as long-lived as
/// the process: runs come and go.
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

struct Shared {
    images: Slots<Turn>,
    places: Places,
    /// Of the manifests that images are.
    image_bytes: ImageBytes,
    /// Of lists of what refers to images, while they are read: whoever holds some waits for that answer alone.
    list_bytes: ImageBytes,
    /// Of manifests below indexes, where an index of a few kilobytes may name hundreds of some megabytes each, and of configs and
    /// manifests that are only looked at. Whoever holds some waits for blobs alone, never for another manifest or for more
    /// bytes: no wait goes round in a circle.
    below: ByteBudget,
    /// How many parts of images, blobs and children, are brought at once.
    parts: Arc<Semaphore>,
    pace: Pace,
    breakers: Breakers,
    /// What stores hold, as long as a run cares.
    ledgers: Mutex<HashMap<StoreId, Weak<Ledger>>>,
    /// Images in the order in which they were planned, and runs.
    numbers: AtomicU64,
    /// Where other processes write to the same stores.
    leases: Option<AskedLeases>,
}

impl Engine {
    /// Moves so many blobs at once, of small ones a multiple unless it is 1, and no more bytes a second than `bandwidth`.
    pub fn new(blobs_at_once: usize, bandwidth: Option<Bandwidth>) -> Self {
        Self::with(blobs_at_once, bandwidth, None)
    }

    /// The same, where other processes bring images to the same stores: large blobs are sent once by all of them together, as far
    /// as `leases` keeps what it promises.
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

    /// Reads no more bytes a second from now on.
    pub fn limit(&self, bandwidth: Option<Bandwidth>) {
        self.0.pace.set(bandwidth);
    }

    pub(crate) fn leases(&self) -> Option<&AskedLeases> {
        self.0.leases.as_ref()
    }

    /// What is done between which stores now.
    pub fn pairs(&self) -> Vec<PairInWork> {
        self.0.images.pairs()
    }

    pub(crate) fn images(&self) -> &Slots<Turn> {
        &self.0.images
    }

    /// The right to begin one more part of an image of which so many are at work. A few can always be: what has begun can end,
    /// whatever others do.
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

    /// The budget of the manifests that images are.
    pub(crate) fn image_bytes(&self) -> &ImageBytes {
        &self.0.image_bytes
    }

    /// The budget of lists of referrers that are being read.
    pub(crate) fn list_bytes(&self) -> &ImageBytes {
        &self.0.list_bytes
    }

    /// The budget of what lies below the manifests that images are.
    pub(crate) fn below(&self) -> &ByteBudget {
        &self.0.below
    }

    pub(crate) fn pace(&self) -> &Pace {
        &self.0.pace
    }

    pub(crate) fn breakers(&self) -> &Breakers {
        &self.0.breakers
    }

    /// A number that no run and no image of this engine had before; later ones are greater.
    pub(crate) fn number(&self) -> u64 {
        self.0.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// What `store` holds. It is forgotten when no run uses it any more.
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

/// The right to bring a part of an image.
pub(crate) struct PartRight {
    _permit: Option<OwnedSemaphorePermit>,
}

/// What lies below the manifests that images are may hold so many bytes all together; registries take manifests of 4 MiB at least.
const BELOW: u64 = 16 << 20;

/// So many parts of an image can always be at work.
const ALWAYS_AT_WORK: usize = 4;

/// Some four for each blob that may move: many are there already, and cost a question. Their tasks are what bookkeeping costs
/// most.
fn parts_at_once(blobs_at_once: usize) -> usize {
    blobs_at_once.saturating_mul(8).clamp(256, 1024)
}

/// Enough images in work that blobs never wait for manifests, and that looking at what has not changed takes few round trips;
/// few enough that bookkeeping stays small: each may have a connection to its source and its target, with a manifest in the
/// buffer. How many requests a host gets at once is for the client to learn.
fn images_at_once(blobs_at_once: usize) -> usize {
    match blobs_at_once {
        // One at a time is for registries that can take little.
        0 | 1 => 8,
        more => more.saturating_mul(16).min(128),
    }
}

/// Repositories of one store whose tags are listed at once: where each has few tags, lists are what a run waits for.
pub(crate) fn lists_at_once(blobs_at_once: usize) -> usize {
    match blobs_at_once {
        0 | 1 => 1,
        more => more.saturating_mul(4).min(64),
    }
}
