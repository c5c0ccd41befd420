//! A repository of a registry as source or target.

mod deletes;

use std::sync::Arc;

use futures_util::future::{BoxFuture, ready};
use futures_util::{FutureExt as _, TryFutureExt as _};
use oci::{
    Descriptor, Digest, ErrorKind, HashState, RawManifest, RepositoryName, TagOrDigest, is_referrers_tag,
};
use registry::{Access, BlobReader, Error, ReferrerFilter, Registry, Repository, Start};
use sync::endpoint::{
    Answer, BlobRead, BulkTags, Deletes, EndpointError, FoundBlob, FoundManifest, KeepsUploads, Kept,
    Meaning, Mount, ReadParts, SavedUpload, StoreId, Tags, Untags, Upload,
};
use sync::listing::{BulkDigests, BulkListing, Preparation};
use sync::{Source, Target};
use tokio::sync::OnceCell;

use crate::judge::{judged, judged_external};
use crate::read::{Blob, TagList};
use crate::upload::Session;

/// A repository of a registry, to read from or to write to.
pub struct RegistryEndpoint {
    repository: Repository,
    name: String,
    store: StoreId,
    bulk: Option<Arc<dyn BulkDigests>>,
    bulk_listing: OnceCell<Option<Arc<BulkListing>>>,
    /// The same listing, if it was requested for the sizes in it.
    sizes: OnceCell<Option<Arc<BulkListing>>>,
    untagging: Option<Arc<dyn Untags>>,
    preparation: Option<Arc<dyn Preparation>>,
}

impl RegistryEndpoint {
    /// A repository to read from.
    pub fn source(registry: &Registry, repository: &RepositoryName) -> Self {
        Self::new(registry, repository, Access::Pull)
    }

    /// A repository to write to.
    pub fn target(registry: &Registry, repository: &RepositoryName) -> Self {
        Self::new(registry, repository, Access::PullPush)
    }

    fn new(registry: &Registry, repository: &RepositoryName, access: Access) -> Self {
        let name = format!("{}/{repository}", registry.host());
        let store = StoreId::new(&registry.identity());
        let repository = registry.repository(repository, access);
        let (bulk, untagging, preparation, bulk_listing, sizes) = Default::default();
        Self { repository, name, store, bulk, bulk_listing, sizes, untagging, preparation }
    }

    /// The same, with an API that gives the digests of many tags at once.
    #[must_use]
    pub fn with_bulk_digests(self, bulk: Arc<dyn BulkDigests>) -> Self {
        Self { bulk: Some(bulk), ..self }
    }

    /// The same, with an API that deletes tags.
    #[must_use]
    pub fn with_untagging(self, untagging: Arc<dyn Untags>) -> Self {
        Self { untagging: Some(untagging), ..self }
    }

    /// The same, with a preparation before the first push.
    #[must_use]
    pub fn with_preparation(self, preparation: Arc<dyn Preparation>) -> Self {
        Self { preparation: Some(preparation), ..self }
    }

    async fn make_ready(&self) -> Result<(), EndpointError> {
        match &self.preparation {
            Some(preparation) => preparation.prepare(self.repository.name()).await,
            None => Ok(()),
        }
    }

    /// Requested once, however many tags need it.
    async fn read_bulk_tags(&self) -> Option<Arc<BulkListing>> {
        let bulk = self.bulk.as_ref()?;
        if let Some(Some(listing)) = self.sizes.get() {
            return Some(listing.clone());
        }
        self.bulk_listing.get_or_init(|| bulk.digests(self.repository.name())).await.clone()
    }

    /// Requested once, unless the request fails.
    async fn read_sizes(&self) -> Result<Option<Arc<BulkListing>>, EndpointError> {
        let Some(bulk) = &self.bulk else { return Ok(None) };
        if !bulk.tells_sizes().await? {
            return Ok(None);
        }
        self.sizes.get_or_try_init(|| bulk.try_digests(self.repository.name())).await.cloned()
    }

    /// A denied lookup of a blob only costs its upload. A lasting refusal comes again then, and is reported.
    async fn find_at_target(&self, digest: &Digest) -> Result<Option<FoundBlob>, EndpointError> {
        match self.repository.find_blob(digest).await {
            Ok(found) => Ok(found.map(|found| FoundBlob { length: found.length })),
            Err(error) if is_denial(&error) => Ok(None),
            Err(error) => Err(judged(error)),
        }
    }

