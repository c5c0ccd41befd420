//! A file that is written when the run has ended. Whether it can be written is checked before the run begins.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::{BufWriter, ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::own_stream::OwnStream;
use super::standard::{write_to_stderr, write_to_stdout};
use super::stream::{Flushed, Pieces, Stream};

/// How long a pipe may block, or lack a reader.
const PATIENCE: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_millis(20);

/// Writes a document.
pub(crate) type Document<'a> = dyn Fn(&mut dyn Write) -> std::io::Result<()> + 'a;

/// The destination of one document.
pub(crate) struct OutputFile {
    pub(crate) path: PathBuf,
    place: Place,
}

enum Place {
    /// One of this process's own streams, whose other output goes through the same queue.
    Own(OwnStream),
    /// A regular file, which may not exist yet. Its old content stays until the new one is complete.
    Whole(PathBuf),
    /// A device, a pipe, or a file in a folder where no temporary file can be created.
    Open(File),
    /// A named pipe without a reader so far.
    Unread,
    /// A file that is appended to.
    End(File),
}

impl OutputFile {
    /// Checks that the file can be written, without changing it.
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        Ok(Self { path: path.to_owned(), place: Place::open(path)? })
    }

    /// Checks that the file can be appended to; creates it if it does not exist.
    pub(crate) fn open_end(path: &Path) -> std::io::Result<Self> {
        if OwnStream::ending_at(path).is_some() {
            return Self::open(path);
        }
        // For a pipe without a reader, opening fails instead of blocking.
        let opened = OpenOptions::new().append(true).create(true).custom_flags(libc::O_NONBLOCK).open(path);
        let file = opened.map_err(|error| in_folder(path, error))?;
        Ok(Self { path: path.to_owned(), place: Place::End(file) })
    }

    /// The length of the content that stays.
    pub(crate) fn length(&self) -> u64 {
        match &self.place {
            Place::End(file) => file.metadata().map_or(0, |found| found.len()),
            _ => 0,
        }
    }

    pub(crate) fn is_stdout(&self) -> bool {
        matches!(self.place, Place::Own(OwnStream::Stdout))
    }

    /// The folder of a regular file, which is writable.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match &self.place {
            Place::Whole(path) => Some(beside(path)),
            _ => None,
        }
    }

    /// Whether the written content can be replaced later.
    pub(crate) fn can_be_replaced(&self) -> bool {
        matches!(self.place, Place::Whole(_))
    }

    /// Writes the whole document, or keeps the old content.
    pub(crate) fn write(&self, document: &Document<'_>) -> std::io::Result<()> {
        match &self.place {
            Place::Own(OwnStream::Stdout) => write_to_stdout(document),
            Place::Own(OwnStream::Stderr) => write_to_stderr(document),
            Place::Whole(path) => replace(path, document),
            Place::Open(file) => {
                if file.metadata()?.is_file() {
                    file.set_len(0)?;
                }
                stream(file.try_clone()?, document)
            }
            Place::End(file) => stream(file.try_clone()?, document),
            Place::Unread => stream(wait_for_reader(&self.path)?, document),
        }
    }
}

/// Whether a path means stdout.
pub(crate) fn is_stdout(path: &Path) -> bool {
    OwnStream::named(path) == Some(OwnStream::Stdout)
}

impl Place {
    fn open(path: &Path) -> std::io::Result<Self> {
        if let Some(own) = OwnStream::named(path) {
            return Ok(Self::Own(own));
        }
        let kind = match std::fs::metadata(path) {
            Ok(metadata) => metadata.file_type(),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // Writing through a dangling link creates the file that it points to.
                let path =
                    std::fs::read_link(path).map_or_else(|_| path.to_owned(), |to| beside(path).join(to));
                temporary(&path)?;
                return Ok(Self::Whole(path));
            }
            Err(error) => return Err(error),
        };
        if kind.is_dir() {
            return Err(ErrorKind::IsADirectory.into());
        }
        let file = match existing(path) {
            Err(error) if kind.is_fifo() && error.raw_os_error() == Some(libc::ENXIO) => {
                return Ok(Self::Unread);
            }
            opened => opened?,
        };
        if !kind.is_file() || path.starts_with("/proc") || path.starts_with("/dev") {
            // The path is one of our own streams under another name, redirected to a file: its content stays.
            return Ok(OwnStream::ending_at(path).map_or(Self::Open(file), Self::Own));
        }
        let path = path.canonicalize()?;
        match temporary(&path) {
            Ok(_) => Ok(Self::Whole(path)),
            Err(_) => Ok(Self::Open(file)),
        }
    }
}

/// Opens an existing file. For a pipe without a reader, opening fails instead of blocking.
fn existing(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(path)
}

