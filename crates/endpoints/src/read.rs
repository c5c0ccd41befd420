//! Adapts the registry client's readers to the engine.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{FutureExt as _, TryFutureExt as _};
use oci::HashState;
use registry::{BlobHistory, BlobReader, TagPages};
use sync::endpoint::{Answer, BlobRead, EndpointError, ReadAgain, TagPage, Tags};

use crate::judge::{judged, judged_external, judged_list, judged_source_list};

/// The pages of a repository's tags.
pub(crate) struct TagList {
    pub(crate) pages: TagPages,
    /// Whether it is a target, which can do without the list.
    pub(crate) is_target: bool,
}

impl TagList {
    async fn page(&mut self) -> Result<Option<TagPage>, EndpointError> {
        match self.pages.next().await {
            Ok(page) => Ok(page.map(|page| TagPage { tags: page.tags, invalid: page.invalid })),
            Err(error) if self.is_target => judged_list(error).map_or(Ok(None), Err),
            Err(error) => Err(judged_source_list(error)),
        }
    }
}

impl Tags for TagList {
    fn next(&mut self) -> Answer<'_, Option<TagPage>> {
        self.page().boxed()
    }
}

/// The bytes of a blob.
pub(crate) struct Blob {
    reader: BlobReader,
    judge: fn(registry::Error) -> EndpointError,
}

impl Blob {
    pub(crate) fn of_registry(reader: BlobReader) -> Self {
        Self { reader, judge: judged }
    }

    /// A blob from an address that only its manifest names.
    pub(crate) fn external(reader: BlobReader) -> Self {
        Self { reader, judge: judged_external }
    }
}

impl BlobRead for Blob {
    fn next(&mut self) -> Answer<'_, Option<Bytes>> {
        self.reader.next().map_err(self.judge).boxed()
    }

    fn resume(&mut self) -> Answer<'_, ()> {
        self.reader.resume().map_err(self.judge).boxed()
    }

    fn hash_state(&self) -> Option<HashState> {
        self.reader.hash_state()
    }

    fn history(&self) -> Option<Arc<dyn ReadAgain>> {
        self.reader.history().map(|history| Arc::new(History(history)) as Arc<dyn ReadAgain>)
    }
}

/// A blob of which parts can be read again.
struct History(BlobHistory);

impl ReadAgain for History {
    fn read_from(&self, offset: u64) -> Answer<'_, Box<dyn BlobRead>> {
        async move {
            let reader = self.0.read_from(offset).await.map_err(judged)?;
            Ok(Box::new(Blob::of_registry(reader)) as Box<dyn BlobRead>)
        }
        .boxed()
    }
}
