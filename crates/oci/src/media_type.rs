//! Media types of manifests, and what a client asks for.

use std::borrow::Cow;
use std::fmt;

use crate::foreign_text::Cleaned;

/// A media type without parameters, as it stands in `Content-Type` or in a descriptor.
#[derive(Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct MediaType(Cow<'static, str>);

impl MediaType {
    /// OCI image index.
    pub const OCI_INDEX: Self = Self::known("application/vnd.oci.image.index.v1+json");
    /// OCI image manifest, also the form of most artifacts.
    pub const OCI_MANIFEST: Self = Self::known("application/vnd.oci.image.manifest.v1+json");
    /// The artifact manifest of OCI 1.1's release candidates.
    pub const OCI_ARTIFACT: Self = Self::known("application/vnd.oci.artifact.manifest.v1+json");
    /// Docker's multi-platform list.
    pub const DOCKER_LIST: Self = Self::known("application/vnd.docker.distribution.manifest.list.v2+json");
    /// Docker image manifest, version 2 schema 2.
    pub const DOCKER_MANIFEST: Self = Self::known("application/vnd.docker.distribution.manifest.v2+json");
    /// Docker image manifest, version 2 schema 1, signed.
    pub const DOCKER_SCHEMA1_SIGNED: Self =
        Self::known("application/vnd.docker.distribution.manifest.v1+prettyjws");
    /// Docker image manifest, version 2 schema 1.
    pub const DOCKER_SCHEMA1: Self = Self::known("application/vnd.docker.distribution.manifest.v1+json");

    /// What `BuildKit` calls an attestation that is an artifact.
    pub const ATTESTATION: Self = Self::known("application/vnd.docker.attestation.manifest.v1+json");

    const fn known(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// Takes a `Content-Type` header or a descriptor's text; parameters are dropped.
    pub fn new(text: &str) -> Self {
        let essence = text.split(';').next().unwrap_or_default().trim();
        Self(Cow::Owned(essence.to_ascii_lowercase()))
    }

    /// The text, without parameters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is one of Docker's own types for manifests.
    pub fn is_docker_manifest(&self) -> bool {
        self.as_str().starts_with("application/vnd.docker.distribution.manifest.")
    }

    /// Whether this is one of the manifest types that we ask for.
    pub fn is_manifest(&self) -> bool {
        ACCEPT.split(", ").any(|known| known == self.as_str())
    }
}

/// As it stands in a document: verbatim.
impl From<String> for MediaType {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

/// For people; [`as_str`](MediaType::as_str) is for programs.
impl fmt::Display for MediaType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Cleaned(self.as_str()).fmt(formatter)
    }
}

impl fmt::Debug for MediaType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The `Accept` header for manifests, on HEAD as on GET: schema 1 comes last, for registries that
/// convert to the first type that they know.
pub const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.oci.artifact.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.v1+prettyjws, \
    application/vnd.docker.distribution.manifest.v1+json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_case_do_not_matter() {
        let media_type = MediaType::new("Application/vnd.oci.image.index.v1+JSON; charset=utf-8");
        assert_eq!(media_type, MediaType::OCI_INDEX);
        assert!(media_type.is_manifest());
        assert!(!MediaType::new("text/html").is_manifest());
    }

    #[test]
    fn c08_schema_1_is_asked_for_last() {
        let types: Vec<_> = ACCEPT.split(", ").map(MediaType::new).collect();
        let expected = [
            MediaType::OCI_INDEX,
            MediaType::OCI_MANIFEST,
            MediaType::OCI_ARTIFACT,
            MediaType::DOCKER_LIST,
            MediaType::DOCKER_MANIFEST,
            MediaType::DOCKER_SCHEMA1_SIGNED,
            MediaType::DOCKER_SCHEMA1,
        ];
        assert_eq!(types, expected);
    }
}
