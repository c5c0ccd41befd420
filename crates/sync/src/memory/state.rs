//! What is kept from run to run: unfinished uploads, which repositories have which blobs, the digests of images after
//! a platform filter, which children of a sparse index a repository has, which registries refuse sparse indexes, below
//! which images the referrers were brought, and when images were first seen.
//!
//! The state is a hint. Everything works without it; if it is wrong, a run needs one request more, or the registry's
//! answer counts.

mod gone;
mod journal;
mod record;
mod referrers;
mod snapshot;
mod store;
mod trail;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use oci::{Digest, HashTrail, RepositoryName};

use crate::endpoint::SavedUpload;
use redb::{Database, ReadableDatabase as _};

use crate::Bandwidth;
use crate::endpoint::{Source, Target};
use crate::lock::lock;

pub(crate) use journal::{Journal, STRIDE};
pub(crate) use record::LeftUpload;
#[doc(hidden)]
pub use record::fuzz_record;
use record::{Cut, FirstSeen};
pub use store::{Found, StateError};
pub(crate) use trail::{SharedTrail, new_trail};
use writer::{Change, Writer};

/// After this many days the record of a blob in a repository is written again.
const FRESH_DAYS: u32 = 7;

/// How many bytes a run must send to show the speed of a network.
const ENOUGH_BYTES: u64 = 16 << 20;

/// After this many days a refusal is forgotten: the registry may have been replaced or reconfigured.
const REFUSAL_DAYS: u32 = 30;

/// The state, or none. Cheap to clone; dropping the last clone writes what is left.
#[derive(Clone, Default)]
pub struct State(Option<Arc<Open>>);

struct Open {
    database: Arc<Database>,
    writer: Mutex<Writer>,
    today: u32,
}

impl State {
    /// No state.
    pub fn none() -> Self {
        Self::default()
    }

    /// Opens or creates the file, readable only for this user. Moves a damaged one aside.
    ///
    /// # Errors
    /// Another run uses the file, or it cannot be written. A run without state is as correct as one with it.
    pub fn open(path: &Path) -> Result<(Self, Found), StateError> {
        let today = today();
        let (database, found) = store::open(path, today)?;
        let database = Arc::new(database);
        let writer = Mutex::new(Writer::start(database.clone())?);
        Ok((Self(Some(Arc::new(Open { database, writer, today }))), found))
    }

    /// A snapshot of the file for a run that only reads: it uses the records of runs that copied, writes nothing, and
    /// does not block the file for others.
    ///
    /// # Errors
    /// A run that copies has the file open, or it cannot be read. A run without state is as correct as one with it.
    pub fn read(path: &Path) -> Result<Self, StateError> {
        let today = today();
        let database = Arc::new(snapshot::of_file(path, today)?);
        let writer = Mutex::new(Writer::none());
        Ok(Self(Some(Arc::new(Open { database, writer, today }))))
    }

