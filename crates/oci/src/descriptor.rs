//! Descriptors: a manifest's references to other content.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Digest, MediaType, Mismatch, Platform, lenient};

/// Type, digest and size of some content. Spec: image-spec, "Content Descriptors".
///
/// Fields that we do not look at are not kept: manifests are copied as bytes, never printed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The content's media type. Some old manifests leave it out.
    #[serde(default, deserialize_with = "lenient::filled", skip_serializing_if = "Option::is_none")]
    pub media_type: Option<MediaType>,
    /// The content's digest.
    pub digest: Digest,
    /// Size of the content in bytes; schema 1 manifests leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Other addresses of the content: for layers that registries may not distribute.
    #[serde(default, deserialize_with = "lenient::list", skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// The platform of this child of an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// The type of artifact, if the content is a manifest: lists of referrers have it.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<MediaType>,
    /// Notes by the manifest's author.
    #[serde(default, deserialize_with = "lenient::texts", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The content itself in base64: kept for lists of referrers, but never read here.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    data: Option<String>,
}

impl Descriptor {
    /// A descriptor without further fields.
    pub fn new(media_type: Option<MediaType>, digest: Digest, size: Option<u64>) -> Self {
        let (urls, annotations) = Default::default();
        let (platform, artifact_type, data) = Default::default();
        Self { media_type, digest, size, urls, platform, artifact_type, annotations, data }
    }

    /// About how many bytes it takes in memory: its texts, and an estimate for the rest.
    pub fn bytes_held(&self) -> u64 {
        const ROOM: usize = 256;
        const ROOM_OF_ENTRY: usize = 64;
        let urls = self.urls.iter().map(|url| url.len() + ROOM_OF_ENTRY);
        let notes = self.annotations.iter().map(|(key, value)| key.len() + value.len() + ROOM_OF_ENTRY);
        let data = self.data.as_ref().map_or(0, String::len);
        (ROOM + data + urls.chain(notes).sum::<usize>()) as u64
    }

    /// Checks content of `actual` bytes against the descriptor's size.
    ///
    /// # Errors
    /// The sizes differ.
    pub fn check_size(&self, actual: u64) -> Result<(), Mismatch> {
        match self.size.filter(|size| *size != actual) {
            Some(expected) => Err(Mismatch::Size { digest: self.digest.clone(), expected, actual }),
            None => Ok(()),
        }
    }

    /// Whether an entry of an index may be a manifest: an entry with another known type is a blob.
    ///
    /// `BuildKit` stores the layers of a build's cache like that: <https://github.com/docker/buildx/issues/1007>. Types that
    /// only look like a manifest's count as one, because there may be new ones.
    pub fn may_be_manifest(&self) -> bool {
        let Some(media_type) = &self.media_type else { return true };
        let text = media_type.as_str();
        text.is_empty() || media_type.is_manifest() || text.contains(".manifest.") || text.contains(".index.")
    }

    /// Whether a manifest may have manifests below it, as far as its descriptor tells.
    pub fn may_be_index(&self) -> bool {
        self.media_type.as_ref().is_none_or(MediaType::may_be_index)
    }

    /// Whether an entry of an index, or of a list of referrers, is one of `BuildKit`'s attestations: by its annotation
    /// (<https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md>), by its artifact type
    /// since 0.32, or by its platform, which is none.
    pub fn is_attestation(&self) -> bool {
        let is_marked = self
            .annotations
            .get("vnd.docker.reference.type")
            .is_some_and(|marked| marked == "attestation-manifest");
        let is_artifact = self.artifact_type.as_ref().is_some_and(|kind| *kind == MediaType::ATTESTATION);
        let is_for_none =
            |platform: &Platform| platform.os == "unknown" && platform.architecture == "unknown";
        is_marked || is_artifact || self.platform.as_ref().is_some_and(is_for_none)
    }

    /// Whether this is the config of a runnable image, not of an artifact.
    pub fn is_image_config(&self) -> bool {
        let known =
            ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];
        self.media_type.as_ref().is_some_and(|media_type| known.contains(&media_type.as_str()))
    }

    /// Whether registries refuse manifests that refer to this blob without having it: they do not for layers that are
    /// only available elsewhere (Windows base images).
    pub fn is_kept_by_registries(&self) -> bool {
        let foreign = |media_type: &MediaType| {
            media_type.as_str().contains("nondistributable") || media_type.as_str().contains(".foreign.")
        };
        self.urls.is_empty() && !self.media_type.as_ref().is_some_and(foreign)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attestations_are_known_by_what_marks_them() {
        let read = |rest: &str| {
            let text = format!(r#"{{"digest":"{}","size":2{rest}}}"#, Digest::sha256(b"{}"));
            serde_json::from_str::<Descriptor>(&text).unwrap().is_attestation()
        };
        for marked in [
            r#","annotations":{"vnd.docker.reference.type":"attestation-manifest"},"platform":{"os":"linux","architecture":"arm64"}"#,
            r#","artifactType":"application/vnd.docker.attestation.manifest.v1+json""#,
            r#","platform":{"os":"unknown","architecture":"unknown"}"#,
        ] {
            assert!(read(marked), "{marked}");
        }
        for other in [
            "",
            r#","annotations":{"vnd.docker.reference.digest":"sha256:1"}"#,
            r#","artifactType":"application/vnd.in-toto+json""#,
            r#","platform":{"os":"linux","architecture":"unknown"}"#,
        ] {
            assert!(!read(other), "{other}");
        }
    }

    #[test]
    fn odd_fields_that_only_inform_do_no_harm() {
        let digest = Digest::sha256(b"{}");
        let text = format!(
            r#"{{"digest":"{digest}","size":2,"urls":null,"artifactType":7,"annotations":{{"a":"b","c":1}},"data":[]}}"#
        );
        let descriptor: Descriptor = serde_json::from_str(&text).unwrap();
        assert_eq!(descriptor.annotations, BTreeMap::from([("a".to_owned(), "b".to_owned())]));
        assert_eq!((&descriptor.artifact_type, &descriptor.data), (&None, &None));
        let expected = format!(r#"{{"digest":"{digest}","size":2,"annotations":{{"a":"b"}}}}"#);
        assert_eq!(serde_json::to_string(&descriptor).unwrap(), expected);
    }
}
