//! Media types of manifests, and the `Accept` header.

use std::borrow::Cow;
use std::fmt;

use crate::foreign_text::Cleaned;

/// A media type without parameters, as in `Content-Type` or in a descriptor.
#[derive(Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(from = "String", into = "String")]
pub struct MediaType(Cow<'static, str>);

/// The usual types of configs and layers. Many manifests with hundreds of layers are in memory at once, so these
/// types take no memory of their own.
const OF_CONTENT: [&str; 9] = [
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
    "application/vnd.oci.empty.v1+json",
    "application/vnd.in-toto+json",
    "application/octet-stream",
];

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

    /// `BuildKit`'s type of an attestation that is an artifact.
    pub const ATTESTATION: Self = Self::known("application/vnd.docker.attestation.manifest.v1+json");

    const fn known(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// Parses a `Content-Type` header or a descriptor's text; parameters are dropped.
    pub fn new(text: &str) -> Self {
        let essence = text.split(';').next().unwrap_or_default().trim();
        essence.to_ascii_lowercase().into()
    }

    /// The text, without parameters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is one of Docker's own types for manifests.
    pub fn is_docker_manifest(&self) -> bool {
        self.as_str().starts_with("application/vnd.docker.distribution.manifest.")
    }

    /// Whether a manifest of this type may have manifests below it: those of images and artifacts have none.
    pub fn may_be_index(&self) -> bool {
        let without_children = [
            Self::OCI_MANIFEST,
            Self::OCI_ARTIFACT,
            Self::DOCKER_MANIFEST,
            Self::DOCKER_SCHEMA1_SIGNED,
            Self::DOCKER_SCHEMA1,
        ];
        !without_children.contains(self)
    }

    /// Whether this is one of the manifest types in our `Accept` header.
    pub fn is_manifest(&self) -> bool {
        ACCEPT.split(", ").any(|known| known == self.as_str())
    }
}

/// As in a document: verbatim.
impl From<String> for MediaType {
    fn from(text: String) -> Self {
        let known = OF_CONTENT.into_iter().chain(ACCEPT.split(", ")).find(|known| *known == text);
        Self(known.map_or(Cow::Owned(text), Cow::Borrowed))
    }
}

impl From<MediaType> for String {
    fn from(media_type: MediaType) -> Self {
        media_type.0.into_owned()
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
        assert!(media_type.is_manifest() && media_type.may_be_index());
        assert!(!MediaType::DOCKER_MANIFEST.may_be_index() && MediaType::new("text/html").may_be_index());
        assert!(!MediaType::new("text/html").is_manifest());
    }

    #[test]
    fn types_that_most_descriptors_have_take_no_memory() {
        let read = |text: &str| serde_json::from_str::<MediaType>(&format!("\"{text}\"")).unwrap();
        for known in OF_CONTENT.into_iter().chain(ACCEPT.split(", ")) {
            assert!(matches!(read(known).0, Cow::Borrowed(_)) && read(known).as_str() == known, "{known}");
        }
        let other = read("Application/X; y");
        assert_eq!(other.as_str(), "Application/X; y", "verbatim");
        assert_eq!(serde_json::to_string(&other).unwrap(), r#""Application/X; y""#);
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
