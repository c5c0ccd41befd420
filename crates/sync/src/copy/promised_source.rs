//! A source with one additional manifest: the one that another rule of the run will store there, rewritten from that
//! rule's source.

use futures_util::FutureExt as _;
use futures_util::future::ready;
use oci::{Descriptor, Digest, RawManifest, TagOrDigest};
use std::sync::Arc;

use crate::endpoint::{Answer, BlobRead, BulkTags, FoundBlob, Kept, ReadParts, Source, StoreId, Tags};

/// The other rule's source, with the rewritten manifest.
pub(super) struct PromisedSource {
    manifest: RawManifest,
    source: Arc<dyn Source>,
}

impl PromisedSource {
    pub(super) fn new(manifest: RawManifest, source: Arc<dyn Source>) -> Self {
        Self { manifest, source }
    }

    fn is_promised(&self, reference: &TagOrDigest) -> bool {
        matches!(reference, TagOrDigest::Digest(digest) if digest == self.manifest.digest())
    }
}

impl Source for PromisedSource {
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

    fn parts(&self) -> Option<&dyn ReadParts> {
        self.source.parts()
    }

    fn resolve<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, Option<Digest>> {
        if self.is_promised(reference) {
            return ready(Ok(Some(self.manifest.digest().clone()))).boxed();
        }
        self.source.resolve(reference)
    }

    fn manifest<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, RawManifest> {
        if self.is_promised(reference) {
            return ready(Ok(self.manifest.clone())).boxed();
        }
        self.source.manifest(reference)
    }

    fn find_blob<'a>(&'a self, digest: &'a Digest) -> Answer<'a, Option<FoundBlob>> {
        self.source.find_blob(digest)
    }

    fn blob<'a>(&'a self, blob: &'a Descriptor) -> Answer<'a, Box<dyn BlobRead>> {
        self.source.blob(blob)
    }

    fn referrers<'a>(&'a self, subject: &'a Digest, kept: Kept) -> Answer<'a, Vec<Descriptor>> {
        self.source.referrers(subject, kept)
    }

    fn external_blob<'a>(&'a self, address: &'a str, blob: &'a Descriptor) -> Answer<'a, Box<dyn BlobRead>> {
        self.source.external_blob(address, blob)
    }
}
