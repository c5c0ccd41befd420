//! Bytes that are written once and then read in pieces: first in memory, then in an unnamed file.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// Fewer bytes stay in memory.
const IN_MEMORY: usize = 128 << 10;
/// The size of reads and writes.
const BLOCK: usize = 8 << 10;

/// Takes bytes.
pub(super) struct Spool {
    folder: Option<PathBuf>,
    place: Place,
    length: u64,
}

enum Place {
    Memory(Vec<u8>),
    File(BufWriter<File>),
    /// No temporary file can be created: everything stays in memory, so that nothing is lost.
    MemoryAlone(Vec<u8>),
}

impl Spool {
    /// The file is created in `folder` if possible, otherwise in the default folder for temporary files.
    pub(super) fn new(folder: Option<&Path>) -> Self {
        Self { folder: folder.map(Path::to_owned), place: Place::Memory(Vec::new()), length: 0 }
    }

    /// Adds bytes; returns their offset.
    pub(super) fn add(&mut self, bytes: &[u8]) -> std::io::Result<u64> {
        if let Place::Memory(kept) = &mut self.place
            && kept.len() + bytes.len() > IN_MEMORY
        {
            let kept = std::mem::take(kept);
            self.place = match self.file() {
                Ok(file) => {
                    let mut file = BufWriter::with_capacity(BLOCK, file);
                    file.write_all(&kept)?;
                    Place::File(file)
                }
                Err(_) => Place::MemoryAlone(kept),
            };
        }
        match &mut self.place {
            Place::Memory(kept) | Place::MemoryAlone(kept) => kept.extend_from_slice(bytes),
            Place::File(file) => file.write_all(bytes)?,
        }
        let at = self.length;
        self.length += bytes.len() as u64;
        Ok(at)
    }

    fn file(&self) -> std::io::Result<File> {
        let beside = self.folder.as_deref().map(tempfile::tempfile_in).and_then(Result::ok);
        beside.map_or_else(tempfile::tempfile, Ok)
    }

    /// Makes all added bytes readable.
    pub(super) fn finish(self) -> std::io::Result<Spooled> {
        let kept = match self.place {
            Place::Memory(kept) | Place::MemoryAlone(kept) => Kept::Memory(kept),
            Place::File(file) => Kept::File(file.into_inner()?),
        };
        Ok(Spooled { kept, length: self.length })
    }
}

/// Bytes that can be read repeatedly.
pub(super) struct Spooled {
    kept: Kept,
    length: u64,
}

enum Kept {
    Memory(Vec<u8>),
    File(File),
}

impl Spooled {
    /// Everything.
    pub(super) fn all(&self) -> BufReader<Piece<'_>> {
        self.piece(0..self.length)
    }

    /// A piece; several can be read at the same time.
    pub(super) fn piece(&self, range: Range<u64>) -> BufReader<Piece<'_>> {
        BufReader::with_capacity(BLOCK, Piece { kept: &self.kept, range })
    }
}

/// Reads a piece.
pub(super) struct Piece<'a> {
    kept: &'a Kept,
    range: Range<u64>,
}

impl Read for Piece<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = usize::try_from(self.range.end - self.range.start).unwrap_or(usize::MAX);
        let most = buffer.len().min(left);
        let buffer = &mut buffer[..most];
        let count = match self.kept {
            Kept::Memory(kept) => {
                let start = usize::try_from(self.range.start).unwrap_or(usize::MAX).min(kept.len());
                (&kept[start..]).read(buffer)?
            }
            Kept::File(file) => file.read_at(buffer, self.range.start)?,
        };
        self.range.start += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spooled(folder: &Path, pieces: usize) -> (Spooled, Vec<u8>) {
        let mut spool = Spool::new(Some(folder));
        let mut all = Vec::new();
        for number in 0..pieces {
            let piece = format!("piece {number}\n").into_bytes();
            assert_eq!(spool.add(&piece).unwrap(), all.len() as u64);
            all.extend(piece);
        }
        (spool.finish().unwrap(), all)
    }

    #[test]
    fn what_was_added_is_read_from_memory_and_file_alike() {
        let folder = tempfile::tempdir().unwrap();
        for pieces in [0, 3, 100_000] {
            let (spooled, all) = spooled(folder.path(), pieces);
            assert_eq!(matches!(spooled.kept, Kept::File(_)), pieces > 3);
            for _ in 0..2 {
                let mut read = Vec::new();
                spooled.all().read_to_end(&mut read).unwrap();
                assert_eq!(read, all);
            }
            let middle = all.len() / 3..all.len() / 2;
            let mut read = Vec::new();
            spooled.piece(middle.start as u64..middle.end as u64).read_to_end(&mut read).unwrap();
            assert_eq!(read, all[middle]);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "its file has no name");
    }

    #[test]
    fn a_folder_that_takes_no_file_is_no_reason_to_lose_anything() {
        let (spooled, all) = spooled(Path::new("/no/such/folder"), 100_000);
        let mut read = Vec::new();
        spooled.all().read_to_end(&mut read).unwrap();
        assert_eq!(read, all);
    }
}
