//! The artifact type of a manifest.

use serde::Deserialize;

use super::{ManifestError, RawManifest};
use crate::{MediaType, lenient};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Typed {
    #[serde(default, deserialize_with = "lenient::filled")]
    artifact_type: Option<MediaType>,
    #[serde(default)]
    config: Option<Config>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    #[serde(default, deserialize_with = "lenient::filled")]
    media_type: Option<MediaType>,
}

impl RawManifest {
    /// As in lists of referrers: the manifest's own type, or else its config's.
    /// Spec: distribution-spec, "Listing Referrers".
    ///
    /// # Errors
    /// It is no JSON, or a field has another shape.
    pub fn artifact_type(&self) -> Result<Option<MediaType>, ManifestError> {
        let read: Result<Typed, _> = serde_json::from_slice(&self.bytes);
        let Typed { artifact_type, config } = read.map_err(|source| ManifestError::Malformed { source })?;
        Ok(artifact_type.or(config.and_then(|config| config.media_type)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configs_type_counts_where_the_manifest_says_nothing() {
        let of = |fields: &str| {
            let body = format!(r#"{{"schemaVersion":2,"layers":[]{fields}}}"#);
            let manifest = RawManifest::from_answer(&MediaType::OCI_MANIFEST, body.into(), None).unwrap();
            manifest.artifact_type().unwrap().map(|kind| kind.to_string())
        };
        let digest = crate::Digest::sha256(b"{}");
        let config = format!(r#","config":{{"mediaType":"c/d","digest":"{digest}","size":2}}"#);
        assert_eq!(of(&format!(r#","artifactType":"a/b"{config}"#)).as_deref(), Some("a/b"));
        assert_eq!(of(&format!(r#","artifactType":""{config}"#)).as_deref(), Some("c/d"));
        assert_eq!(of(&config).as_deref(), Some("c/d"));
        assert_eq!(of(""), None);
    }
}
