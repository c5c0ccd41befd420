//! The request log: an entry is opened when a request's head has come, and filled in while the request goes on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::request::Parts;

use crate::request_log::LoggedRequest;

/// All requests so far, in the order in which their heads came.
#[derive(Default)]
pub(crate) struct Log(Mutex<Vec<Entry>>);

/// One request of the log. Clones are the same entry.
#[derive(Clone)]
pub(crate) struct Entry(Arc<Mutex<LoggedRequest>>);

impl Log {
    /// Opens an entry at once, so that a request which hangs or breaks off is logged, too.
    pub(crate) fn begin(&self, head: &Parts) -> Entry {
        let entry = Entry(Arc::new(Mutex::new(LoggedRequest::begin(head))));
        self.entries().push(entry.clone());
        entry
    }

    pub(crate) fn requests(&self) -> Vec<LoggedRequest> {
        self.entries().iter().map(|entry| entry.request().clone()).collect()
    }

    pub(crate) fn clear(&self) {
        self.entries().clear();
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    pub(crate) fn received(&self, bytes: usize) {
        self.request().received_bytes += bytes as u64;
    }

    pub(crate) fn answered(&self, status: u16, sent_bytes: usize) {
        let mut request = self.request();
        request.status = status;
        request.sent_bytes = sent_bytes as u64;
    }

    fn request(&self) -> MutexGuard<'_, LoggedRequest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
