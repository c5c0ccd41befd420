//! The folder of a docker-registry: its files are simple, and writing them is faster than pushing.
//!
//! <https://github.com/distribution/distribution/blob/v2.8.1/registry/storage/paths.go>

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::{Corpus, Repository};
use crate::digest_of;

/// One of this many larger blobs is hashed; for the others only the size is checked.
const HASHED: usize = 16;
/// Smaller content is always hashed, in bytes.
const SMALL: u64 = 64 * 1024;

pub(super) struct Store {
    root: PathBuf,
}

/// How much of a corpus a registry has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Tags with the right digest.
    pub tags: usize,
    /// Manifests that are in their repository with the right bytes.
    pub manifests: usize,
    /// Blobs that are in their repository with the right size. All small blobs and some large ones were hashed.
    pub blobs: usize,
    /// Blobs whose bytes were hashed.
    pub hashed: usize,
    /// What is missing or wrong, a sentence each.
    pub faults: Vec<String>,
}

impl Verified {
    /// Whether nothing is missing or wrong.
    pub fn is_complete(&self) -> bool {
        self.faults.is_empty()
    }
}

impl Store {
    pub(super) fn new(data: &Path) -> Self {
        Self { root: data.join("docker/registry/v2") }
    }

    /// Stores content that no repository has yet.
    pub(super) fn put(&self, digest: &str, bytes: &[u8]) -> Result<()> {
        write(&self.content(digest), bytes)
    }

    /// Moves a file to the place for this digest's content.
    pub(super) fn take(&self, digest: &str, file: &Path) -> Result<()> {
        let path = self.content(digest);
        std::fs::create_dir_all(path.parent().context("no folder")?)?;
        Ok(std::fs::rename(file, path)?)
    }

    pub(super) fn link_blob(&self, repository: &str, digest: &str) -> Result<()> {
        write(&self.blob_link(repository, digest), digest.as_bytes())
    }

    pub(super) fn link_manifest(&self, repository: &str, digest: &str) -> Result<()> {
        write(&self.manifest_link(repository, digest), digest.as_bytes())
    }

    pub(super) fn link_tag(&self, repository: &str, tag: &str, digest: &str) -> Result<()> {
        let folder = self.tag_folder(repository, tag);
        write(&folder.join("current/link"), digest.as_bytes())?;
        write(&folder.join("index/sha256").join(hex(digest)).join("link"), digest.as_bytes())
    }

    fn content(&self, digest: &str) -> PathBuf {
        let hex = hex(digest);
        self.root.join("blobs/sha256").join(hex.get(..2).unwrap_or_default()).join(hex).join("data")
    }

    fn repository(&self, name: &str) -> PathBuf {
        self.root.join("repositories").join(name)
    }

    fn blob_link(&self, repository: &str, digest: &str) -> PathBuf {
        self.repository(repository).join("_layers/sha256").join(hex(digest)).join("link")
    }

    fn manifest_link(&self, repository: &str, digest: &str) -> PathBuf {
        self.repository(repository).join("_manifests/revisions/sha256").join(hex(digest)).join("link")
    }

    fn tag_folder(&self, repository: &str, tag: &str) -> PathBuf {
        self.repository(repository).join("_manifests/tags").join(tag)
    }

    fn verify(&self, repository: &Repository, found: &mut Verified) {
        let name = &repository.name;
        for (tag, digest) in &repository.tags {
            match std::fs::read_to_string(self.tag_folder(name, tag).join("current/link")) {
                Ok(link) if link == *digest => found.tags += 1,
                Ok(link) => found.faults.push(format!("{name}:{tag} is {link}, not {digest}")),
                Err(_) => found.faults.push(format!("{name}:{tag} is missing")),
            }
        }
        for digest in repository.manifests.keys() {
            if self.manifest_link(name, digest).exists() && self.is_whole(digest) {
                found.manifests += 1;
            } else {
                found.faults.push(format!("{name}@{digest} is missing or damaged"));
            }
        }
        for (number, (digest, size)) in repository.blobs.iter().enumerate() {
            let is_there = self.blob_link(name, digest).exists();
            let stored = std::fs::metadata(self.content(digest)).map(|file| file.len());
            let hashed = *size <= SMALL || number % HASHED == 0;
            if is_there && stored.is_ok_and(|stored| stored == *size) && (!hashed || self.is_whole(digest)) {
                found.blobs += 1;
                found.hashed += usize::from(hashed);
            } else {
                found.faults.push(format!("blob {digest} of {name} is missing or damaged"));
            }
        }
    }

    fn is_whole(&self, digest: &str) -> bool {
        std::fs::read(self.content(digest)).is_ok_and(|bytes| digest_of(&bytes) == digest)
    }
}

pub(super) fn verify(corpus: &Corpus, data: &Path) -> Verified {
    let (store, mut found) = (Store::new(data), Verified::default());
    for repository in &corpus.repositories {
        store.verify(repository, &mut found);
    }
    found
}

fn hex(digest: &str) -> &str {
    digest.trim_start_matches("sha256:")
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().context("no folder")?;
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(path, bytes))
        .with_context(|| format!("cannot write {}", path.display()))
}