    async fn lacks_what_it_is_in(&self) -> Result<bool, EndpointError> {
        match &self.preparation {
            Some(preparation) => Ok(!preparation.is_ready(self.repository.name()).await?),
            None => Ok(false),
        }
    }
}

/// Some registries deny even reads of a repository that a push would create.
fn told_at_target(error: Error) -> EndpointError {
    if is_denial(&error) {
        EndpointError { meaning: Meaning::Hidden, ..judged(error) }
    } else {
        judged(error)
    }
}

/// Whether the registry itself denies something to a login that it has accepted so far.
fn is_denial(error: &Error) -> bool {
    matches!(error, Error::Refused(_)) && matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::Denied)
}

impl Source for RegistryEndpoint {
    fn name(&self) -> &str {
        &self.name
    }

    fn store(&self) -> &StoreId {
        &self.store
    }

    fn answers(&self) -> u64 {
        self.repository.registry().answers()
    }

    fn connect(&self) -> BoxFuture<'_, ()> {
        self.repository.registry().connect().boxed()
    }

    fn tags(&self) -> Box<dyn Tags> {
        Box::new(TagList { pages: self.repository.tags(), is_target: false })
    }

    fn bulk_tags(&self) -> BulkTags<'_> {
        self.read_bulk_tags().boxed()
    }

    fn tells_sizes(&self) -> Answer<'_, bool> {
        match &self.bulk {
            Some(bulk) => bulk.tells_sizes(),
            None => ready(Ok(false)).boxed(),
        }
    }

    fn sizes(&self) -> Answer<'_, Option<Arc<BulkListing>>> {
        self.read_sizes().boxed()
    }

    fn parts(&self) -> Option<&dyn ReadParts> {
        Some(self)
    }

    fn resolve<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, Option<Digest>> {
        self.repository.resolve(reference).map_err(judged).boxed()
    }

    fn manifest<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, RawManifest> {
        self.repository.pull_manifest(reference).map_err(judged).boxed()
    }

    fn find_blob<'a>(&'a self, digest: &'a Digest) -> Answer<'a, Option<FoundBlob>> {
        async move {
            let found = self.repository.find_blob(digest).await.map_err(judged)?;
            Ok(found.map(|found| FoundBlob { length: found.length }))
        }
        .boxed()
    }

    fn blob<'a>(&'a self, blob: &'a Descriptor) -> Answer<'a, Box<dyn BlobRead>> {
        async move { self.repository.pull_blob(&blob.digest, blob.size).await.map(read).map_err(judged) }
            .boxed()
    }

    fn referrers<'a>(&'a self, subject: &'a Digest, kept: Kept) -> Answer<'a, Vec<Descriptor>> {
        async move {
            let filter = ReferrerFilter::all();
            let found = match kept {
                Kept::Anywhere => self.repository.referrers(subject, &filter).await,
                Kept::ByRegistry => self.repository.untagged_referrers(subject, &filter).await,
            };
            found.map_err(judged)
        }
        .boxed()
    }

    fn external_blob<'a>(&'a self, address: &'a str, blob: &'a Descriptor) -> Answer<'a, Box<dyn BlobRead>> {
        async move {
            self.repository
                .registry()
                .pull_external(address, &blob.digest, blob.size)
                .await
                .map(|reader| Box::new(Blob::external(reader)) as Box<dyn BlobRead>)
                .map_err(judged_external)
        }
        .boxed()
    }
}

impl ReadParts for RegistryEndpoint {
    fn blob_from<'a>(
        &'a self,
        blob: &'a Descriptor,
        offset: u64,
        state: Option<&'a HashState>,
    ) -> Answer<'a, Box<dyn BlobRead>> {
        async move {
            self.repository
                .pull_blob_from(&blob.digest, blob.size, offset, state)
                .await
                .map(read)
                .map_err(judged)
        }
        .boxed()
    }
}

impl KeepsUploads for RegistryEndpoint {
    fn reopen<'a>(
        &'a self,
        saved: &'a SavedUpload,
        size: Option<u64>,
    ) -> Answer<'a, Option<Box<dyn Upload>>> {
        async move {
            let saved = registry::SavedUpload::new(saved.place.clone(), saved.smallest_chunk);
            let session = self.repository.reopen_upload(&saved, size).await.map_err(judged)?;
            Ok(session.map(|session| Box::new(Session(session)) as Box<dyn Upload>))
        }
        .boxed()
    }

    fn confirmed<'a>(&'a self, saved: &'a SavedUpload, size: Option<u64>) -> Answer<'a, Option<u64>> {
        async move {
            let saved = registry::SavedUpload::new(saved.place.clone(), saved.smallest_chunk);
            self.repository.confirmed_of(&saved, size).await.map_err(judged)
        }
        .boxed()
    }
}

