//! The state file: opened by one process at a time, written by its own thread. Runs that only read take a
//! [snapshot](super::snapshot).

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::panic::UnwindSafe;
use std::path::{Path, PathBuf};
use std::time::Duration;

use redb::backends::FileBackend;
use redb::{Database, DatabaseError, ReadableDatabase as _, StorageBackend, StorageError, TableDefinition};

use super::record::{Cut, FirstSeen, LeftUpload};

/// Unfinished uploads: [`LeftUpload`] by registry, repository and blob.
pub(super) const UPLOADS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("uploads");
/// The day on which a repository was last seen to have a blob, by registry, blob and repository.
pub(super) const BLOBS: TableDefinition<'_, &[u8], u32> = TableDefinition::new("blobs");
/// What is left of an image: [`Cut`] by its digest and the wanted platforms.
pub(super) const CUTS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("cuts");
/// Which children of an index a repository has: [`Cut`] by registry, repository and digest.
pub(super) const CHILDREN: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("sparse");
/// The day on which a registry refused an index without all its manifests.
pub(super) const SPARSE_REFUSALS: TableDefinition<'_, &str, u32> = TableDefinition::new("sparse-refusals");
/// When an image was first seen: [`FirstSeen`] by registry, repository and digest.
pub(super) const FIRST_SEEN: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("first seen");
/// Since when a tag of a target has been missing at its source: [`FirstSeen`] by registry, repository, tag and digest.
pub(super) const GONE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("gone");
/// The day on which what refers to the manifests below an image was brought, by registry, repository, image and what the
/// rule wants; and images that are no indexes, by their digest alone.
pub(super) const BROUGHT: TableDefinition<'_, &[u8], u32> = TableDefinition::new("referrers below");
/// The speed of the last run that sent enough bytes to show it: bytes, and milliseconds.
pub(super) const SPEED: TableDefinition<'_, &str, (u64, u64)> = TableDefinition::new("speed");
/// When old entries were last removed.
const CHORES: TableDefinition<'_, &str, u32> = TableDefinition::new("chores");

/// Entries that were not confirmed for this long are most likely outdated.
const SEEN_DAYS: u32 = 90;
/// How often old entries are removed, in days.
const CLEANING_DAYS: u32 = 7;
/// How often, and for how long, opening waits for a file in use.
const READS_WAITED_FOR: u32 = 10;
const A_READ: Duration = Duration::from_millis(50);
/// The page cache, in bytes.
const CACHE: usize = 4 << 20;

/// The first bytes of such a file (<https://github.com/cberner/redb/blob/master/docs/design.md>), and its file extension.
const MAGIC: &[u8; 4] = b"redb";
const ENDING: &str = "redb";

/// Why there is no state.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// Another run uses the file.
    #[error("another run is using it")]
    InUse,
    /// The file cannot be read or written.
    #[error("it cannot be read and written")]
    Io(#[from] io::Error),
    /// The file is of another kind.
    #[error("it is no file that this program made, and is left as it is")]
    NotOurs,
    /// The file has a version that this program does not know, or is damaged and cannot be moved aside.
    #[error("it cannot be used: {0}")]
    Unusable(String),
}

/// The state of the file when it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Readable, or missing.
    Sound,
    /// Damaged: it was moved to this path, and a new one was created.
    Damaged(PathBuf),
}

pub(super) fn open(path: &Path, today: u32) -> Result<(Database, Found), StateError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    if !may_be_ours(path)? {
        return Err(StateError::NotOurs);
    }
    match open_when_read(path, today) {
        Err(StateError::Unusable(_)) => {
            let aside = aside(path);
            std::fs::rename(path, &aside)?;
            Ok((open_file(path, today)?, Found::Damaged(aside)))
        }
        opened => Ok((opened?, Found::Sound)),
    }
}

