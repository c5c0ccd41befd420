//! Builds the document from what was read. Pure.

use std::collections::HashSet;

use oci::{Descriptor, Digest, Platform, Reference};
use serde_json::Value;

use super::graph::{Child, Found, Node};
use super::noted::{noted, noted_date};
use super::surroundings::Surroundings;
use crate::output::inspect::{Blob, Config, Inspected, Manifest, SCHEMA, Standing};

pub(super) fn assemble(place: &Reference, node: &Node, surroundings: Surroundings) -> Inspected {
    let Surroundings { config: content, referrers, tags } = surroundings;
    let built = content.as_ref().and_then(|config| config["created"].as_str()).map(str::to_owned);
    let is_index = !node.children.is_empty();
    let created = if is_index { noted_date(node).or(built) } else { built.or_else(|| noted_date(node)) };
    let mut blobs = Blobs::default();
    blobs.add(node);
    let platforms = platforms(node, content.as_ref());
    let own_config = node
        .links
        .config
        .as_ref()
        .map(|config| Config { blob: Blob::of(config), content: content.filter(|_| !is_index) });
    let manifest = &node.manifest;
    Inspected {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        reference: place.to_string(),
        digest: manifest.digest().clone(),
        media_type: manifest.media_type().clone(),
        artifact_type: artifact_type(node),
        size: manifest.bytes().len() as u64,
        total_size: blobs.size(),
        created,
        platforms,
        manifests: node.children.iter().map(entry).collect(),
        layers: blobs.layers,
        config: own_config,
        annotations: noted(node),
        subject: manifest.subject().ok().flatten().map(|subject| subject.digest),
        referrers,
        tags,
    }
}

/// The type of an image without `artifactType` is its config's media type; that of a runnable image is not shown.
fn artifact_type(node: &Node) -> Option<oci::MediaType> {
    let runs = node.links.config.as_ref().is_some_and(Descriptor::is_image_config);
    node.manifest.artifact_type().ok().flatten().filter(|_| !runs)
}

/// Each platform once, in the order of the manifests.
fn platforms(node: &Node, config: Option<&Value>) -> Vec<String> {
    let mut platforms = Vec::new();
    if node.children.is_empty() {
        let own = config.and_then(|config| Platform::read(config.to_string().as_bytes()));
        let schema1 = || Platform::read(node.manifest.bytes());
        platforms.extend(own.or_else(schema1).as_ref().map(written));
    }
    let repeated = node.manifest.repeated_entries().unwrap_or_default();
    let entries = node.children.iter().map(|child| &child.descriptor).chain(&repeated);
    for platform in
        entries.filter(|entry| !entry.is_attestation()).filter_map(|entry| entry.platform.as_ref())
    {
        let written = written(platform);
        if !platforms.contains(&written) {
            platforms.push(written);
        }
    }
    platforms
}

/// In the form that `--platform` takes.
fn written(platform: &Platform) -> String {
    let told = |text: &str| if text.is_empty() { "unknown".to_owned() } else { text.to_owned() };
    let variant = platform.variant.as_deref().filter(|variant| !variant.is_empty());
    let variant = variant.map(|variant| format!("/{variant}")).unwrap_or_default();
    format!("{}/{}{variant}", told(&platform.os), told(&platform.architecture))
}

fn entry(child: &Child) -> Manifest {
    let Child { descriptor, found } = child;
    let (mut blobs, mut config, mut manifests) = (Blobs::default(), None, Vec::new());
    let standing = match found {
        Found::There(node) => {
            blobs.add(node);
            config = node.links.config.as_ref().map(Blob::of);
            manifests = node.children.iter().map(entry).collect();
            Standing::There
        }
        Found::Missing => Standing::Missing,
        Found::Unread => Standing::Unread,
    };
    Manifest {
        digest: descriptor.digest.clone(),
        media_type: descriptor.media_type.clone(),
        size: descriptor.size,
        platform: descriptor.platform.as_ref().map(written),
        os_version: descriptor.platform.as_ref().and_then(|platform| platform.os_version.clone()),
        is_attestation: descriptor.is_attestation(),
        standing,
        total_size: blobs.size().filter(|_| standing == Standing::There),
        config,
        layers: if manifests.is_empty() { blobs.layers } else { Vec::new() },
        manifests,
    }
}

/// The distinct blobs of the manifests.
#[derive(Default)]
struct Blobs {
    seen: HashSet<Digest>,
    layers: Vec<Blob>,
    bytes: u64,
    /// Whether a blob has no known size.
    is_open: bool,
}

impl Blobs {
    fn add(&mut self, node: &Node) {
        let config = node.links.config.as_ref().map(|config| &config.digest);
        for blob in &node.links.blobs {
            if !self.seen.insert(blob.digest.clone()) {
                continue;
            }
            match blob.size {
                Some(size) => self.bytes = self.bytes.saturating_add(size),
                None => self.is_open = true,
            }
            if Some(&blob.digest) != config {
                self.layers.push(Blob::of(blob));
            }
        }
        for child in &node.children {
            if let Found::There(node) = &child.found {
                self.add(node);
            }
        }
    }

    fn size(&self) -> Option<u64> {
        (!self.is_open).then_some(self.bytes)
    }
}
