//! A repository of a registry as source or target. The only file here that knows the registry client.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, TryFutureExt as _};
use oci::{Descriptor, Digest, HashState, RawManifest, RegistryHost, RepositoryName, TagOrDigest};
use registry::{
    Access, BlobBody, BlobHistory, BlobReader, Error, ErrorKind, Recovery, ReferrerFilter, Registry,
    Repository, SavedUpload, Standing, Start, TagPage, TagPages, UploadSession, UploadWatch,
};
use tokio::sync::OnceCell;

use super::{Answer, BlobRead, BulkTags, Kept, Mount, ReadAgain, Source, Tags, Target, Upload};
use crate::Cause;
use crate::listing::{BulkDigests, BulkListing, Listed, Preparation};

/// A repository of a registry, to read from or to write to.
pub struct RegistryEndpoint {
    repository: Repository,
    name: String,
    access: Access,
    bulk: Option<Arc<dyn BulkDigests>>,
    bulk_listing: OnceCell<Option<Arc<BulkListing>>>,
    preparation: Option<Arc<dyn Preparation>>,
    prepared: OnceCell<()>,
}

impl RegistryEndpoint {
    /// To read from.
    pub fn source(registry: &Registry, repository: &RepositoryName) -> Self {
        Self::new(registry, repository, Access::Pull)
    }

    /// To write to.
    pub fn target(registry: &Registry, repository: &RepositoryName) -> Self {
        Self::new(registry, repository, Access::PullPush)
    }

    fn new(registry: &Registry, repository: &RepositoryName, access: Access) -> Self {
        let name = format!("{}/{repository}", registry.host());
        let repository = registry.repository(repository, access);
        let (bulk, preparation, bulk_listing, prepared) = Default::default();
        Self { repository, name, access, bulk, bulk_listing, preparation, prepared }
    }

    /// The same, where the registry can give the digests of many tags at once.
    #[must_use]
    pub fn with_bulk_digests(self, bulk: Arc<dyn BulkDigests>) -> Self {
        Self { bulk: Some(bulk), ..self }
    }

    /// The same, where something has to be made ready before anything is pushed.
    #[must_use]
    pub fn with_preparation(self, preparation: Arc<dyn Preparation>) -> Self {
        Self { preparation: Some(preparation), ..self }
    }

    /// Done once, however many images wait for it; a failure is tried again by whoever comes next.
    async fn make_ready(&self) -> Result<(), Cause> {
        let Some(preparation) = &self.preparation else { return Ok(()) };
        let prepare = || preparation.prepare(self.repository.name());
        self.prepared.get_or_try_init(prepare).await.map(drop)
    }

    /// Asked once, however many tags want to know.
    async fn read_bulk_tags(&self) -> Option<Arc<BulkListing>> {
        let bulk = self.bulk.as_ref()?;
        self.bulk_listing.get_or_init(|| bulk.digests(self.repository.name())).await.clone()
    }

    /// Some registries deny even looks at a repository that a push would create. What is denied for good
    /// is denied again when something is sent, and told then.
    fn absent_if_denied<T>(&self, result: Result<Option<T>, Error>) -> Result<Option<T>, Error> {
        match result {
            Err(error @ Error::Refused(_))
                if self.access == Access::PullPush
                    && matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::Denied) =>
            {
                Ok(None)
            }
            other => other,
        }
    }
}

impl Source for RegistryEndpoint {
    fn name(&self) -> &str {
        &self.name
    }

    fn registry(&self) -> &RegistryHost {
        self.repository.registry().host()
    }

    fn answers(&self) -> u64 {
        self.repository.registry().answers()
    }

    fn tags(&self) -> Box<dyn Tags> {
        Box::new(self.repository.tags())
    }

    fn bulk_tags(&self) -> BulkTags<'_> {
        self.read_bulk_tags().boxed()
    }

    fn resolve<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, Option<Digest>> {
        self.repository.resolve(reference).boxed()
    }

    fn manifest<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, RawManifest> {
        self.repository.pull_manifest(reference).boxed()
    }

    fn blob<'a>(&'a self, blob: &'a Descriptor) -> Answer<'a, Box<dyn BlobRead>> {
        async move {
            let reader = self.repository.pull_blob(&blob.digest, blob.size).await?;
            Ok(Box::new(reader) as Box<dyn BlobRead>)
        }
        .boxed()
    }

    fn blob_from<'a>(
        &'a self,
        blob: &'a Descriptor,
        offset: u64,
        state: Option<&'a HashState>,
    ) -> Answer<'a, Box<dyn BlobRead>> {
        async move {
            let reader = self.repository.pull_blob_from(&blob.digest, blob.size, offset, state).await?;
            Ok(Box::new(reader) as Box<dyn BlobRead>)
        }
        .boxed()
    }

    fn referrers<'a>(&'a self, subject: &'a Digest, kept: Kept) -> Answer<'a, Vec<Descriptor>> {
        async move {
            let filter = ReferrerFilter::all();
            match kept {
                Kept::Anywhere => self.repository.referrers(subject, &filter).await,
                Kept::ByRegistry => self.repository.untagged_referrers(subject, &filter).await,
            }
        }
        .boxed()
    }

    fn external_blob<'a>(&'a self, address: &'a str, blob: &'a Descriptor) -> Answer<'a, Box<dyn BlobRead>> {
        async move {
            let reader = self.repository.registry().pull_external(address, &blob.digest, blob.size).await?;
            Ok(Box::new(reader) as Box<dyn BlobRead>)
        }
        .boxed()
    }
}

