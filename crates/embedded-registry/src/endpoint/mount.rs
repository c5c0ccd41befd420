//! The wish to mount a blob: end-11.

use crate::builder::Mounts;
use crate::call::Call;

impl Call<'_> {
    /// The digest of the blob that could be mounted. Where something stands against it there is no refusal.
    pub(super) fn mount(&self, repository: &str) -> Option<String> {
        let (digest, from) = (self.parameter("mount")?, self.parameter("from")?);
        if self.shared.settings.mounts == Mounts::Declined || !self.caller.may_pull(&from) {
            return None;
        }
        let bytes = self.shared.store.blob(&from, &digest)?;
        self.shared.store.put_blob_as(repository, &digest, bytes);
        Some(digest)
    }
}
