//! The settings of a registry before it starts. Each family of endpoints has its settings in a file of its own.

pub(crate) mod blob;
mod deletion;
pub(crate) mod limit;
pub(crate) mod listing;
pub(crate) mod manifest;
pub(crate) mod mount;
pub(crate) mod referrer;
pub(crate) mod upload;

use std::io;
use std::time::Duration;

use self::blob::BlobSettings;
use self::limit::LimitSettings;
use self::listing::ListingSettings;
use self::manifest::ManifestSettings;
use self::mount::Mounts;
use self::referrer::ReferrerSettings;
use self::upload::UploadSettings;
use crate::access::Access;
use crate::deletion::DeletionSettings;
use crate::rounds::Rounds;
use crate::server::EmbeddedRegistry;
use crate::service::BodyLimit;

/// The settings of a registry: by default it is open and supports everything in the specification.
pub struct Builder {
    pub(crate) settings: Settings,
}

pub(crate) struct Settings {
    pub(crate) access: Access,
    pub(crate) limits: LimitSettings,
    pub(crate) listings: ListingSettings,
    pub(crate) manifests: ManifestSettings,
    pub(crate) deletion: DeletionSettings,
    pub(crate) referrers: ReferrerSettings,
    pub(crate) mounts: Mounts,
    pub(crate) blobs: BlobSettings,
    pub(crate) uploads: UploadSettings,
    pub(crate) latency: Duration,
    pub(crate) rounds: Option<Rounds>,
    pub(crate) body_limit: Option<BodyLimit>,
}

impl Builder {
    pub(crate) fn new() -> Self {
        let settings = Settings {
            access: Access::Open,
            limits: LimitSettings::default(),
            listings: ListingSettings::default(),
            manifests: ManifestSettings::default(),
            deletion: DeletionSettings::default(),
            referrers: ReferrerSettings::default(),
            mounts: Mounts::default(),
            blobs: BlobSettings::default(),
            uploads: UploadSettings::default(),
            latency: Duration::ZERO,
            rounds: None,
            body_limit: None,
        };
        Self { settings }
    }

    /// Sets which callers may do what.
    #[must_use]
    pub fn access(mut self, access: Access) -> Self {
        self.settings.access = access;
        self
    }

    /// Waits before each answer.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.settings.latency = latency;
        self
    }

    /// Answers in these rounds, together with all other registries that use them.
    #[must_use]
    pub fn rounds(mut self, rounds: &Rounds) -> Self {
        self.settings.rounds = Some(rounds.clone());
        self
    }

    /// Listens on a free port of 127.0.0.1.
    pub async fn start(self) -> io::Result<EmbeddedRegistry> {
        EmbeddedRegistry::start(self.settings).await
    }
}