impl Target for RegistryEndpoint {
    fn name(&self) -> &str {
        &self.name
    }

    fn registry(&self) -> &RegistryHost {
        self.repository.registry().host()
    }

    fn repository(&self) -> &RepositoryName {
        self.repository.name()
    }

    fn answers(&self) -> u64 {
        self.repository.registry().answers()
    }

    fn tags(&self) -> Box<dyn Tags> {
        Box::new(self.repository.tags())
    }

    fn bulk_tags(&self) -> BulkTags<'_> {
        self.read_bulk_tags().boxed()
    }

    fn resolve<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, Option<Digest>> {
        async move { self.absent_if_denied(self.repository.resolve(reference).await) }.boxed()
    }

    fn manifest<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, RawManifest> {
        self.repository.pull_manifest(reference).boxed()
    }

    fn prepare(&self) -> Listed<'_, ()> {
        self.make_ready().boxed()
    }

    fn has_blob<'a>(&'a self, digest: &'a Digest) -> Answer<'a, bool> {
        async move {
            let found = self.repository.has_blob(digest).await.map(|found| found.then_some(()));
            Ok(self.absent_if_denied(found)?.is_some())
        }
        .boxed()
    }

    fn mount<'a>(&'a self, digest: &'a Digest, from: &'a RepositoryName) -> Answer<'a, Mount> {
        async move { Ok(self.repository.mount_or_start_upload(digest, from).await?.into()) }.boxed()
    }

    fn mount_remembered<'a>(&'a self, digest: &'a Digest, from: &'a RepositoryName) -> Answer<'a, Mount> {
        async move { Ok(self.repository.mount_remembered_or_start_upload(digest, from).await?.into()) }
            .boxed()
    }

    fn start_upload<'a>(&'a self, digest: &'a Digest) -> Answer<'a, Mount> {
        async move { Ok(self.repository.start_upload_of(digest).await?.into()) }.boxed()
    }

    fn reopen_upload<'a>(
        &'a self,
        saved: &'a SavedUpload,
        size: Option<u64>,
    ) -> Answer<'a, Option<Box<dyn Upload>>> {
        async move {
            let session = self.repository.reopen_upload(saved, size).await?;
            Ok(session.map(|session| Box::new(session) as Box<dyn Upload>))
        }
        .boxed()
    }

    fn push_manifest<'a>(&'a self, reference: &'a TagOrDigest, manifest: &'a RawManifest) -> Answer<'a, ()> {
        self.repository.push_manifest(reference, manifest).map_ok(|_| ()).boxed()
    }

    fn list_referrer<'a>(&'a self, subject: &'a Digest, referrer: &'a Descriptor) -> Answer<'a, ()> {
        self.repository.keep_referrer(subject, referrer).boxed()
    }
}

impl Tags for TagPages {
    fn next(&mut self) -> Answer<'_, Option<TagPage>> {
        TagPages::next(self).boxed()
    }
}

impl From<Start> for Mount {
    fn from(start: Start) -> Self {
        match start {
            Start::Mounted => Self::Mounted,
            Start::Session(session) => Self::Upload(session),
        }
    }
}

impl BlobRead for BlobReader {
    fn next(&mut self) -> Answer<'_, Option<Bytes>> {
        BlobReader::next(self).boxed()
    }

    fn resume(&mut self) -> Answer<'_, ()> {
        BlobReader::resume(self).boxed()
    }

    fn hash_state(&self) -> Option<HashState> {
        BlobReader::hash_state(self)
    }

    fn history(&self) -> Option<Arc<dyn ReadAgain>> {
        BlobReader::history(self).map(|history| Arc::new(history) as Arc<dyn ReadAgain>)
    }
}

impl ReadAgain for BlobHistory {
    fn read_from(&self, offset: u64) -> Answer<'_, Box<dyn BlobRead>> {
        async move { Ok(Box::new(BlobHistory::read_from(self, offset).await?) as Box<dyn BlobRead>) }.boxed()
    }
}

impl Upload for UploadSession {
    fn send<'a>(&'a mut self, digest: &'a Digest, size: Option<u64>, body: BlobBody) -> Answer<'a, ()> {
        UploadSession::send(self, digest, size, body).boxed()
    }

    fn confirmed(&self) -> u64 {
        UploadSession::confirmed(self)
    }

    fn watch(&self, size: Option<u64>) -> Option<UploadWatch> {
        UploadSession::watch(self, size)
    }

    fn recovery(&mut self, error: &Error) -> Recovery {
        UploadSession::recovery(self, error)
    }

    fn resume<'a>(&'a mut self, digest: &'a Digest) -> Answer<'a, Standing> {
        UploadSession::resume(self, digest).boxed()
    }

    fn cancel<'a>(self: Box<Self>) -> BoxFuture<'a, ()>
    where
        Self: 'a,
    {
        UploadSession::cancel(*self).boxed()
    }
}
