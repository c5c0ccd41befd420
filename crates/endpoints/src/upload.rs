//! Adapts the registry client's upload session to the engine.

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, TryFutureExt as _};
use oci::{Digest, Recovery, UploadStatus};
use registry::UploadSession;
use sync::endpoint::{Answer, BlobBody, EndpointError, MOST_IN_MEMORY, SavedUpload, Upload, UploadWatch};

use crate::judge::judged;

const _: () = assert!(registry::MOST_IN_MEMORY <= MOST_IN_MEMORY, "the engine's budget counts with it");

/// An upload session.
pub(crate) struct Session(pub(crate) UploadSession);

struct Watch(registry::UploadWatch);

impl Upload for Session {
    fn send<'a>(&'a mut self, digest: &'a Digest, size: Option<u64>, body: BlobBody) -> Answer<'a, ()> {
        self.0.send(digest, size, body).map_err(judged).boxed()
    }

    fn confirmed(&self) -> u64 {
        self.0.confirmed()
    }

    fn watch(&self, size: Option<u64>) -> Option<Box<dyn UploadWatch>> {
        self.0.watch(size).map(|watch| Box::new(Watch(watch)) as Box<dyn UploadWatch>)
    }

    fn recovery(&mut self, error: &EndpointError) -> Recovery {
        let Some(error) = error.inner::<registry::Error>() else { return Recovery::Never };
        self.0.recovery(error)
    }

    fn resume<'a>(&'a mut self, digest: &'a Digest) -> Answer<'a, UploadStatus> {
        self.0.resume(digest).map_err(judged).boxed()
    }

    fn cancel<'a>(self: Box<Self>) -> BoxFuture<'a, ()>
    where
        Self: 'a,
    {
        self.0.cancel().boxed()
    }
}

impl UploadWatch for Watch {
    fn now(&self) -> SavedUpload {
        let now = self.0.now();
        SavedUpload { place: now.location().clone(), smallest_chunk: now.smallest_chunk() }
    }
}
