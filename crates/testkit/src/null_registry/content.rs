//! The content of a null registry.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::corpus::{Corpus, Repository, Verified};
use crate::{digest_of, seed};

/// Blobs repeat a piece of this size.
const PIECE: usize = 4 << 20;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Repositories with tags, manifests and blobs. Clones share their bytes.
#[derive(Clone, Default)]
pub struct NullContent {
    repositories: BTreeMap<String, Shelf>,
}

#[derive(Clone, Default)]
struct Shelf {
    tags: BTreeMap<String, Arc<str>>,
    manifests: HashMap<Arc<str>, Arc<[u8]>>,
    blobs: HashMap<String, Blob>,
}

/// A blob that repeats one piece.
#[derive(Clone)]
pub(super) struct Blob {
    /// `None` for a blob whose bytes were discarded.
    pub(super) piece: Option<Arc<[u8]>>,
    pub(super) size: u64,
}

impl NullContent {
    /// One image with this many layers of this size.
    pub fn large_layers(layers: u64, bytes: u64) -> (Self, Corpus) {
        let mut content = Self::default();
        let layers: Vec<(String, Blob)> = (1..=layers).map(|number| large_blob(number, bytes)).collect();
        let mut repository = Repository { name: "bench/layer".to_owned(), ..Repository::default() };
        content.image(&mut repository, "v1", &layers, "");
        (content, Corpus { repositories: vec![repository] })
    }

    /// This many repositories with this many tags each; every tag is a different image, with a layer that all images share.
    pub fn tiny_images(repositories: u32, tags: u32) -> (Self, Corpus) {
        let mut content = Self::default();
        let layer = small_blob(b"a layer that all images share");
        let repositories = (1..=repositories).map(|number| {
            let mut repository =
                Repository { name: format!("bench/app{number:05}"), ..Repository::default() };
            for tag in 1..=tags {
                let about = format!("{number}.{tag}");
                content.image(&mut repository, &format!("v1.{tag}.0"), std::slice::from_ref(&layer), &about);
            }
            repository
        });
        let corpus = Corpus { repositories: repositories.collect() };
        (content, corpus)
    }

    /// Adds an image, and records it in `made`.
    fn image(&mut self, made: &mut Repository, tag: &str, layers: &[(String, Blob)], about: &str) {
        let place = self.repositories.entry(made.name.clone()).or_default();
        let config = json!({
            "architecture": "amd64", "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": layers.iter().map(|(digest, _)| digest).collect::<Vec<_>>()},
        });
        let (digest, config) = small_blob(config.to_string().as_bytes());
        let described = |media_type: &str, digest: &str, size: u64| json!({"mediaType": media_type, "digest": digest, "size": size});
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "annotations": {"about": about},
            "config": described(CONFIG, &digest, config.size),
            "layers": layers.iter().map(|(digest, blob)| described(LAYER, digest, blob.size)).collect::<Vec<_>>(),
        });
        for (digest, blob) in layers.iter().cloned().chain([(digest, config)]) {
            made.blobs.insert(digest.clone(), blob.size);
            place.blobs.insert(digest, blob);
        }
        let bytes = manifest.to_string().into_bytes();
        let digest = place.put_manifest(tag, bytes.as_slice().into());
        made.manifests.insert(digest.to_string(), bytes.len() as u64);
        made.tags.insert(tag.to_owned(), digest.to_string());
    }

    pub(super) fn manifest(&self, repository: &str, reference: &str) -> Option<(Arc<str>, Arc<[u8]>)> {
        let place = self.repositories.get(repository)?;
        let digest = place.tags.get(reference).map_or(reference, |digest| &**digest);
        place.manifests.get_key_value(digest).map(|(digest, bytes)| (digest.clone(), bytes.clone()))
    }

    pub(super) fn put_manifest(&mut self, repository: &str, reference: &str, bytes: Arc<[u8]>) -> Arc<str> {
        self.repositories.entry(repository.to_owned()).or_default().put_manifest(reference, bytes)
    }

    pub(super) fn blob(&self, repository: &str, digest: &str) -> Option<Blob> {
        self.repositories.get(repository)?.blobs.get(digest).cloned()
    }

    pub(super) fn put_blob(&mut self, repository: &str, digest: &str, blob: Blob) {
        self.repositories.entry(repository.to_owned()).or_default().blobs.insert(digest.to_owned(), blob);
    }

    /// At most `most` tags after `last`, and whether there are more; `None` if there is no such repository.
    pub(super) fn tags(&self, repository: &str, last: &str, most: usize) -> Option<(Vec<&str>, bool)> {
        self.repositories.get(repository).map(|place| page(&place.tags, last, most))
    }

    /// The same for repositories.
    pub(super) fn names(&self, last: &str, most: usize) -> (Vec<&str>, bool) {
        page(&self.repositories, last, most)
    }

    pub(super) fn verify(&self, corpus: &Corpus) -> Verified {
        let (mut found, empty) = (Verified::default(), Shelf::default());
        for repository in &corpus.repositories {
            let place = self.repositories.get(&repository.name).unwrap_or(&empty);
            let mut count = |is_right: bool, what: &str| {
                if !is_right {
                    found.faults.push(format!("{what} of {} is missing or damaged", repository.name));
                }
                usize::from(is_right)
            };
            let tags: usize = repository
                .tags
                .iter()
                .map(|(tag, digest)| count(place.tags.get(tag).is_some_and(|is| **is == **digest), tag))
                .sum();
            let manifests: usize = repository
                .manifests
                .keys()
                .map(|digest| count(place.manifests.contains_key(&**digest), digest))
                .sum();
            let blobs: usize = repository
                .blobs
                .iter()
                .map(|(digest, size)| {
                    count(place.blobs.get(digest).is_some_and(|blob| blob.size == *size), digest)
                })
                .sum();
            (found.tags, found.manifests, found.blobs) =
                (found.tags + tags, found.manifests + manifests, found.blobs + blobs);
        }
        found
    }
}

impl Shelf {
    /// Stores a manifest by the digest of its bytes.
    fn put_manifest(&mut self, reference: &str, bytes: Arc<[u8]>) -> Arc<str> {
        let digest: Arc<str> = digest_of(&bytes).into();
        self.manifests.insert(digest.clone(), bytes);
        if !reference.contains(':') {
            self.tags.insert(reference.to_owned(), digest.clone());
        }
        digest
    }
}

fn page<'a, T>(names: &'a BTreeMap<String, T>, last: &str, most: usize) -> (Vec<&'a str>, bool) {
    let after = (std::ops::Bound::Excluded(last), std::ops::Bound::Unbounded);
    let mut rest = names.range::<str, _>(after).map(|(name, _)| name.as_str());
    let page: Vec<_> = rest.by_ref().take(most).collect();
    (page, rest.next().is_some())
}

fn small_blob(bytes: &[u8]) -> (String, Blob) {
    (digest_of(bytes), Blob { piece: Some(bytes.into()), size: bytes.len() as u64 })
}

fn large_blob(number: u64, size: u64) -> (String, Blob) {
    let piece = seed::layer(number, PIECE);
    let (mut hash, mut left) = (Sha256::new(), size);
    while left > 0 {
        let length = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        hash.update(&piece[..length]);
        left -= length as u64;
    }
    let digest = format!("sha256:{}", hex::encode(hash.finalize()));
    (digest, Blob { piece: Some(piece[..].into()), size })
}
