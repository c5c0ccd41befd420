//! What a manifest says of itself, beside what it refers to.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{ManifestError, RawManifest};
use crate::{Descriptor, MediaType, lenient};

#[derive(Deserialize)]
struct Subject {
    subject: Option<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notes {
    #[serde(default, deserialize_with = "lenient::text")]
    artifact_type: Option<MediaType>,
    #[serde(default, deserialize_with = "lenient::texts")]
    annotations: BTreeMap<String, String>,
    config: Option<Config>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    #[serde(default, deserialize_with = "lenient::text")]
    media_type: Option<MediaType>,
}

impl Notes {
    fn kind(self) -> Option<MediaType> {
        self.artifact_type.or(self.config?.media_type)
    }
}

impl RawManifest {
    /// The manifest that this one refers to, as a signature to its image. It need not be there.
    pub fn subject(&self) -> Result<Option<Descriptor>, ManifestError> {
        let read: Result<Subject, _> = serde_json::from_slice(&self.bytes);
        read.map(|body| body.subject).map_err(|source| ManifestError::Malformed { source })
    }

    /// How a list of referrers shows this manifest. Spec: distribution-spec, "Listing Referrers".
    pub fn as_referrer(&self) -> Descriptor {
        let size = Some(self.bytes.len() as u64);
        let mut descriptor = Descriptor::new(Some(self.media_type.clone()), self.digest.clone(), size);
        if let Some(mut notes) = self.notes() {
            descriptor.annotations = std::mem::take(&mut notes.annotations);
            descriptor.artifact_type = notes.kind();
        }
        descriptor
    }

    fn notes(&self) -> Option<Notes> {
        serde_json::from_slice(&self.bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Digest;

    fn read(body: &str) -> RawManifest {
        RawManifest::from_answer(&MediaType::OCI_MANIFEST, body.to_owned().into(), None).unwrap()
    }

    #[test]
    fn c57_the_artifact_type_is_the_manifests_own_or_its_configs() {
        let subject = Digest::sha256(b"image");
        let config = format!(r#""config":{{"mediaType":"a/config","digest":"{subject}","size":5}}"#);
        let own = read(&format!(
            r#"{{"artifactType":"a/own",{config},"annotations":{{"k":"v"}},"subject":{{"digest":"{subject}","size":5}}}}"#
        ));
        assert_eq!(own.subject().unwrap().unwrap().digest, subject);
        let shown = own.as_referrer();
        assert_eq!(shown.artifact_type, Some("a/own".to_owned().into()));
        assert_eq!(shown.annotations["k"], "v");
        assert_eq!((shown.digest, shown.size), (own.digest.clone(), Some(own.bytes.len() as u64)));

        let other = read(&format!("{{{config}}}"));
        assert_eq!(other.as_referrer().artifact_type, Some("a/config".to_owned().into()));
        assert_eq!(other.subject().unwrap(), None);
        assert!(other.as_referrer().annotations.is_empty());
    }
}
