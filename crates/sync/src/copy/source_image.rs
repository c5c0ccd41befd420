//! One image of a source, and what its ways to several targets share: each goes for itself, and what one has read the
//! others need not read again.

use std::sync::{Arc, Mutex, Weak};

use super::gather::Gathering;
use super::shared_source::SharedSource;
use crate::endpoint::Source;
use crate::lock::lock;
use crate::plan::planned::PlannedImage;

/// An image of a source.
pub(crate) struct SourceImage {
    pub(crate) planned: PlannedImage,
    /// How many targets it goes to.
    targets: usize,
    shared: Mutex<Weak<Shared>>,
}

/// What the ways of one image that are in work share.
pub(super) struct Shared {
    /// The source, which does not ask twice for what another way to a target has asked for.
    pub(super) source: Arc<dyn Source>,
    /// Where they meet to share the read of a blob.
    pub(super) gathering: Arc<Gathering>,
}

impl SourceImage {
    /// An image that goes to so many targets.
    pub(crate) fn new(planned: PlannedImage, targets: usize) -> Self {
        Self { planned, targets, shared: Mutex::default() }
    }

    /// What its ways share from now on, as long as one that has begun keeps it: images that wait cost no more than their
    /// names, also where another target has them. `None` where there is one target.
    pub(super) fn share(&self) -> Option<Arc<Shared>> {
        if self.targets <= 1 {
            return None;
        }
        let mut kept = lock(&self.shared);
        let shared = kept.upgrade().unwrap_or_else(|| {
            let source = Arc::new(SharedSource::new(self.planned.source.clone(), self.targets));
            Arc::new(Shared { source, gathering: Arc::default() })
        });
        *kept = Arc::downgrade(&shared);
        Some(shared)
    }
}
