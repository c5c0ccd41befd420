//! One image of a source, and what its copies to several targets share: the copies run independently, but read each
//! manifest once.

use std::sync::{Arc, Mutex, Weak};

use super::gather::Gathering;
use super::shared_source::SharedSource;
use crate::endpoint::Source;
use crate::lock::lock;
use crate::plan::planned::PlannedImage;

/// An image of a source.
pub(crate) struct SourceImage {
    pub(crate) planned: PlannedImage,
    /// The number of its targets.
    targets: usize,
    shared: Mutex<Weak<Shared>>,
}

/// What the running copies of one image share.
pub(super) struct Shared {
    /// The source, which caches the answers that another copy asked for.
    pub(super) source: Arc<dyn Source>,
    /// Where the copies share the read of a blob.
    pub(super) gathering: Arc<Gathering>,
}

impl SourceImage {
    /// An image with this many targets.
    pub(crate) fn new(planned: PlannedImage, targets: usize) -> Self {
        Self { planned, targets, shared: Mutex::default() }
    }

    /// The shared part, which exists as long as a running copy holds it: waiting images cost no more than their
    /// names. `None` if there is one target.
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
