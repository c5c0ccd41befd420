//! A copy of the state file in memory, for runs that only read. Nothing is written to the file, not even the repair
//! after a killed run, which opening the file itself would do; and a run that copies can open the file, however long
//! the reading run takes.

use std::fs::File;
use std::io;
use std::ops::Bound;
use std::path::Path;

use redb::backends::{FileBackend, InMemoryBackend};
use redb::{BackendError, Database, StorageBackend};

use super::store::{StateError, may_be_ours, opened, reason};

/// How many bytes are read at once.
const PIECE: usize = 1 << 20;

/// The file's content; an empty database if there is no file.
///
/// # Errors
/// A run that writes has the file open, or it cannot be read.
pub(super) fn of_file(path: &Path, today: u32) -> Result<Database, StateError> {
    if !may_be_ours(path)? {
        return Err(StateError::NotOurs);
    }
    let memory = InMemoryBackend::new();
    match File::open(path) {
        Ok(file) => {
            let file = FileBackend::new(file).map_err(reason)?;
            let copied = copy(&file, &memory);
            file.close()?;
            copied?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    opened(memory, today)
}

/// Copies under a shared lock: a writing run locks the whole file.
fn copy(file: &FileBackend, memory: &InMemoryBackend) -> Result<(), StateError> {
    match file.try_lock_shared_range(Bound::Unbounded, Bound::Unbounded) {
        Ok(true) => {}
        Ok(false) => return Err(StateError::InUse),
        Err(BackendError::Io(error)) => return Err(error.into()),
        Err(error) => return Err(StateError::Unusable(error.to_string())),
    }
    let length = file.len()?;
    memory.set_len(length)?;
    let mut piece = vec![0; PIECE];
    for offset in (0..length).step_by(PIECE) {
        let read = usize::try_from(length - offset).map_or(PIECE, |left| left.min(PIECE));
        file.read(offset, &mut piece[..read])?;
        memory.write(offset, &piece[..read])?;
    }
    Ok(())
}
