//! Knobs of reading blobs.

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

/// What becomes of `Range`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ranges {
    /// It is honoured, as far as RFC 9110 has it.
    #[default]
    Honoured,
    /// The answer is 200 with the whole.
    Ignored,
    /// The answer is 416.
    Refused,
    /// The answer is 206 with as many bytes as asked for, but from the beginning, and `Content-Range` says so.
    Wrong,
}

/// What `ETag` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EntityTags {
    /// The digest. `If-Range` is honoured.
    #[default]
    Strong,
    /// The digest as a weak validator, with which no `If-Range` ever agrees (RFC 9110, 13.1.5).
    Weak,
    /// The header is missing. `If-Range` never agrees.
    Missing,
    /// Another one with each answer, as where several servers answer in turn.
    Changing,
}

/// Whether a blob can be asked for by `HEAD`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BlobHeads {
    /// As the specification has it.
    #[default]
    Answered,
    /// With this status, such as 404 or 405, always.
    Refused(u16),
}

impl Builder {
    /// Sends who reads a blob to `base/<digest>`, as a registry on object storage does.
    #[must_use]
    pub fn blob_redirect(mut self, base: String) -> Self {
        self.settings.blobs.redirect = Some(base);
        self
    }

    /// Sends who reads a blob to a storage service, each time by another signed URL.
    #[must_use]
    pub fn storage(mut self, storage: &Storage) -> Self {
        self.settings.blobs.storage = Some(storage.shelf());
        self
    }

    /// The status in place of 307 for those who are sent elsewhere: 301, 302, 303 or 308.
    #[must_use]
    pub fn redirect_status(mut self, status: u16) -> Self {
        self.settings.blobs.redirect_status = StatusCode::from_u16(status).ok();
        self
    }

    /// What becomes of `Range`.
    #[must_use]
    pub fn ranges(mut self, ranges: Ranges) -> Self {
        self.settings.blobs.ranges = ranges;
        self
    }

    /// What `ETag` says.
    #[must_use]
    pub fn entity_tags(mut self, entity_tags: EntityTags) -> Self {
        self.settings.blobs.entity_tags = entity_tags;
        self
    }

    /// Whether a blob can be asked for by `HEAD`.
    #[must_use]
    pub fn blob_heads(mut self, heads: BlobHeads) -> Self {
        self.settings.blobs.heads = heads;
        self
    }
}
