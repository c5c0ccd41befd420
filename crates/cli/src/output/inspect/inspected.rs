//! The document of `inspect`.

use std::collections::BTreeMap;

use oci::{Descriptor, Digest, MediaType};
use serde::Serialize;
use serde_json::Value;

/// Names the form of the document.
pub(crate) const SCHEMA: &str = "image-syncer/inspect/1";

/// What one image is made of.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Inspected {
    pub(crate) schema: &'static str,
    pub(crate) version: &'static str,
    /// The name that was asked for, with registry and tag.
    pub(crate) reference: String,
    pub(crate) digest: Digest,
    pub(crate) media_type: MediaType,
    pub(crate) artifact_type: Option<MediaType>,
    /// Of the manifest.
    pub(crate) size: u64,
    /// Of all blobs, each once; none where a manifest does not tell the size of one.
    pub(crate) total_size: Option<u64>,
    /// When it was built, as it says itself; of an index that does not say it, when its first image was.
    pub(crate) created: Option<String>,
    pub(crate) platforms: Vec<String>,
    /// Those that an index names.
    pub(crate) manifests: Vec<Manifest>,
    /// Of all manifests, each once.
    pub(crate) layers: Vec<Blob>,
    pub(crate) config: Option<Config>,
    pub(crate) annotations: BTreeMap<String, String>,
    /// What it refers to, where it is a signature or the like.
    pub(crate) subject: Option<Digest>,
    /// None where the registry could not be asked.
    pub(crate) referrers: Option<Vec<Referrer>>,
    /// All tags of this digest; none where nobody asked for them, or the registry does not list them.
    pub(crate) tags: Option<Vec<String>>,
}

/// A manifest that an index names.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    pub(crate) digest: Digest,
    pub(crate) media_type: Option<MediaType>,
    pub(crate) size: Option<u64>,
    pub(crate) platform: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) os_version: Option<String>,
    /// One of `BuildKit`'s attestations, which are for no platform.
    pub(crate) is_attestation: bool,
    pub(crate) standing: Standing,
    /// Of its blobs, each once.
    pub(crate) total_size: Option<u64>,
    pub(crate) config: Option<Blob>,
    pub(crate) layers: Vec<Blob>,
    /// Those that it names, where it is an index itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) manifests: Vec<Self>,
}

/// Whether a manifest that an index names is in the repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Standing {
    There,
    /// It is not: the index was copied without it.
    Missing,
    /// The registry could not be asked, or what it gave could not be read.
    Unread,
}

/// A blob.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Blob {
    pub(crate) digest: Digest,
    pub(crate) media_type: Option<MediaType>,
    pub(crate) size: Option<u64>,
}

/// The config of an image or artifact.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Config {
    #[serde(flatten)]
    pub(crate) blob: Blob,
    /// What stands in it, where that is JSON.
    pub(crate) content: Option<Value>,
}

/// Something that refers to the image.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Referrer {
    pub(crate) digest: Digest,
    pub(crate) artifact_type: Option<MediaType>,
    pub(crate) size: Option<u64>,
    /// Where cosign keeps it under a tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tag: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
}

impl Blob {
    pub(crate) fn of(descriptor: &Descriptor) -> Self {
        let Descriptor { digest, media_type, size, .. } = descriptor.clone();
        Self { digest, media_type, size }
    }
}

impl Referrer {
    pub(crate) fn of(descriptor: Descriptor) -> Self {
        let Descriptor { digest, artifact_type, size, annotations, .. } = descriptor;
        Self { digest, artifact_type, size, tag: None, annotations }
    }
}
