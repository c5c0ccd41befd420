//! Detects a path that is this process's own stdout or stderr: two handles of one file overwrite each other, and break the drawing on a
//! terminal.

use std::fs::{File, Metadata};
use std::io::IsTerminal as _;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::LazyLock;

/// One of the two output streams of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OwnStream {
    Stdout,
    Stderr,
}

impl OwnStream {
    /// The stream that a path names, such as `-` and `/dev/stderr`.
    pub(super) fn named(path: &Path) -> Option<Self> {
        match path.to_str()? {
            "-" | "/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1" => Some(Self::Stdout),
            "/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2" => Some(Self::Stderr),
            "/dev/tty" if std::io::stderr().is_terminal() => Some(Self::Stderr),
            "/dev/tty" if std::io::stdout().is_terminal() => Some(Self::Stdout),
            _ => None,
        }
    }

    /// The stream that a path names, or whose file it is.
    pub(super) fn ending_at(path: &Path) -> Option<Self> {
        Self::named(path).or_else(|| {
            let found = std::fs::metadata(path).ok()?;
            [Self::Stderr, Self::Stdout]
                .into_iter()
                .find(|own| own.metadata().is_some_and(|own| is_one(&own, &found)))
        })
    }

    fn metadata(self) -> Option<Metadata> {
        match self {
            Self::Stdout => metadata(std::io::stdout()),
            Self::Stderr => metadata(std::io::stderr()),
        }
    }
}

/// Whether stdout and stderr are the same file, as with `2>&1` and at a terminal.
pub(super) fn are_one() -> bool {
    static ARE_ONE: LazyLock<bool> = LazyLock::new(|| {
        let both = OwnStream::Stdout.metadata().zip(OwnStream::Stderr.metadata());
        both.is_some_and(|(stdout, stderr)| is_one(&stdout, &stderr))
    });
    *ARE_ONE
}

fn metadata(stream: impl AsFd) -> Option<Metadata> {
    File::from(stream.as_fd().try_clone_to_owned().ok()?).metadata().ok()
}

/// Devices like `/dev/null` do not count: their output has no order.
fn is_one(one: &Metadata, other: &Metadata) -> bool {
    let is_same = (one.dev(), one.ino()) == (other.dev(), other.ino());
    is_same && (!one.file_type().is_char_device() || is_terminal(one))
}

/// Terminals have the major numbers 4 and 5 (consoles, serial lines) and 136 to 143 (`/dev/pts`). See
/// <https://www.kernel.org/doc/html/latest/admin-guide/devices.html>.
fn is_terminal(device: &Metadata) -> bool {
    matches!(libc::major(device.rdev()), 4 | 5 | 136..=143)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_our_own_streams_are_known() {
        for (path, wanted) in [
            ("-", Some(OwnStream::Stdout)),
            ("/dev/stdout", Some(OwnStream::Stdout)),
            ("/proc/self/fd/1", Some(OwnStream::Stdout)),
            ("/dev/stderr", Some(OwnStream::Stderr)),
            ("/dev/fd/2", Some(OwnStream::Stderr)),
            ("/dev/fd/12", None),
            ("log", None),
        ] {
            assert_eq!(OwnStream::named(Path::new(path)), wanted, "{path}");
        }
    }

    #[test]
    fn one_file_is_one_by_any_name_and_devices_without_an_end_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&path, "").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let of = |path: &Path| std::fs::metadata(path).unwrap();
        assert!(is_one(&of(&path), &of(&link)) && !is_one(&of(&path), &of(folder.path())));
        let null = Path::new("/dev/null");
        assert!(!is_one(&of(null), &of(null)));
    }
}
