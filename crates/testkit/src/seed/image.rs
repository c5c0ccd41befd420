//! Builds images whose bytes are the same in every run.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::digest_of;

/// The media types of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// `application/vnd.docker.…`, schema 2.
    Docker,
    /// `application/vnd.oci.…`.
    Oci,
}

/// An image to push.
#[derive(Debug, Clone)]
pub struct Image {
    flavour: Flavour,
    platform: String,
    layers: Vec<Bytes>,
    layer_media_type: &'static str,
    /// Media type and bytes, if it is not a usual image config.
    config: Option<(String, Bytes)>,
    /// Further members of the manifest.
    members: Vec<(&'static str, Value)>,
}

/// A pushed manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seeded {
    /// Its digest.
    pub digest: String,
    /// Its media type.
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its platform, such as `linux/arm64/v8`; an index has none.
    pub platform: Option<String>,
    /// The digests of its config, then of its layers; an index has none.
    pub blobs: Vec<String>,
}

/// A manifest before its push.
pub(super) struct Built {
    pub(super) seeded: Seeded,
    pub(super) bytes: Bytes,
}

impl Image {
    /// An image for `linux/amd64` without layers.
    pub fn new(flavour: Flavour) -> Self {
        let layer_media_type = match flavour {
            Flavour::Docker => "application/vnd.docker.image.rootfs.diff.tar.gzip",
            Flavour::Oci => "application/vnd.oci.image.layer.v1.tar+gzip",
        };
        Self {
            flavour,
            platform: "linux/amd64".to_owned(),
            layers: Vec::new(),
            layer_media_type,
            config: None,
            members: Vec::new(),
        }
    }

    /// Adds a layer; see [`layer`] for bytes.
    #[must_use]
    pub fn layer(mut self, bytes: impl Into<Bytes>) -> Self {
        self.layers.push(bytes.into());
        self
    }

    /// Sets `os/architecture` or `os/architecture/variant`.
    #[must_use]
    pub fn platform(mut self, platform: &str) -> Self {
        platform.clone_into(&mut self.platform);
        self
    }

    pub(super) fn signature(of_digest: &str) -> Self {
        let payload = json!({"critical": {"image": {"docker-manifest-digest": of_digest}}}).to_string();
        let mut image = Self::new(Flavour::Oci).layer(payload);
        image.layer_media_type = "application/vnd.dev.cosign.simplesigning.v1+json";
        image
    }

    pub(super) fn artifact(artifact_type: &str, subject: Option<&Seeded>) -> Self {
        let mut image = Self::new(Flavour::Oci).layer(format!("content of {artifact_type}"));
        image.layer_media_type = "application/octet-stream";
        image.config = Some(("application/vnd.oci.empty.v1+json".to_owned(), Bytes::from_static(b"{}")));
        image.members.push(("artifactType", json!(artifact_type)));
        image.members.extend(subject.map(|subject| ("subject", subject.descriptor())));
        image
    }

    pub(super) fn blobs(&self) -> Vec<Bytes> {
        let mut blobs = vec![self.config().1];
        blobs.extend(self.layers.iter().cloned());
        blobs
    }

    pub(super) fn manifest(&self) -> Built {
        let media_type = match self.flavour {
            Flavour::Docker => "application/vnd.docker.distribution.manifest.v2+json",
            Flavour::Oci => "application/vnd.oci.image.manifest.v1+json",
        };
        let (config_media_type, config) = self.config();
        let layers = self.layers.iter().map(|bytes| descriptor(self.layer_media_type, bytes));
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": descriptor(&config_media_type, &config),
            "layers": layers.collect::<Vec<_>>(),
        });
        for (name, value) in &self.members {
            manifest[*name] = value.clone();
        }
        let mut built = Built::new(media_type, manifest.to_string().into_bytes());
        built.seeded.platform = Some(self.platform.clone());
        built.seeded.blobs = self.blobs().iter().map(|bytes| digest_of(bytes)).collect();
        built
    }

    fn config(&self) -> (String, Bytes) {
        if let Some(config) = &self.config {
            return config.clone();
        }
        let media_type = match self.flavour {
            Flavour::Docker => "application/vnd.docker.container.image.v1+json",
            Flavour::Oci => "application/vnd.oci.image.config.v1+json",
        };
        let mut config = platform_members(&self.platform);
        let layers: Vec<String> = self.layers.iter().map(|bytes| digest_of(bytes)).collect();
        config["created"] = json!("2024-01-01T00:00:00Z");
        config["rootfs"] = json!({"type": "layers", "diff_ids": layers});
        (media_type.to_owned(), Bytes::from(config.to_string()))
    }
}

impl Seeded {
    fn descriptor(&self) -> Value {
        json!({"mediaType": self.media_type, "digest": self.digest, "size": self.size})
    }
}

impl Built {
    fn new(media_type: &str, bytes: Vec<u8>) -> Self {
        let seeded = Seeded {
            digest: digest_of(&bytes),
            media_type: media_type.to_owned(),
            size: bytes.len() as u64,
            platform: None,
            blobs: Vec::new(),
        };
        Self { seeded, bytes: bytes.into() }
    }
}

/// An index with the flavour of its first child.
pub(super) fn index(children: &[Seeded]) -> Built {
    let docker = children.first().is_some_and(|child| child.media_type.contains("docker"));
    let media_type = if docker {
        "application/vnd.docker.distribution.manifest.list.v2+json"
    } else {
        "application/vnd.oci.image.index.v1+json"
    };
    let manifests = children.iter().map(|child| {
        let mut descriptor = child.descriptor();
        if let Some(platform) = &child.platform {
            descriptor["platform"] = platform_members(platform);
        }
        descriptor
    });
    let index = json!({
        "schemaVersion": 2, "mediaType": media_type, "manifests": manifests.collect::<Vec<_>>(),
    });
    Built::new(media_type, format!("{index:#}\n").into_bytes())
}

/// Bytes for a layer: no archive, the same for the same `seed`, and not compressible.
pub fn layer(seed: u64, size: usize) -> Bytes {
    // splitmix64, https://prng.di.unimi.it/splitmix64.c
    let mut state = seed;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes());
    }
    bytes.truncate(size);
    bytes.into()
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": digest_of(bytes), "size": bytes.len()})
}

fn platform_members(platform: &str) -> Value {
    let mut parts = platform.splitn(3, '/');
    let mut members = json!({"os": parts.next(), "architecture": parts.next()});
    if let Some(variant) = parts.next() {
        members["variant"] = json!(variant);
    }
    members
}
