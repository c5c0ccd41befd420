//! What a manifest says about a piece of content that it refers to.

use serde::Deserialize;

use crate::{Digest, MediaType, Platform};

/// Type, digest and size of some content. Spec: image-spec, "Content Descriptors".
///
/// Fields that we do not look at are not kept: manifests are copied as bytes, never printed again.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What kind of content it is. Some old manifests leave it out.
    #[serde(default)]
    pub media_type: Option<MediaType>,
    /// Names the content.
    pub digest: Digest,
    /// Size of the content in bytes; schema 1 manifests do not tell it.
    pub size: Option<u64>,
    /// Where else the content may be had: for layers that registries may not distribute.
    #[serde(default)]
    pub urls: Vec<String>,
    /// For which platform this child of an index is.
    #[serde(default)]
    pub platform: Option<Platform>,
}

impl Descriptor {
    /// Whether this is the config of an image that runs somewhere, not of an artifact.
    pub fn is_image_config(&self) -> bool {
        let known =
            ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];
        self.media_type.as_ref().is_some_and(|media_type| known.contains(&media_type.as_str()))
    }

    /// Whether registries refuse manifests that refer to this without having it: not so for layers that may
    /// only be had elsewhere (Windows base images).
    pub fn is_kept_by_registries(&self) -> bool {
        let foreign = |media_type: &MediaType| {
            media_type.as_str().contains("nondistributable") || media_type.as_str().contains(".foreign.")
        };
        self.urls.is_empty() && !self.media_type.as_ref().is_some_and(foreign)
    }
}
