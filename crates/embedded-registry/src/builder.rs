//! How a registry is to be, before it runs.

use std::io;
use std::time::Duration;

use crate::access::Access;
use crate::server::EmbeddedRegistry;

/// How a registry is to be: open, with everything the specification offers, if nothing is said.
pub struct Builder {
    settings: Settings,
}

pub(crate) struct Settings {
    pub(crate) access: Access,
    pub(crate) tag_page_size: Option<usize>,
    pub(crate) referrers: Referrers,
    pub(crate) mounts: Mounts,
    pub(crate) locations: Locations,
    pub(crate) blob_redirect: Option<String>,
    pub(crate) uploads: Uploads,
    pub(crate) latency: Duration,
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

/// What upload locations look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locations {
    /// A whole URL.
    Absolute,
    /// A path with a query.
    Relative,
}

/// Which uploads the registry takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uploads {
    /// Also in chunks, and resumed ones.
    Resumable,
    /// In one `PUT` only; a `PATCH` is refused.
    MonolithicOnly,
}

impl Builder {
    pub(crate) fn new() -> Self {
        let settings = Settings {
            access: Access::Open,
            tag_page_size: None,
            referrers: Referrers::Api,
            mounts: Mounts::Accepted,
            locations: Locations::Absolute,
            blob_redirect: None,
            uploads: Uploads::Resumable,
            latency: Duration::ZERO,
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

    /// What upload locations look like.
    #[must_use]
    pub fn locations(mut self, locations: Locations) -> Self {
        self.settings.locations = locations;
        self
    }

    /// Answers uploads with a path instead of a whole URL in `Location`.
    #[must_use]
    pub fn relative_locations(self) -> Self {
        self.locations(Locations::Relative)
    }

    /// Sends who reads a blob to `base/<digest>`, as a registry on object storage does.
    #[must_use]
    pub fn blob_redirect(mut self, base: String) -> Self {
        self.settings.blob_redirect = Some(base);
        self
    }

    /// Which uploads are taken.
    #[must_use]
    pub fn uploads(mut self, uploads: Uploads) -> Self {
        self.settings.uploads = uploads;
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
