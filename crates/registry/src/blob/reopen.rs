//! Continues an upload session that another process opened.

use http::Method;
use secrecy::ExposeSecret as _;

use super::place::Place;
use super::saved::SavedUpload;
use super::session::UploadSession;
use crate::client::Party;
use crate::http::location;
use crate::{Error, Repository};

impl Repository {
    /// Continues the upload of a blob of `size` bytes that another process began;
    /// [`confirmed`](UploadSession::confirmed) is the offset. `None` if the registry no longer knows the session.
    pub async fn reopen_upload(
        &self,
        saved: &SavedUpload,
        size: Option<u64>,
    ) -> Result<Option<UploadSession>, Error> {
        let Some(mut session) = self.saved_session(saved).await? else { return Ok(None) };
        if session.is_known(size).await? {
            return Ok(Some(session));
        }
        // The session may exist without the registry reporting its offset.
        session.forget().await;
        Ok(None)
    }

    /// The bytes that the registry has of an upload that another process began, if it reports them. The upload is not changed.
    pub async fn confirmed_of(&self, saved: &SavedUpload, size: Option<u64>) -> Result<Option<u64>, Error> {
        let Some(mut session) = self.saved_session(saved).await? else { return Ok(None) };
        Ok(session.is_known(size).await?.then(|| session.confirmed()))
    }

    async fn saved_session(&self, saved: &SavedUpload) -> Result<Option<UploadSession>, Error> {
        let beginning = self.call(Method::POST, "blobs/uploads/").await?.url;
        // The same checks as for a location from the registry: the file that kept it may have been changed.
        let Ok(location) =
            location::next(&beginning, saved.location().expose_secret(), self.registry().leaving_tls())
        else {
            return Ok(None);
        };
        let named_by = self.registry().party_at(Party::Registry, &location);
        let place = Place { location, named_by };
        Ok(Some(UploadSession::new(self.clone(), place, saved.smallest_chunk())))
    }
}
