//! Settings for reading blobs.

use http::StatusCode;

use super::Builder;
use crate::storage::{Shelf, Storage};

#[derive(Default)]
pub(crate) struct BlobSettings {
    pub(crate) redirect: Option<String>,
    pub(crate) storage: Option<Shelf>,
    pub(crate) redirect_status: Option<StatusCode>,
    pub(crate) ranges: Ranges,
    pub(crate) entity_tags: EntityTags,
    pub(crate) heads: BlobHeads,
}

/// How `Range` is handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ranges {
    /// It is supported, as RFC 9110 defines it.
    #[default]
    Honoured,
    /// The answer is 200 with the whole blob.
    Ignored,
    /// The answer is 416.
    Refused,
    /// The answer is 206 with as many bytes as requested, but from the beginning, and `Content-Range` says so.
    Wrong,
}

/// The value of `ETag`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EntityTags {
    /// The digest. `If-Range` is supported.
    #[default]
    Strong,
    /// The digest as a weak validator, which never matches `If-Range` (RFC 9110, 13.1.5).
    Weak,
    /// The header is missing. `If-Range` never matches.
    Missing,
    /// A new one with each answer, as if several servers answered in turn.
    Changing,
}

/// How `HEAD` of a blob is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BlobHeads {
    /// As specified.
    #[default]
    Answered,
    /// Always with this status, such as 404 or 405.
    Refused(u16),
}

impl Builder {
    /// Redirects blob reads to `base/<digest>`, as a registry on object storage does.
    #[must_use]
    pub fn blob_redirect(mut self, base: String) -> Self {
        self.settings.blobs.redirect = Some(base);
        self
    }

    /// Redirects blob reads to a storage service, each time to another signed URL.
    #[must_use]
    pub fn storage(mut self, storage: &Storage) -> Self {
        self.settings.blobs.storage = Some(storage.shelf());
        self
    }

    /// The status of redirects in place of 307: 301, 302, 303 or 308.
    #[must_use]
    pub fn redirect_status(mut self, status: u16) -> Self {
        self.settings.blobs.redirect_status = StatusCode::from_u16(status).ok();
        self
    }

    /// Sets how `Range` is handled.
    #[must_use]
    pub fn ranges(mut self, ranges: Ranges) -> Self {
        self.settings.blobs.ranges = ranges;
        self
    }

    /// Sets the value of `ETag`.
    #[must_use]
    pub fn entity_tags(mut self, entity_tags: EntityTags) -> Self {
        self.settings.blobs.entity_tags = entity_tags;
        self
    }

    /// Sets how `HEAD` of a blob is answered.
    #[must_use]
    pub fn blob_heads(mut self, heads: BlobHeads) -> Self {
        self.settings.blobs.heads = heads;
        self
    }
}
