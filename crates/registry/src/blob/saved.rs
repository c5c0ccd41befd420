//! Upload sessions that outlive the process which opened them.

use std::sync::{Arc, Mutex, PoisonError};

use http::Method;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::UploadSession;
use super::habits::{Shape, Wanted};
use super::push::Place;
use crate::client::Party;
use crate::http::location;
use crate::{Error, Repository};

/// What is needed to go on with an upload in another process. Who has the location may write to the upload.
#[derive(Clone, Debug)]
pub struct SavedUpload {
    location: SecretString,
    smallest_chunk: u64,
}

/// Where an upload stands that somebody else is sending. Cheap to clone.
#[derive(Clone)]
pub struct UploadWatch(Arc<Mutex<(Url, u64)>>);

impl SavedUpload {
    /// Puts together what [`location`](Self::location) and [`smallest_chunk`](Self::smallest_chunk) gave.
    pub fn new(location: SecretString, smallest_chunk: u64) -> Self {
        Self { location, smallest_chunk }
    }

    /// Where the registry takes what is missing.
    pub fn location(&self) -> &SecretString {
        &self.location
    }

    /// The smallest chunk in bytes that the registry takes, but for the last one.
    pub fn smallest_chunk(&self) -> u64 {
        self.smallest_chunk
    }
}

impl UploadWatch {
    pub(super) fn new(location: Url, smallest_chunk: u64) -> Self {
        Self(Arc::new(Mutex::new((location, smallest_chunk))))
    }

    pub(super) fn moved(&self, location: Url, smallest_chunk: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (location, smallest_chunk);
    }

    /// Where it stands now.
    pub fn now(&self) -> SavedUpload {
        let (location, smallest_chunk) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner);
        SavedUpload::new(location.to_string().into(), *smallest_chunk)
    }
}

impl UploadSession {
    /// Tells where the upload stands while it is sent. `None` where the registry would keep nothing of a broken one:
    /// a blob of `size` bytes goes in a single request.
    pub fn watch(&self, size: Option<u64>) -> Option<UploadWatch> {
        let wanted = Wanted {
            size,
            confirmed: self.confirmed,
            smallest_chunk: self.smallest_chunk,
            largest_body: u64::MAX,
        };
        let shape = self.habits().shape(wanted);
        (shape != Shape::Put).then(|| self.watch.clone())
    }
}

impl Repository {
    /// Goes on with the upload of a blob of `size` bytes that another process began;
    /// [`confirmed`](UploadSession::confirmed) says from where. `None` where the registry does not know it any more.
    pub async fn reopen_upload(
        &self,
        saved: &SavedUpload,
        size: Option<u64>,
    ) -> Result<Option<UploadSession>, Error> {
        let beginning = self.call(Method::POST, "blobs/uploads/").await?.url;
        // The same bounds as for a location that the registry gives: what is kept in a file may have been changed.
        let Ok(location) =
            location::next(&beginning, saved.location.expose_secret(), self.registry().leaving_tls())
        else {
            return Ok(None);
        };
        let named_by = self.registry().party_at(Party::Registry, &location);
        let place = Place { location, named_by };
        let mut session = UploadSession::new(self.clone(), place, saved.smallest_chunk);
        if session.is_known(size).await? {
            return Ok(Some(session));
        }
        // It may be there and not say how far it got.
        session.forget().await;
        Ok(None)
    }
}