fn beside(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A temporary file in the same folder, so that a rename replaces the file atomically. It is deleted on drop.
fn temporary(path: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let permissions =
        std::fs::metadata(path).map_or_else(|_| Permissions::from_mode(0o666), |found| found.permissions());
    let made =
        tempfile::Builder::new().prefix(".image-syncer-").permissions(permissions).tempfile_in(beside(path));
    made.map_err(|error| in_folder(path, error))
}

/// Why no file can be created in a folder, without the temporary file's name, which the user does not know.
fn in_folder(path: &Path, error: std::io::Error) -> std::io::Error {
    let (kind, folder) = (error.kind(), beside(path));
    if kind == ErrorKind::NotFound && !folder.exists() {
        return std::io::Error::new(kind, format!("the folder {} does not exist", folder.display()));
    }
    let why = error.get_ref().and_then(std::error::Error::source).map(ToString::to_string);
    why.map_or(error, |why| std::io::Error::new(kind, why))
}

fn replace(path: &Path, document: &Document<'_>) -> std::io::Result<()> {
    let mut file = temporary(path)?;
    let mut writer = BufWriter::new(file.as_file_mut());
    document(&mut writer)?;
    writer.flush()?;
    drop(writer);
    let is_alike = std::fs::metadata(path).map_or(true, |found| make_alike(file.as_file(), &found).is_ok());
    // The file stays in place if its owner cannot be kept, or if it is a mount point, as in containers.
    if is_alike && file.persist(path).is_ok() {
        return Ok(());
    }
    let file = existing(path)?;
    file.set_len(0)?;
    stream(file, document)
}

/// Gives a file the owner and permissions of the file that it replaces, regardless of the umask.
fn make_alike(file: &File, found: &Metadata) -> std::io::Result<()> {
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (found.uid(), found.gid()) {
        std::os::unix::fs::fchown(file, Some(found.uid()), Some(found.gid()))?;
    }
    file.set_permissions(found.permissions())
}

/// Writes from a separate thread, because a pipe may block.
fn stream(file: File, document: &Document<'_>) -> std::io::Result<()> {
    let stream = Stream::new(file, Box::new(|_| {}));
    let mut pieces = Pieces::new(&stream, || PATIENCE);
    let written = document(&mut pieces).and_then(|()| pieces.flush());
    // The rest of the buffer is lost with the failed write.
    let _ = pieces.into_parts();
    written.and_then(|()| stream.flush(&|| PATIENCE).result())
}

fn wait_for_reader(path: &Path) -> std::io::Result<File> {
    let begun = Instant::now();
    loop {
        match existing(path) {
            Err(error) if error.raw_os_error() == Some(libc::ENXIO) && begun.elapsed() < PATIENCE => {
                std::thread::sleep(AGAIN);
            }
            Err(error) if error.raw_os_error() == Some(libc::ENXIO) => {
                return Flushed::Stuck.result().and(Err(error));
            }
            opened => return opened,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &'static str) -> impl Fn(&mut dyn Write) -> std::io::Result<()> {
        move |writer| writer.write_all(text.as_bytes())
    }

    #[test]
    fn c6_a_file_is_replaced_whole_with_its_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        std::fs::write(&path, "a longer text that was there").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("report.json", &link).unwrap();
        let opened = OutputFile::open(&link).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a longer text that was there");
        opened.write(&text("new\n")).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(link.is_symlink(), "a link stays one");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
    }

    #[test]
    fn c6_permissions_stay_whatever_the_umask_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        OutputFile::open(&path).unwrap().write(&text("new")).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o666);
    }

    #[test]
    fn what_is_added_stands_behind_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("summary.md");
        for (length, all) in [(0, "one"), (3, "oneone")] {
            let opened = OutputFile::open_end(&path).unwrap();
            assert_eq!(opened.length(), length);
            opened.write(&text("one")).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), all);
        }
        assert!(OutputFile::open_end(&folder.path().join("none/file")).is_err());
    }

    #[test]
    fn c6_a_reader_that_has_gone_has_no_report() {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let error = stream(File::from(std::os::fd::OwnedFd::from(writer)), &text("x")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }

    #[test]
    fn c6_what_cannot_be_written_shows_at_once() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().to_owned(), folder.path().join("none/file"), "/dev/null/file".into()] {
            assert!(OutputFile::open(&path).is_err(), "{}", path.display());
        }
        let none = folder.path().join("none");
        let missing = format!("the folder {} does not exist", none.display());
        for opened in [OutputFile::open(&none.join("file")), OutputFile::open_end(&none.join("file"))] {
            assert_eq!(opened.err().unwrap().to_string(), missing);
        }
        OutputFile::open(Path::new("/dev/null")).unwrap().write(&text("x")).unwrap();
        assert!(OutputFile::open(Path::new("/dev/full")).unwrap().write(&text("x")).is_err());
    }
}
