//! The part of an upload session that may outlive the process which opened it.

use std::sync::{Arc, Mutex, PoisonError};

use secrecy::SecretString;
use url::Url;

/// The data to continue an upload in another process. Anyone with the location may write to the upload.
#[derive(Clone, Debug)]
pub struct SavedUpload {
    location: SecretString,
    smallest_chunk: u64,
}

/// The current location of an upload that another task is sending. Cheap to clone.
#[derive(Clone)]
pub struct UploadWatch(Arc<Mutex<(Url, u64)>>);

impl SavedUpload {
    /// Restores an upload from its [`location`](Self::location) and [`smallest_chunk`](Self::smallest_chunk).
    pub fn new(location: SecretString, smallest_chunk: u64) -> Self {
        Self { location, smallest_chunk }
    }

    /// The URL at which the registry takes the rest.
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

    /// The upload's current location and chunk size.
    pub fn now(&self) -> SavedUpload {
        let (location, smallest_chunk) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner);
        SavedUpload::new(location.to_string().into(), *smallest_chunk)
    }
}