/// Whether the file is missing, empty, or a state file, perhaps a damaged one. Other files are not touched.
pub(super) fn may_be_ours(path: &Path) -> io::Result<bool> {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
    };
    if !metadata.is_file() {
        return Ok(false);
    }
    let is_named_so = path.extension().is_some_and(|extension| extension == ENDING);
    if metadata.len() == 0 || is_named_so {
        return Ok(true);
    }
    let mut beginning = [0; MAGIC.len()];
    let is_read = File::open(path)?.read_exact(&mut beginning).is_ok();
    Ok(is_read && beginning == *MAGIC)
}

fn aside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".damaged");
    path.with_file_name(name)
}

/// Waits for runs that only read: they lock the file just for the time of the read.
fn open_when_read(path: &Path, today: u32) -> Result<Database, StateError> {
    for _ in 0..READS_WAITED_FOR {
        match open_file(path, today) {
            Err(StateError::InUse) => std::thread::sleep(A_READ),
            opened => return opened,
        }
    }
    open_file(path, today)
}

fn open_file(path: &Path, today: u32) -> Result<Database, StateError> {
    opened(FileBackend::new(private_file(path)?).map_err(reason)?, today)
}

/// Opens the database of any backend.
pub(super) fn opened(backend: impl StorageBackend + UnwindSafe, today: u32) -> Result<Database, StateError> {
    // For a damaged file the library usually returns an error, but it may panic.
    let opened = std::panic::catch_unwind(|| {
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE).set_check_integrity_on_open(true);
        let database = builder.create_with_backend(backend).map_err(reason)?;
        prepare(&database, today).map_err(|error| StateError::Unusable(error.to_string()))?;
        Ok(database)
    });
    opened.unwrap_or_else(|_| Err(StateError::Unusable("it is damaged".to_owned())))
}

/// Readable only for this user: the session URLs in the file permit writing to uploads.
fn private_file(path: &Path) -> Result<File, StateError> {
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

pub(super) fn reason(error: DatabaseError) -> StateError {
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => StateError::InUse,
        DatabaseError::Storage(StorageError::Io(error))
            if !matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) =>
        {
            StateError::Io(error)
        }
        other => StateError::Unusable(other.to_string()),
    }
}

/// Creates the tables, and from time to time removes outdated entries.
fn prepare(database: &Database, today: u32) -> Result<(), redb::Error> {
    let last = {
        let reading = database.begin_read()?;
        match reading.open_table(CHORES) {
            Ok(chores) => chores.get("cleaned")?.map(|day| day.value()),
            Err(redb::TableError::TableDoesNotExist(_)) => None,
            Err(error) => return Err(error.into()),
        }
    };
    if last.is_some_and(|last| today.saturating_sub(last) < CLEANING_DAYS) {
        return Ok(());
    }
    let writing = database.begin_write()?;
    {
        writing.open_table(CHORES)?.insert("cleaned", today)?;
        let is_old = |day: u32, days| today.saturating_sub(day) > days;
        let mut uploads = writing.open_table(UPLOADS)?;
        uploads.retain(|_, record| LeftUpload::decode(record).is_some_and(|upload| !upload.is_old(today)))?;
        writing.open_table(BLOBS)?.retain(|_, day| !is_old(day, SEEN_DAYS))?;
        let is_seen = |seen: FirstSeen| !is_old(seen.day, SEEN_DAYS);
        for table in [FIRST_SEEN, GONE] {
            let mut seen = writing.open_table(table)?;
            seen.retain(|_, record| FirstSeen::decode(record).is_some_and(is_seen))?;
        }
        let is_true = |cut: Cut| !is_old(cut.day, SEEN_DAYS);
        for table in [CUTS, CHILDREN] {
            writing.open_table(table)?.retain(|_, record| Cut::decode(record).is_some_and(is_true))?;
        }
        writing.open_table(SPARSE_REFUSALS)?.retain(|_, day| !is_old(day, SEEN_DAYS))?;
        writing.open_table(BROUGHT)?.retain(|_, day| !is_old(day, SEEN_DAYS))?;
    }
    writing.commit()?;
    Ok(())
}