impl Target for RegistryEndpoint {
    fn name(&self) -> &str {
        &self.name
    }

    fn store(&self) -> &StoreId {
        &self.store
    }

    fn repository(&self) -> &RepositoryName {
        self.repository.name()
    }

    fn answers(&self) -> u64 {
        self.repository.registry().answers()
    }

    fn tags(&self) -> Box<dyn Tags> {
        Box::new(TagList { pages: self.repository.tags(), is_target: true })
    }

    fn bulk_tags(&self) -> BulkTags<'_> {
        self.read_bulk_tags().boxed()
    }

    fn contents(&self) -> Arc<dyn Source> {
        Arc::new(Self::source(self.repository.registry(), self.repository.name()))
    }

    fn kept_uploads(&self) -> Option<&dyn KeepsUploads> {
        Some(self)
    }

    fn deletes(&self) -> Option<&dyn Deletes> {
        Some(self)
    }

    fn resolve<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, Option<Digest>> {
        self.repository.resolve(reference).map_err(told_at_target).boxed()
    }

    fn find_manifest<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, Option<FoundManifest>> {
        async move {
            let found = self.repository.find_manifest(reference).await.map_err(told_at_target)?;
            Ok(found.map(|found| FoundManifest { digest: found.digest, media_type: found.media_type }))
        }
        .boxed()
    }

    fn manifest<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, RawManifest> {
        self.repository.pull_manifest(reference).map_err(judged).boxed()
    }

    fn is_to_be_created(&self) -> Answer<'_, bool> {
        self.lacks_what_it_is_in().boxed()
    }

    fn prepare(&self) -> Answer<'_, ()> {
        self.make_ready().boxed()
    }

    fn try_push(&self) -> Answer<'_, ()> {
        async move {
            if self.lacks_what_it_is_in().await? {
                return Ok(());
            }
            self.repository.registry().try_push(self.repository.name()).await.map(drop).map_err(judged)
        }
        .boxed()
    }

    fn find_blob<'a>(&'a self, digest: &'a Digest) -> Answer<'a, Option<FoundBlob>> {
        self.find_at_target(digest).boxed()
    }

    fn mount<'a>(&'a self, digest: &'a Digest, from: &'a RepositoryName) -> Answer<'a, Mount> {
        async move { self.repository.mount_or_start_upload(digest, from).await.map(mount).map_err(judged) }
            .boxed()
    }

    fn mount_remembered<'a>(&'a self, digest: &'a Digest, from: &'a RepositoryName) -> Answer<'a, Mount> {
        async move {
            let started = self.repository.mount_remembered_or_start_upload(digest, from).await;
            started.map(mount).map_err(judged)
        }
        .boxed()
    }

    fn start_upload<'a>(&'a self, digest: Option<&'a Digest>) -> Answer<'a, Mount> {
        async move {
            let started = match digest {
                Some(digest) => self.repository.start_upload_of(digest).await,
                None => self.repository.start_upload().await.map(|session| Start::Session(Box::new(session))),
            };
            started.map(mount).map_err(judged)
        }
        .boxed()
    }

    fn push_manifest<'a>(&'a self, reference: &'a TagOrDigest, manifest: &'a RawManifest) -> Answer<'a, ()> {
        match reference {
            TagOrDigest::Tag(tag) if is_referrers_tag(tag) => {
                self.repository.push_referrers_tag(tag, manifest).map_err(judged).boxed()
            }
            _ => self.repository.push_manifest(reference, manifest).map_ok(|_| ()).map_err(judged).boxed(),
        }
    }

    fn lists_referrer<'a>(&'a self, subject: &'a Digest, referrer: &'a Descriptor) -> Answer<'a, bool> {
        self.repository.lists_referrer(subject, referrer).map_err(judged).boxed()
    }

    fn list_referrer<'a>(&'a self, subject: &'a Digest, referrer: &'a Descriptor) -> Answer<'a, ()> {
        self.repository.keep_referrer(subject, referrer).map_err(judged).boxed()
    }
}

/// How an upload began, in the engine's terms.
fn mount(start: Start) -> Mount {
    match start {
        Start::Mounted => Mount::Mounted,
        Start::Session(session) => Mount::Upload(Box::new(Session(*session))),
    }
}

fn read(reader: BlobReader) -> Box<dyn BlobRead> {
    Box::new(Blob::of_registry(reader))
}
