//! Makes the images of a corpus.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, anyhow};
use serde_json::{Value, json};

use super::archive::layer;
use super::coin::falls;
use super::store::Store;
use super::{Corpus, Repository, Shape};
use crate::digest_of;

/// Base images that all repositories share.
const BASES: u32 = 2;

/// Media types of manifests, indexes, configs and layers.
struct MediaTypes {
    manifest: &'static str,
    index: &'static str,
    config: &'static str,
    layer: &'static str,
}

const OCI: MediaTypes = MediaTypes {
    manifest: "application/vnd.oci.image.manifest.v1+json",
    index: "application/vnd.oci.image.index.v1+json",
    config: "application/vnd.oci.image.config.v1+json",
    layer: "application/vnd.oci.image.layer.v1.tar+gzip",
};

const DOCKER: MediaTypes = MediaTypes {
    manifest: "application/vnd.docker.distribution.manifest.v2+json",
    index: "application/vnd.docker.distribution.manifest.list.v2+json",
    config: "application/vnd.docker.container.image.v1+json",
    layer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
};

/// A stored layer.
#[derive(Clone)]
struct Stored {
    digest: String,
    size: u64,
    /// The digest of the uncompressed layer.
    unpacked: String,
}

/// Shared by the threads that make repositories.
struct Workshop<'a> {
    shape: &'a Shape,
    store: Store,
    /// Layers of base images, which are made once.
    bases: Mutex<HashMap<String, Stored>>,
}

/// One repository while it is made.
struct Shelf<'a> {
    workshop: &'a Workshop<'a>,
    number: u32,
    types: &'static MediaTypes,
    made: Repository,
}

/// A stored manifest.
struct Subject {
    digest: String,
    size: u64,
    media_type: &'static str,
}

pub(super) fn build(shape: &Shape, data: &Path) -> Result<Corpus> {
    let workshop = Workshop { shape, store: Store::new(data), bases: Mutex::default() };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let numbers: Vec<u32> = (0..shape.repositories).collect();
    let at_once = numbers.len().div_ceil(threads).max(1);
    let made: Vec<Result<Vec<Repository>>> = std::thread::scope(|scope| {
        let workers: Vec<_> = numbers
            .chunks(at_once)
            .map(|numbers| {
                let workshop = &workshop;
                scope.spawn(move || numbers.iter().map(|number| Shelf::fill(workshop, *number)).collect())
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| Err(anyhow!("panicked")))).collect()
    });
    let made: Result<Vec<Vec<Repository>>> = made.into_iter().collect();
    Ok(Corpus { repositories: made?.into_iter().flatten().collect() })
}

impl Workshop<'_> {
    fn base_layer(&self, base: u32, architecture: &str, number: u32) -> Result<Stored> {
        let name = format!("base {base} {architecture} {number}");
        let mut bases = self.bases.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stored) = bases.get(&name) {
            return Ok(stored.clone());
        }
        let stored = self.make_layer(&name)?;
        bases.insert(name, stored.clone());
        Ok(stored)
    }

    fn make_layer(&self, name: &str) -> Result<Stored> {
        let made = layer(name, self.shape.layer_bytes);
        let (digest, unpacked) = (digest_of(&made.gzip), digest_of(&made.tar));
        self.store.put(&digest, &made.gzip)?;
        Ok(Stored { digest, size: made.gzip.len() as u64, unpacked })
    }
}

impl<'a> Shelf<'a> {
    fn fill(workshop: &'a Workshop<'a>, number: u32) -> Result<Repository> {
        let types = if falls(2, "dt", &[number]) { &DOCKER } else { &OCI };
        let made = Repository { name: format!("bench/app{number:03}"), ..Repository::default() };
        let mut shelf = Self { workshop, number, types, made };
        for tag in 0..workshop.shape.tags {
            shelf.tag(tag)?;
        }
        Ok(shelf.made)
    }

    fn tag(&mut self, number: u32) -> Result<()> {
        let (tag, about) = (format!("v1.{number}.0"), [self.number, number]);
        let subject = if falls(5, "ix", &about) {
            let children = ["amd64", "arm64"].map(|architecture| {
                let image = self.image(None, number, architecture)?;
                let mut child = descriptor(image.media_type, &image.digest, image.size);
                child["platform"] = json!({"architecture": architecture, "os": "linux"});
                Ok(child)
            });
            let children: Result<Vec<Value>> = children.into_iter().collect();
            let index = json!({"schemaVersion": 2, "mediaType": self.types.index, "manifests": children?});
            let text = if falls(2, "in", &about) { format!("{index:#}") } else { index.to_string() };
            self.put_manifest(Some(&tag), self.types.index, &text)?
        } else {
            self.image(Some(&tag), number, "amd64")?
        };
        if falls(5, "sg", &about) {
            self.signature(&subject)?;
        }
        if falls(5, "rf", &about) {
            self.referrer(&tag, &subject)?;
        }
        Ok(())
    }

