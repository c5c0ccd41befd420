//! Collects content of a source that targets are known to refuse, and its largest blob. Pure.

use oci::{Descriptor, MediaType, RawManifest, TagOrDigest};

/// The facts about the sampled images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Holdings {
    /// Images whose manifests have the schema from before 2016.
    pub(super) schema1: Vec<String>,
    /// Images that carry attestations as children for the platform `unknown/unknown`.
    pub(super) attestations: Vec<String>,
    /// The largest blob of all sampled images.
    pub(super) largest: Option<Descriptor>,
}

impl Holdings {
    /// Records an image's largest blob.
    pub(super) fn note_largest(&mut self, blob: Option<Descriptor>) {
        let known = self.largest.take();
        self.largest = known.into_iter().chain(blob).max_by_key(|blob| blob.size);
    }

    /// Records what targets may refuse in an image.
    pub(super) fn note(&mut self, image: &TagOrDigest, manifest: &RawManifest) {
        let is_schema1 =
            [MediaType::DOCKER_SCHEMA1, MediaType::DOCKER_SCHEMA1_SIGNED].contains(manifest.media_type());
        if is_schema1 {
            self.schema1.push(image.to_string());
        }
        let Ok(links) = manifest.links() else { return };
        let is_attestation = |child: &Descriptor| {
            child
                .platform
                .as_ref()
                .is_some_and(|platform| platform.os == "unknown" && platform.architecture == "unknown")
        };
        if links.manifests.iter().any(is_attestation) {
            self.attestations.push(image.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use oci::Digest;

    use super::*;

    #[test]
    fn schema1_and_attestations_are_noted() {
        let mut holdings = Holdings::default();
        let note = |holdings: &mut Holdings, media_type: &str, body: &str| {
            let media_type: MediaType = serde_json::from_value(serde_json::Value::from(media_type)).unwrap();
            let bytes = body.as_bytes().to_vec().into();
            let manifest = RawManifest::from_answer(&media_type, bytes, None).unwrap();
            holdings.note(&TagOrDigest::Tag("v1".parse().unwrap()), &manifest);
        };
        let digest = Digest::sha256(b"");
        let index = |os: &str| {
            format!(
                r#"{{"schemaVersion":2,"manifests":[{{"digest":"{digest}","size":1,"platform":{{"os":"{os}","architecture":"{os}"}}}}]}}"#
            )
        };
        note(&mut holdings, "application/vnd.oci.image.index.v1+json", &index("linux"));
        assert_eq!(holdings, Holdings::default());
        note(&mut holdings, "application/vnd.oci.image.index.v1+json", &index("unknown"));
        note(
            &mut holdings,
            "application/vnd.docker.distribution.manifest.v1+json",
            r#"{"schemaVersion":1,"fsLayers":[]}"#,
        );
        assert_eq!((holdings.attestations.len(), holdings.schema1.len()), (1, 1));
    }
}
