//! Small blobs that were read for inspection, and are sent without a second read.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use oci::HashState;

use crate::endpoint::{Answer, BlobRead, ReadAgain};

/// The bytes of a blob, checked against its digest when they were read.
#[derive(Clone)]
pub(super) struct Held {
    whole: Bytes,
    /// How many bytes were returned so far.
    given: usize,
}

impl Held {
    pub(super) fn new(whole: Bytes) -> Self {
        Self { whole, given: 0 }
    }
}

impl BlobRead for Held {
    fn next(&mut self) -> Answer<'_, Option<Bytes>> {
        let rest = self.whole.slice(self.given..);
        self.given = self.whole.len();
        async move { Ok(Some(rest).filter(|rest| !rest.is_empty())) }.boxed()
    }

    fn resume(&mut self) -> Answer<'_, ()> {
        async { Ok(()) }.boxed()
    }

    fn hash_state(&self) -> Option<HashState> {
        None
    }

    fn history(&self) -> Option<Arc<dyn ReadAgain>> {
        Some(Arc::new(self.clone()))
    }
}

impl ReadAgain for Held {
    fn read_from(&self, offset: u64) -> Answer<'_, Box<dyn BlobRead>> {
        let given = usize::try_from(offset).unwrap_or(usize::MAX).min(self.whole.len());
        let rest = Self { whole: self.whole.clone(), given };
        async move { Ok(Box::new(rest) as Box<dyn BlobRead>) }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn p31_what_is_held_is_given_whole_or_from_an_offset_and_once() {
        let mut held = Held::new(Bytes::from_static(b"config"));
        assert_eq!(held.next().await.unwrap().unwrap(), "config");
        assert_eq!(held.next().await.unwrap(), None);
        let mut rest = held.history().unwrap().read_from(4).await.unwrap();
        assert_eq!(rest.next().await.unwrap().unwrap(), "ig");
        assert_eq!(rest.next().await.unwrap(), None);
    }
}
