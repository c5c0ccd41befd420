//! A source that caches its answers for one image, so that several targets cost no more requests than one.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use oci::{Descriptor, Digest, RawManifest, TagOrDigest};
use tokio::sync::Mutex as Turn;

use crate::endpoint::{
    Answer, BlobRead, BulkTags, EndpointError, FoundBlob, Kept, ReadParts, Source, StoreId, Tags,
};
use crate::lock::lock;
use crate::report::worked_on::for_all;

/// A larger manifest is not cached: a later target reads it again.
const LARGEST_KEPT: usize = 256 << 10;

/// A source for the copies of one image to several targets. Does not cache blobs.
pub(super) struct SharedSource {
    source: Arc<dyn Source>,
    /// An answer is dropped after this many uses, one for each target.
    targets: usize,
    resolved: Memo<TagOrDigest, Option<Digest>>,
    manifests: Memo<TagOrDigest, RawManifest>,
    referrers: Memo<(Digest, Kept), Vec<Descriptor>>,
}

/// Cached answers, with one request at a time for each question.
struct Memo<K, V>(Mutex<HashMap<K, Arc<Turn<Asked<V>>>>>);

struct Asked<V> {
    last: Option<Result<V, EndpointError>>,
    taken: usize,
}

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Memo<K, V> {
    /// The cached answer, or the answer to a running request, or that to a new request. Callers that waited for a
    /// failed request share its error, which is not cached. The answer is dropped after `takers` uses.
    async fn get(
        &self,
        key: &K,
        takers: usize,
        ask: impl Future<Output = Result<V, EndpointError>>,
    ) -> Result<V, EndpointError> {
        let entry = {
            let new = || Arc::new(Turn::new(Asked { last: None, taken: 0 }));
            lock(&self.0).entry(key.clone()).or_insert_with(new).clone()
        };
        let has_waited = entry.try_lock().is_err();
        let mut asked = entry.lock().await;
        let answer = match &asked.last {
            Some(Ok(value)) => Ok(value.clone()),
            Some(Err(error)) if has_waited => return Err(error.clone()),
            _ => {
                // A caller that is cancelled here leaves no old answer behind.
                asked.last = None;
                let answer = for_all(ask).await;
                asked.last = Some(answer.clone());
                answer
            }
        };
        if answer.is_ok() {
            asked.taken += 1;
            if asked.taken >= takers {
                lock(&self.0).remove(key);
            }
        }
        answer
    }

    fn forget(&self, key: &K) {
        lock(&self.0).remove(key);
    }

    fn put(&self, key: K, value: V) {
        let asked = Asked { last: Some(Ok(value)), taken: 0 };
        lock(&self.0).entry(key).or_insert_with(|| Arc::new(Turn::new(asked)));
    }

    /// The cached answer, if it is available without waiting.
    fn peek(&self, key: &K) -> Option<V> {
        let entry = lock(&self.0).get(key).cloned()?;
        let asked = entry.try_lock().ok()?;
        asked.last.as_ref().and_then(|last| last.as_ref().ok()).cloned()
    }
}

impl SharedSource {
    pub(super) fn new(source: Arc<dyn Source>, targets: usize) -> Self {
        let (resolved, manifests, referrers) = Default::default();
        Self { source, targets, resolved, manifests, referrers }
    }

    async fn read_manifest(&self, reference: &TagOrDigest) -> Result<RawManifest, EndpointError> {
        let manifest = self.manifests.get(reference, self.targets, self.source.manifest(reference)).await?;
        if manifest.bytes().len() > LARGEST_KEPT {
            self.manifests.forget(reference);
        } else if let TagOrDigest::Tag(_) = reference {
            // Another target may know the digest already, and ask by it.
            self.manifests.put(TagOrDigest::Digest(manifest.digest().clone()), manifest.clone());
        }
        Ok(manifest)
    }
}

impl Source for SharedSource {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn store(&self) -> &StoreId {
        self.source.store()
    }

    fn answers(&self) -> u64 {
        self.source.answers()
    }

    fn tags(&self) -> Box<dyn Tags> {
        self.source.tags()
    }

    fn bulk_tags(&self) -> BulkTags<'_> {
        self.source.bulk_tags()
    }

    fn resolve<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, Option<Digest>> {
        async move {
            if let Some(manifest) = self.manifests.peek(reference) {
                return Ok(Some(manifest.digest().clone()));
            }
            self.resolved.get(reference, self.targets, self.source.resolve(reference)).await
        }
        .boxed()
    }

    fn manifest<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, RawManifest> {
        self.read_manifest(reference).boxed()
    }

    fn find_blob<'a>(&'a self, digest: &'a Digest) -> Answer<'a, Option<FoundBlob>> {
        self.source.find_blob(digest)
    }

    fn blob<'a>(&'a self, blob: &'a Descriptor) -> Answer<'a, Box<dyn BlobRead>> {
        self.source.blob(blob)
    }

    fn parts(&self) -> Option<&dyn ReadParts> {
        self.source.parts()
    }

    fn referrers<'a>(&'a self, subject: &'a Digest, kept: Kept) -> Answer<'a, Vec<Descriptor>> {
        async move {
            let key = (subject.clone(), kept);
            self.referrers.get(&key, self.targets, self.source.referrers(subject, kept)).await
        }
        .boxed()
    }

    fn external_blob<'a>(&'a self, address: &'a str, blob: &'a Descriptor) -> Answer<'a, Box<dyn BlobRead>> {
        self.source.external_blob(address, blob)
    }
}