    fn image(&mut self, tag: Option<&str>, number: u32, architecture: &str) -> Result<Subject> {
        let workshop = self.workshop;
        let shape = workshop.shape;
        let from_base = u32::midpoint(shape.layers, number % 2);
        let (mut layers, mut unpacked) = (Vec::new(), Vec::new());
        for layer in 0..shape.layers {
            let stored = if layer < from_base {
                workshop.base_layer((self.number + number) % BASES, architecture, layer)?
            } else {
                workshop.make_layer(&format!("{} {number} {architecture} {layer}", self.made.name))?
            };
            self.link_blob(&stored.digest, stored.size)?;
            layers.push(descriptor(self.types.layer, &stored.digest, stored.size));
            unpacked.push(stored.unpacked);
        }
        let config = json!({
            "created": "2024-01-01T00:00:00Z", "architecture": architecture, "os": "linux",
            "config": {"Labels": {"repository": self.made.name, "number": number}},
            "rootfs": {"type": "layers", "diff_ids": unpacked},
        });
        let config = self.put_blob(self.types.config, &config.to_string())?;
        let manifest = json!({
            "schemaVersion": 2, "mediaType": self.types.manifest, "config": config, "layers": layers,
        });
        self.put_manifest(tag, self.types.manifest, &manifest.to_string())
    }

    /// Stored as cosign does: an image under a tag that names the signed digest.
    fn signature(&mut self, subject: &Subject) -> Result<()> {
        let payload = json!({"critical": {
            "identity": {"docker-reference": self.made.name},
            "image": {"docker-manifest-digest": subject.digest},
            "type": "cosign container image signature",
        }});
        let payload =
            self.put_blob("application/vnd.dev.cosign.simplesigning.v1+json", &payload.to_string())?;
        let config = json!({"architecture": "", "os": "", "rootfs": {"type": "layers", "diff_ids": [payload["digest"]]}});
        let config = self.put_blob(OCI.config, &config.to_string())?;
        let manifest =
            json!({"schemaVersion": 2, "mediaType": OCI.manifest, "config": config, "layers": [payload]});
        let tag = format!("{}.sig", subject.digest.replace(':', "-"));
        self.put_manifest(Some(&tag), OCI.manifest, &manifest.to_string())?;
        Ok(())
    }

    /// A bill of materials whose subject is the image, with the referrers tag that lists it: docker-registry has no
    /// referrers API.
    fn referrer(&mut self, tag: &str, subject: &Subject) -> Result<()> {
        let artifact_type = "application/spdx+json";
        let config = self.put_blob("application/vnd.oci.empty.v1+json", "{}")?;
        let content = json!({"spdxVersion": "SPDX-2.3", "name": format!("{}:{tag}", self.made.name)});
        let layer = self.put_blob(artifact_type, &content.to_string())?;
        let manifest = json!({
            "schemaVersion": 2, "mediaType": OCI.manifest, "artifactType": artifact_type,
            "config": config, "layers": [layer],
            "subject": descriptor(subject.media_type, &subject.digest, subject.size),
        });
        let referrer = self.put_manifest(None, OCI.manifest, &manifest.to_string())?;
        let mut entry = descriptor(OCI.manifest, &referrer.digest, referrer.size);
        entry["artifactType"] = json!(artifact_type);
        let index = json!({"schemaVersion": 2, "mediaType": OCI.index, "manifests": [entry]});
        let tag = subject.digest.replace(':', "-");
        self.put_manifest(Some(&tag), OCI.index, &index.to_string())?;
        Ok(())
    }

    fn put_blob(&mut self, media_type: &str, text: &str) -> Result<Value> {
        let digest = digest_of(text.as_bytes());
        if !self.made.blobs.contains_key(&digest) {
            self.workshop.store.put(&digest, text.as_bytes())?;
        }
        self.link_blob(&digest, text.len() as u64)?;
        Ok(descriptor(media_type, &digest, text.len() as u64))
    }

    fn link_blob(&mut self, digest: &str, size: u64) -> Result<()> {
        if self.made.blobs.insert(digest.to_owned(), size).is_none() {
            self.workshop.store.link_blob(&self.made.name, digest)?;
        }
        Ok(())
    }

    fn put_manifest(&mut self, tag: Option<&str>, media_type: &'static str, text: &str) -> Result<Subject> {
        let (digest, size) = (digest_of(text.as_bytes()), text.len() as u64);
        let (store, name) = (&self.workshop.store, &self.made.name);
        store.put(&digest, text.as_bytes()).context("a manifest")?;
        store.link_manifest(name, &digest)?;
        if let Some(tag) = tag {
            store.link_tag(name, tag, &digest)?;
            self.made.tags.insert(tag.to_owned(), digest.clone());
        }
        self.made.manifests.insert(digest.clone(), size);
        Ok(Subject { digest, size, media_type })
    }
}

fn descriptor(media_type: &str, digest: &str, size: u64) -> Value {
    json!({"mediaType": media_type, "digest": digest, "size": size})
}
