//! Mounts blobs: end-11.

use crate::answer::{Answer, Refusal};
use crate::builder::mount::Mounts;
use crate::call::Call;

impl Call<'_> {
    /// The digest of the mounted blob; `None` if the answer is an upload session.
    pub(super) fn mount(&self, repository: &str) -> Result<Option<String>, Answer> {
        let Some(digest) = self.parameter("mount") else { return Ok(None) };
        let mounts = self.shared.settings.mounts;
        let store = &self.shared.store;
        let bytes = match (mounts, self.parameter("from")) {
            (Mounts::Refused(status), _) => return Err(Refusal::Unsupported.with_status(status)),
            (Mounts::RefusesAnonymous, None) => {
                return Err(Refusal::NameInvalid.into());
            }
            (Mounts::Anonymous, None) => store.blob_anywhere(&digest),
            (Mounts::Declined, _) | (_, None) => None,
            (Mounts::NeedsPull, Some(from)) if !self.caller.may_pull(&from) => {
                return Err(self.shared.refuse_mount(self.head, repository, &from));
            }
            (_, Some(from)) if self.caller.may_pull(&from) => store.blob(&from, &digest),
            (_, Some(_)) => None,
        };
        Ok(bytes.map(|bytes| {
            store.put_blob_as(repository, &digest, bytes);
            digest
        }))
    }
}
