//! One image of a source, and what its ways to several targets share: each goes for itself, and what one has read the
//! others need not read again.

use std::sync::{Arc, OnceLock};

use oci::TagOrDigest;

use super::gather::Gathering;
use super::shared_source::SharedSource;
use crate::Image;
use crate::endpoint::{Source, Target};
use crate::memory::target_repository::Found;
use crate::plan::discover::WantedReferrers;

/// An image of a source.
pub(crate) struct SourceImage {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) reference: TagOrDigest,
    pub(crate) found: Found,
    pub(crate) referrers: WantedReferrers,
    /// How many targets it goes to.
    targets: usize,
    shared: OnceLock<Shared>,
}

/// Where one image goes.
pub(crate) struct Way {
    pub(crate) image: Arc<Image>,
    pub(crate) rule: usize,
    /// Which of the image's targets this is.
    pub(crate) index: usize,
    pub(crate) target: Arc<dyn Target>,
}

struct Shared {
    source: Arc<dyn Source>,
    gathering: Arc<Gathering>,
}

impl SourceImage {
    pub(crate) fn new(
        source: Arc<dyn Source>,
        reference: TagOrDigest,
        found: Found,
        referrers: WantedReferrers,
        targets: usize,
    ) -> Self {
        Self { source, reference, found, referrers, targets, shared: OnceLock::new() }
    }

    /// The source, which does not ask twice for what another way to a target has asked for.
    pub(super) fn shared_source(&self) -> Arc<dyn Source> {
        self.shared().map_or_else(|| self.source.clone(), |shared| shared.source.clone())
    }

    /// Where ways to several targets meet to share the read of a blob; `None` where there is one.
    pub(super) fn gathering(&self) -> Option<&Arc<Gathering>> {
        self.shared().map(|shared| &shared.gathering)
    }

    /// Made when the first of several ways begins: images that wait cost no more than their names.
    fn shared(&self) -> Option<&Shared> {
        let make = || Shared {
            source: Arc::new(SharedSource::new(self.source.clone(), self.targets)),
            gathering: Arc::new(Gathering::new(self.targets)),
        };
        (self.targets > 1).then(|| self.shared.get_or_init(make))
    }
}