    /// Writes what is left, and returns a write error. Nothing is recorded after it.
    pub fn close(&self) -> Result<(), StateError> {
        let failure = self.0.as_ref().and_then(|open| open.writer().end());
        failure.map_or(Ok(()), |error| Err(StateError::Unusable(error.to_string())))
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    /// An unfinished upload of `blob` from an earlier run.
    pub(crate) fn upload(&self, target: &dyn Target, blob: &Digest) -> Option<LeftUpload> {
        let key = record::upload_key(target.store(), target.repository(), blob);
        let open = self.0.as_ref()?;
        open.upload(&key).ok().flatten().filter(|left| !left.is_old(open.today))
    }

    /// Records that an upload session was opened; returns when the record is on disk. Returns whether it was written.
    async fn upload_opened(
        &self,
        target: &dyn Target,
        blob: &Digest,
        saved: SavedUpload,
        trail: HashTrail,
    ) -> bool {
        let Some(open) = &self.0 else { return false };
        let change = open.upload_change(target, blob, saved, trail);
        let written = open.writer().write_now(change);
        written.await.is_ok()
    }

    /// Records the progress of an upload; `trail` has the hash states.
    fn upload_went_on(&self, target: &dyn Target, blob: &Digest, saved: SavedUpload, trail: HashTrail) {
        let Some(open) = &self.0 else { return };
        open.writer().write(open.upload_change(target, blob, saved, trail));
    }

    /// Drops the record of an upload.
    pub(crate) fn upload_ended(&self, target: &dyn Target, blob: &Digest) {
        let Some(open) = &self.0 else { return };
        let key = record::upload_key(target.store(), target.repository(), blob);
        open.writer().write(Change::NoUpload(key));
    }

    /// Whether the target's repository had the blob when it was last looked up.
    pub(crate) fn had_blob(&self, target: &dyn Target, blob: &Digest) -> bool {
        let key = record::blob_key(target.store(), blob, target.repository());
        self.0.as_ref().is_some_and(|open| matches!(open.blob_day(&key), Ok(Some(_))))
    }

    /// Another repository of the target's registry that had the blob.
    pub(crate) fn other_holder(&self, target: &dyn Target, blob: &Digest) -> Option<RepositoryName> {
        let prefix = record::blob_prefix(target.store(), blob);
        self.0.as_ref()?.holder(&prefix, target.repository()).ok().flatten()
    }

    /// Records that the target's repository has the blob.
    pub(crate) fn note_blob(&self, target: &dyn Target, blob: &Digest) {
        let Some(open) = &self.0 else { return };
        let key = record::blob_key(target.store(), blob, target.repository());
        let noted = open.blob_day(&key).ok().flatten();
        if open.is_due(noted) {
            open.writer().write(Change::Blob(key, open.today));
        }
    }

    /// The digest of what is left of the manifest `whole` with the filter `wanted`.
    pub(crate) fn cut(&self, whole: &Digest, wanted: &str) -> Option<Digest> {
        self.0.as_ref()?.cut(&record::cut_key(whole, wanted)).ok().flatten()
    }

    /// Records `cut` as what is left of the manifest `whole`.
    pub(crate) fn note_cut(&self, whole: &Digest, wanted: &str, cut: &Digest) {
        let Some(open) = &self.0 else { return };
        let key = record::cut_key(whole, wanted);
        if open.cut(&key).ok().flatten().as_ref() != Some(cut) {
            open.writer().write(Change::Cut(key, Cut { day: open.today, digest: cut.clone() }.encode()));
        }
    }

    /// Which children of an index the target has, if it has the index. A query renews the record.
    pub(crate) fn children(&self, target: &dyn Target, index: &Digest) -> Option<Digest> {
        let open = self.0.as_ref()?;
        let key = record::children_key(target.store(), target.repository(), index);
        let noted = open.children(&key).ok().flatten()?;
        if let Some(change) = open.children_change(key, &noted.digest) {
            open.writer().write(change);
        }
        Some(noted.digest)
    }

    /// Whether the target has an index with other children than `all`.
    pub(crate) fn lacks_children(&self, target: &dyn Target, all: &Digest) -> bool {
        let prefix = record::children_prefix(target.store(), target.repository());
        self.0.as_ref().is_some_and(|open| open.lacks_children(&prefix, all).unwrap_or(true))
    }

    /// Records that the target has these children of an index, and may lack others.
    pub(crate) fn note_children(&self, target: &dyn Target, index: &Digest, children: &Digest) {
        let Some(open) = &self.0 else { return };
        let key = record::children_key(target.store(), target.repository(), index);
        if let Some(change) = open.children_change(key, children) {
            open.writer().write(change);
        }
    }

    /// The same, after all earlier changes; returns when it is on disk.
    pub(crate) async fn note_children_now(&self, target: &dyn Target, index: &Digest, children: &Digest) {
        let Some(open) = &self.0 else { return };
        let key = record::children_key(target.store(), target.repository(), index);
        let record = Cut { day: open.today, digest: children.clone() };
        let written = open.writer().write_now(Change::Children(key, record.encode()));
        // A write error is reported at the end of the run.
        let _ = written.await;
    }

    /// Drops the record of an index.
    pub(crate) fn forget_children(&self, target: &dyn Target, index: &Digest) {
        let Some(open) = &self.0 else { return };
        let key = record::children_key(target.store(), target.repository(), index);
        open.writer().write(Change::NoChildren(key));
    }

    /// Whether the target's registry recently refused an index without all its manifests.
    pub(crate) fn refuses_sparse(&self, target: &dyn Target) -> bool {
        let Some(open) = &self.0 else { return false };
        let refused = open.refusal_day(target.store().as_str()).ok().flatten();
        refused.is_some_and(|day| open.today.saturating_sub(day) < REFUSAL_DAYS)
    }

    /// Records that the target's registry refuses sparse indexes.
    pub(crate) fn note_sparse_refusal(&self, target: &dyn Target) {
        let Some(open) = &self.0 else { return };
        open.writer().write(Change::RefusesSparse(target.store().as_str().to_owned(), open.today));
    }

    /// When an earlier run first saw an image at a source.
    pub(crate) fn first_seen(&self, source: &dyn Source, image: &Digest) -> Option<SystemTime> {
        let key = record::first_seen_key(source.store(), source.name(), image);
        let seen = self.0.as_ref()?.first_seen(&key).ok().flatten()?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seen.first))
    }

    /// Records the speed of a run. Few bytes show nothing about the network.
    pub(crate) fn note_speed(&self, bytes: u64, took: Duration) {
        if let (Some(open), true) = (&self.0, bytes >= ENOUGH_BYTES) {
            let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            open.writer().write(Change::Speed(bytes, took.max(1)));
        }
    }

    /// The speed of the last run that sent enough bytes to show it.
    pub fn speed(&self) -> Option<Bandwidth> {
        let (bytes, took) = self.0.as_ref()?.speed().ok().flatten()?;
        Bandwidth::of(bytes, Duration::from_millis(took))
    }

    /// Records that the source has an image, first seen at `now` unless an earlier run saw it.
    pub(crate) fn note_seen(&self, source: &dyn Source, image: &Digest, now: SystemTime) {
        let Some(open) = &self.0 else { return };
        let key = record::first_seen_key(source.store(), source.name(), image);
        let noted = open.first_seen(&key).ok().flatten();
        if open.is_due(noted.map(|seen| seen.day)) {
            let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
            let first = noted.map_or(now, |seen| seen.first);
            open.writer().write(Change::FirstSeen(key, FirstSeen { day: open.today, first }.encode()));
        }
    }

    /// Records that this repository of the target's registry does not have the blob, or does not return it.
    pub(crate) fn forget_holder(&self, target: &dyn Target, blob: &Digest, holder: &RepositoryName) {
        let Some(open) = &self.0 else { return };
        let key = record::blob_key(target.store(), blob, holder);
        open.writer().write(Change::NoBlob(key));
    }
}

