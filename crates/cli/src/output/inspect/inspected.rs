//! The document of `inspect`.

use std::collections::BTreeMap;

use oci::{Descriptor, Digest, MediaType};
use serde::Serialize;
use serde_json::Value;

/// The identifier of the document's schema.
pub(crate) const SCHEMA: &str = "image-syncer/inspect/1";

/// The parts of an image.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Inspected {
    pub(crate) schema: &'static str,
    pub(crate) version: &'static str,
    /// The given name, with registry and tag.
    pub(crate) reference: String,
    pub(crate) digest: Digest,
    pub(crate) media_type: MediaType,
    pub(crate) artifact_type: Option<MediaType>,
    /// The size of the manifest.
    pub(crate) size: u64,
    /// The size of all distinct blobs; `None` if a manifest lacks the size of one.
    pub(crate) total_size: Option<u64>,
    /// The build date in the image itself; for an index without one, that of its first image.
    pub(crate) created: Option<String>,
    pub(crate) platforms: Vec<String>,
    /// The children of an index.
    pub(crate) manifests: Vec<Manifest>,
    /// The distinct layers of all manifests.
    pub(crate) layers: Vec<Blob>,
    pub(crate) config: Option<Config>,
    pub(crate) annotations: BTreeMap<String, String>,
    /// The subject, if it is a signature or the like.
    pub(crate) subject: Option<Digest>,
    /// `None` if the request failed.
    pub(crate) referrers: Option<Vec<Referrer>>,
    /// All tags with this digest; `None` if they were not requested, or the registry does not list digests.
    pub(crate) tags: Option<Vec<String>>,
}

/// A child of an index.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    pub(crate) digest: Digest,
    pub(crate) media_type: Option<MediaType>,
    pub(crate) size: Option<u64>,
    pub(crate) platform: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) os_version: Option<String>,
    /// Whether it is one of `BuildKit`'s attestations, which have no platform.
    pub(crate) is_attestation: bool,
    pub(crate) standing: Standing,
    /// The size of its distinct blobs.
    pub(crate) total_size: Option<u64>,
    pub(crate) config: Option<Blob>,
    pub(crate) layers: Vec<Blob>,
    /// Its children, if it is an index itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) manifests: Vec<Self>,
}

/// Whether the repository has a child of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Standing {
    There,
    /// It does not: the index was copied without this child.
    Missing,
    /// The request failed, or the answer was not readable.
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
    /// Its content, if that is JSON.
    pub(crate) content: Option<Value>,
}

/// A referrer of the image.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Referrer {
    pub(crate) digest: Digest,
    pub(crate) artifact_type: Option<MediaType>,
    pub(crate) size: Option<u64>,
    /// cosign's tag for it, if it has one.
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
