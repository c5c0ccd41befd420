//! Files in archives: owned by root, with the release's time, in a fixed order.

use std::io::Write as _;

use anyhow::Result;
use flate2::{Compression, GzBuilder};
use tar::{EntryType, Header};

use super::workspace::Workspace;

/// A file, folder or link.
pub(crate) struct Entry {
    /// Without a slash in front.
    path: String,
    mode: u32,
    content: Content,
}

enum Content {
    Folder,
    File(Vec<u8>),
    Link(String),
}

impl Entry {
    /// A folder that all users can read.
    pub(crate) fn folder(path: impl Into<String>) -> Self {
        Self { path: path.into(), mode: 0o755, content: Content::Folder }
    }

    /// A file that all users can read.
    pub(crate) fn file(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), mode: 0o644, content: Content::File(bytes.into()) }
    }

    /// A program.
    pub(crate) fn program(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { mode: 0o755, ..Self::file(path, bytes) }
    }

    /// A link to another entry.
    pub(crate) fn link(path: impl Into<String>, to: impl Into<String>) -> Self {
        Self { path: path.into(), mode: 0o777, content: Content::Link(to.into()) }
    }

    /// Sets its permissions.
    pub(crate) fn mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }
}

/// A tar archive of root's files.
pub(crate) fn tar(workspace: &Workspace, mut entries: Vec<Entry>) -> Result<Vec<u8>> {
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    let mut archive = tar::Builder::new(Vec::new());
    for entry in &entries {
        let mut header = Header::new_gnu();
        header.set_mode(entry.mode);
        header.set_mtime(workspace.epoch);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(0);
        match &entry.content {
            Content::Folder => {
                header.set_entry_type(EntryType::Directory);
                archive.append_data(&mut header, format!("{}/", entry.path), std::io::empty())?;
            }
            Content::File(bytes) => {
                header.set_size(bytes.len() as u64);
                archive.append_data(&mut header, &entry.path, bytes.as_slice())?;
            }
            Content::Link(to) => {
                header.set_entry_type(EntryType::Symlink);
                archive.append_link(&mut header, &entry.path, to)?;
            }
        }
    }
    Ok(archive.into_inner()?)
}

/// gzip without name and time.
pub(crate) fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut writer = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    writer.write_all(bytes)?;
    Ok(writer.finish()?)
}
