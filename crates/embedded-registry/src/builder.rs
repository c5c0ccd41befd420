//! How a registry is to be, before it runs. Each family of endpoints has its knobs in a file of its own.

pub(crate) mod blob;
pub(crate) mod upload;

use std::io;
use std::time::Duration;

use self::blob::BlobSettings;
use self::upload::UploadSettings;
use crate::access::Access;
use crate::server::EmbeddedRegistry;
use crate::service::BodyLimit;

/// How a registry is to be: open, with everything the specification offers, if nothing is said.
pub struct Builder {
    pub(crate) settings: Settings,
}

pub(crate) struct Settings {
    pub(crate) access: Access,
    pub(crate) tag_page_size: Option<usize>,
    pub(crate) referrers: Referrers,
    pub(crate) mounts: Mounts,
    pub(crate) blobs: BlobSettings,
    pub(crate) uploads: UploadSettings,
    pub(crate) latency: Duration,
    pub(crate) body_limit: Option<BodyLimit>,
}

/// Whether the registry knows what refers to a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Referrers {
    /// As OCI 1.1 has it.
    Api,
    /// The endpoint is a 404 and pushes are not answered with `OCI-Subject`: clients keep a tag instead.
    Absent,
}

/// How the registry takes the wish to mount a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mounts {
    /// It links the blob if the other repository has it and the caller may read it there.
    Accepted,
    /// It always opens an upload instead.
    Declined,
}

impl Builder {
    pub(crate) fn new() -> Self {
        let settings = Settings {
            access: Access::Open,
            tag_page_size: None,
            referrers: Referrers::Api,
            mounts: Mounts::Accepted,
            blobs: BlobSettings::default(),
            uploads: UploadSettings::default(),
            latency: Duration::ZERO,
            body_limit: None,
        };
        Self { settings }
    }

    /// Who may do what.
    #[must_use]
    pub fn access(mut self, access: Access) -> Self {
        self.settings.access = access;
        self
    }

    /// The most tags or repositories that a page has, whatever a client asks for.
    #[must_use]
    pub fn tag_page_size(mut self, size: usize) -> Self {
        self.settings.tag_page_size = Some(size);
        self
    }

    /// Whether there is a list of referrers.
    #[must_use]
    pub fn referrers(mut self, referrers: Referrers) -> Self {
        self.settings.referrers = referrers;
        self
    }

    /// How mounts are taken.
    #[must_use]
    pub fn mounts(mut self, mounts: Mounts) -> Self {
        self.settings.mounts = mounts;
        self
    }

    /// Waits before each answer.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.settings.latency = latency;
        self
    }

    /// Listens on a free port of 127.0.0.1.
    pub async fn start(self) -> io::Result<EmbeddedRegistry> {
        EmbeddedRegistry::start(self.settings).await
    }
}
