//! Many images of one shape, written directly into a docker-registry's folder, for benchmarks.
//!
//! A corpus is a pure function of its shape. Its structure (which images are indexes or signed, have referrers, use
//! Docker's or OCI's types, and which layers they share) is decided by the same hashes in every run.

mod archive;
mod build;
mod coin;
mod large;
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;

pub use store::Verified;

/// The size of a corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Repositories.
    pub repositories: u32,
    /// Images in each, without signatures and referrers lists.
    pub tags: u32,
    /// Layers of each image (of each of two platforms, if it is an index); half of them come from base images.
    pub layers: u32,
    /// The approximate size of a layer in bytes.
    pub layer_bytes: usize,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corpus {
    /// The repositories, by number.
    pub repositories: Vec<Repository>,
}

/// One repository of a corpus.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repository {
    /// Its name.
    pub name: String,
    /// Each tag with the digest it points at.
    pub tags: BTreeMap<String, String>,
    /// Digests of all manifests, with their sizes.
    pub manifests: BTreeMap<String, u64>,
    /// Digests of all blobs, with their sizes.
    pub blobs: BTreeMap<String, u64>,
}

/// A corpus in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Repositories.
    pub repositories: u64,
    /// Tags of all repositories, including those of signatures and referrers lists.
    pub tags: u64,
    /// Manifests of all repositories.
    pub manifests: u64,
    /// Blobs, counted once for each repository that has them.
    pub repository_blobs: u64,
    /// Blobs, each counted once.
    pub distinct_blobs: u64,
    /// The bytes of the distinct blobs.
    pub distinct_bytes: u64,
}

impl Shape {
    /// Few images with large layers: measures the cost of bytes.
    pub const BIG: Self = Self { repositories: 10, tags: 5, layers: 5, layer_bytes: 4 << 20 };
    /// Many images with small layers: measures the cost of requests.
    pub const TINY: Self = Self { repositories: 50, tags: 10, layers: 3, layer_bytes: 2 << 10 };
    /// As [`Shape::BIG`], for a quick measurement.
    pub const BIG_QUICK: Self = Self { repositories: 4, tags: 3, layers: 5, layer_bytes: 1 << 20 };
    /// As [`Shape::TINY`], for a quick measurement.
    pub const TINY_QUICK: Self = Self { repositories: 8, tags: 5, layers: 3, layer_bytes: 2 << 10 };

    /// Makes the corpus and writes it into a docker-registry's data folder.
    pub fn write(&self, data: &Path) -> Result<Corpus> {
        build::build(self, data)
    }
}

impl Corpus {
    /// The corpus in numbers.
    pub fn counts(&self) -> Counts {
        let sum = |of: fn(&Repository) -> usize| self.repositories.iter().map(|one| of(one) as u64).sum();
        let distinct: BTreeMap<&String, u64> = self.blobs().collect();
        Counts {
            repositories: self.repositories.len() as u64,
            tags: sum(|repository| repository.tags.len()),
            manifests: sum(|repository| repository.manifests.len()),
            repository_blobs: sum(|repository| repository.blobs.len()),
            distinct_blobs: distinct.len() as u64,
            distinct_bytes: distinct.values().sum(),
        }
    }

    /// The size of each blob, by its digest.
    pub fn blobs(&self) -> impl Iterator<Item = (&String, u64)> {
        self.repositories
            .iter()
            .flat_map(|repository| &repository.blobs)
            .map(|(digest, size)| (digest, *size))
    }

    /// Checks how much of it a docker-registry with this data folder has.
    pub fn verify(&self, data: &Path) -> Verified {
        store::verify(self, data)
    }

    /// All digests, to compare two corpora in tests.
    pub fn digests(&self) -> BTreeSet<&String> {
        self.repositories.iter().flat_map(|one| one.manifests.keys().chain(one.blobs.keys())).collect()
    }
}

impl Counts {
    /// The fewest requests that copy the corpus into an empty registry with plain OCI: GET, POST and PUT for each
    /// distinct blob, a mount for each further repository that has it, GET and PUT for each manifest, and for each
    /// repository a tag listing on either side and a HEAD that finds nothing.
    pub fn cold_floor(&self) -> u64 {
        let mounts = self.repository_blobs - self.distinct_blobs;
        3 * self.distinct_blobs + mounts + 2 * self.manifests + 3 * self.repositories
    }

    /// The fewest requests that find nothing changed: a HEAD on either side for each tag, a tag listing for each
    /// repository.
    pub fn unchanged_floor(&self) -> u64 {
        2 * self.tags + self.repositories
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(shape: Shape) -> (Corpus, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        (shape.write(folder.path()).unwrap(), folder)
    }

    #[test]
    fn big_has_the_numbers_that_the_goals_are_for() {
        let (corpus, _folder) = written(Shape { layer_bytes: 2 << 10, ..Shape::BIG });
        let counts = corpus.counts();
        assert_eq!((counts.repositories, counts.tags, counts.manifests), (10, 69, 100));
        assert_eq!((counts.repository_blobs, counts.distinct_blobs), (325, 261));
        assert_eq!(counts.cold_floor(), 1_077);
    }

    #[test]
    fn tiny_has_the_numbers_that_the_goals_are_for() {
        let (corpus, _folder) = written(Shape::TINY);
        let counts = corpus.counts();
        assert_eq!((counts.repositories, counts.tags, counts.manifests), (50, 694, 982));
        assert_eq!((counts.repository_blobs, counts.distinct_blobs), (2_092, 1_811));
        assert_eq!((counts.cold_floor(), counts.unchanged_floor()), (7_828, 1_438));
    }

    #[test]
    fn a_corpus_is_the_same_every_time() {
        let ((one, _first), (other, _second)) = (written(Shape::TINY_QUICK), written(Shape::TINY_QUICK));
        assert_eq!(one, other);
        let (larger, _third) = written(Shape { layer_bytes: 4 << 10, ..Shape::TINY_QUICK });
        assert!(one.digests() != larger.digests());
    }

    #[test]
    fn what_is_missing_or_damaged_is_noticed() {
        let (corpus, folder) = written(Shape { repositories: 2, ..Shape::TINY_QUICK });
        let whole = corpus.verify(folder.path());
        assert!(whole.is_complete(), "{whole:?}");
        let repository = &corpus.repositories[0];
        let (digest, _) = repository.manifests.first_key_value().unwrap();
        let hex = digest.trim_start_matches("sha256:");
        let file =
            folder.path().join("docker/registry/v2/blobs/sha256").join(&hex[..2]).join(hex).join("data");
        std::fs::write(file, "{}").unwrap();
        let (tag, _) = repository.tags.first_key_value().unwrap();
        let tags = folder.path().join("docker/registry/v2/repositories").join(&repository.name);
        std::fs::remove_dir_all(tags.join("_manifests/tags").join(tag)).unwrap();
        let spoiled = corpus.verify(folder.path());
        assert_eq!(
            (spoiled.tags + 1, spoiled.manifests + 1, spoiled.blobs),
            (whole.tags, whole.manifests, whole.blobs)
        );
        assert!(!spoiled.is_complete());
    }
}
