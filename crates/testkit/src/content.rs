//! Reads a registry's content from its files, which is fast enough for listings and always up to date.
//!
//! Layout: distribution 2.8, `registry/storage/paths.go`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The registry's storage.
pub(crate) struct Content {
    root: PathBuf,
}

impl Content {
    pub(crate) fn new(data: &Path) -> Self {
        Self { root: data.join("docker/registry/v2") }
    }

    /// Full names of a project's repositories, sorted. Only folders with a manifest are repositories.
    pub(crate) fn repositories(&self, project: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = vec![project.to_owned()];
        while let Some(name) = open.pop() {
            for entry in names(&self.repository(&name)) {
                if entry == "_manifests" {
                    found.push(name.clone());
                } else if !entry.starts_with('_') {
                    open.push(format!("{name}/{entry}"));
                }
            }
        }
        // A repository is below a project, never the project itself.
        found.retain(|name| name != project);
        found.sort();
        found
    }

    /// Tags with their digests, sorted.
    pub(crate) fn tags(&self, repository: &str) -> Vec<(String, String)> {
        let folder = self.repository(repository).join("_manifests/tags");
        let linked = |tag: String| {
            let digest = fs::read_to_string(folder.join(&tag).join("current/link")).ok()?;
            Some((tag, digest.trim().to_owned()))
        };
        let mut tags: Vec<_> = names(&folder).into_iter().filter_map(linked).collect();
        tags.sort();
        tags
    }

    /// Digests of all manifests, sorted.
    pub(crate) fn manifests(&self, repository: &str) -> Vec<String> {
        let folder = self.repository(repository).join("_manifests/revisions/sha256");
        let mut found: Vec<_> = names(&folder)
            .into_iter()
            .filter(|hex| folder.join(hex).join("link").is_file())
            .map(|hex| format!("sha256:{hex}"))
            .collect();
        found.sort();
        found
    }

    pub(crate) fn manifest(&self, digest: &str) -> Option<Value> {
        let hex = digest.strip_prefix("sha256:")?;
        let file = self.root.join("blobs/sha256").join(hex.get(..2)?).join(hex).join("data");
        serde_json::from_slice(&fs::read(file).ok()?).ok()
    }

    /// The size of a manifest in bytes.
    pub(crate) fn size(&self, digest: &str) -> u64 {
        let hex = digest.strip_prefix("sha256:").unwrap_or_default();
        let file =
            self.root.join("blobs/sha256").join(hex.get(..2).unwrap_or_default()).join(hex).join("data");
        fs::metadata(file).map_or(0, |file| file.len())
    }

    fn repository(&self, name: &str) -> PathBuf {
        self.root.join("repositories").join(name)
    }
}

/// The names in a folder; empty if there is no folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}
