//! Settings for DELETE.

use super::Builder;
use crate::deletion::{DeletionApi, DigestDeletion, IndexChildren, TagDeletion};

impl Builder {
    /// Sets the effect of DELETE of a tag, and of a manifest by its digest.
    #[must_use]
    pub fn deletion(mut self, by_tag: TagDeletion, by_digest: DigestDeletion) -> Self {
        self.settings.deletion.by_tag = by_tag;
        self.settings.deletion.by_digest = by_digest;
        self
    }

    /// Sets whether manifests that an index refers to can be deleted.
    #[must_use]
    pub fn index_children(mut self, children: IndexChildren) -> Self {
        self.settings.deletion.children = children;
        self
    }

    /// Sets the API for deletion beside the protocol.
    #[must_use]
    pub fn deletion_api(mut self, api: DeletionApi) -> Self {
        self.settings.deletion.api = api;
        self
    }
}