impl Open {
    fn writer(&self) -> std::sync::MutexGuard<'_, Writer> {
        lock(&self.writer)
    }

    fn upload_change(
        &self,
        target: &dyn Target,
        blob: &Digest,
        saved: SavedUpload,
        trail: HashTrail,
    ) -> Change {
        let key = record::upload_key(target.store(), target.repository(), blob);
        Change::Upload(key, LeftUpload { day: self.today, saved, trail }.encode())
    }

    fn upload(&self, key: &[u8]) -> Result<Option<LeftUpload>, redb::Error> {
        let uploads = self.database.begin_read()?.open_table(store::UPLOADS)?;
        Ok(uploads.get(key)?.and_then(|record| LeftUpload::decode(record.value())))
    }

    fn cut(&self, key: &[u8]) -> Result<Option<Digest>, redb::Error> {
        let cuts = self.database.begin_read()?.open_table(store::CUTS)?;
        Ok(cuts.get(key)?.and_then(|record| Cut::decode(record.value())).map(|cut| cut.digest))
    }

    fn children(&self, key: &[u8]) -> Result<Option<Cut>, redb::Error> {
        let indexes = self.database.begin_read()?.open_table(store::CHILDREN)?;
        Ok(indexes.get(key)?.and_then(|record| Cut::decode(record.value())))
    }

    /// Whether a record that was last written on this day, if at all, is written again.
    fn is_due(&self, written: Option<u32>) -> bool {
        written.is_none_or(|day| self.today.saturating_sub(day) >= FRESH_DAYS)
    }

    /// The change to write, if any.
    fn children_change(&self, key: Vec<u8>, children: &Digest) -> Option<Change> {
        let noted = self.children(&key).ok().flatten().filter(|noted| noted.digest == *children);
        let is_due = self.is_due(noted.map(|noted| noted.day));
        let record = Cut { day: self.today, digest: children.clone() };
        is_due.then(|| Change::Children(key, record.encode()))
    }

    fn lacks_children(&self, prefix: &[u8], all: &Digest) -> Result<bool, redb::Error> {
        let indexes = self.database.begin_read()?.open_table(store::CHILDREN)?;
        for entry in indexes.range(prefix..)? {
            let (key, record) = entry?;
            if !key.value().starts_with(prefix) {
                break;
            }
            if Cut::decode(record.value()).is_none_or(|noted| noted.digest != *all) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn refusal_day(&self, registry: &str) -> Result<Option<u32>, redb::Error> {
        let refusals = self.database.begin_read()?.open_table(store::SPARSE_REFUSALS)?;
        Ok(refusals.get(registry)?.map(|day| day.value()))
    }

    fn speed(&self) -> Result<Option<(u64, u64)>, redb::Error> {
        let speed = self.database.begin_read()?.open_table(store::SPEED)?;
        Ok(speed.get("last")?.map(|speed| speed.value()))
    }

    fn first_seen(&self, key: &[u8]) -> Result<Option<FirstSeen>, redb::Error> {
        let seen = self.database.begin_read()?.open_table(store::FIRST_SEEN)?;
        Ok(seen.get(key)?.and_then(|record| FirstSeen::decode(record.value())))
    }

    fn blob_day(&self, key: &[u8]) -> Result<Option<u32>, redb::Error> {
        let blobs = self.database.begin_read()?.open_table(store::BLOBS)?;
        Ok(blobs.get(key)?.map(|day| day.value()))
    }

    fn holder(&self, prefix: &[u8], but: &RepositoryName) -> Result<Option<RepositoryName>, redb::Error> {
        let blobs = self.database.begin_read()?.open_table(store::BLOBS)?;
        for entry in blobs.range(prefix..)? {
            let (key, _) = entry?;
            if !key.value().starts_with(prefix) {
                break;
            }
            let holder = record::repository_of(key.value(), prefix);
            if let Some(holder) = holder.filter(|holder| holder != but) {
                return Ok(Some(holder));
            }
        }
        Ok(None)
    }
}

/// Days since 1970. A wrong clock makes records live longer or shorter.
fn today() -> u32 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_secs() / 86_400).unwrap_or(u32::MAX)
}
