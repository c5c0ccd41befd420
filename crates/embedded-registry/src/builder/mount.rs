//! Settings for mounting blobs.

use super::Builder;

/// How the registry handles a request to mount a blob.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mounts {
    /// It links the blob if the other repository has it and the caller may read it there.
    #[default]
    Accepted,
    /// It always opens an upload instead.
    Declined,
    /// It answers with this status, such as 400, 404, 405 or 500, and opens nothing.
    Refused(u16),
    /// As `Accepted`, but if the caller may not read in the other repository, the answer is 401
    /// `insufficient_scope` (403 without tokens); Harbor: <https://github.com/goharbor/harbor/issues/19787>.
    NeedsPull,
    /// As `Accepted`, and without `from` it links the blob from any repository, as zot does.
    Anonymous,
    /// As `Accepted`, but without `from` the answer is 400, as with Quay.
    RefusesAnonymous,
}

impl Builder {
    /// Sets how mounts are handled.
    #[must_use]
    pub fn mounts(mut self, mounts: Mounts) -> Self {
        self.settings.mounts = mounts;
        self
    }
}
