//! Manifests: their original bytes, and a view of their references.
//!
//! The bytes are copied. The view is for walking the graph only and is never serialized,
//! because that would change the digest.

mod annotations;
mod artifact_type;
mod edit;
mod same;
#[doc(hidden)]
pub mod schema1;
mod subject;

use std::fmt;

use bytes::Bytes;
use serde::Deserialize;

use crate::foreign_text::Cleaned;
use crate::{Algorithm, Descriptor, Digest, MediaType, lenient};

/// A manifest exactly as a registry sent it.
///
/// Digest and bytes always match: there is no constructor that takes a wrong digest.
#[derive(Clone)]
pub struct RawManifest {
    media_type: MediaType,
    digest: Digest,
    bytes: Bytes,
}

impl fmt::Debug for RawManifest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RawManifest({}, {}, {} bytes)", self.media_type, self.digest, self.bytes.len())
    }
}

/// The references of a manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// The config, if there is one; it is also in `blobs`.
    pub config: Option<Descriptor>,
    /// Manifests below this one: the children of an index, each once, in order.
    pub manifests: Vec<Descriptor>,
    /// Blobs: config and layers, each once, in order; at the end the entries of an index that are no manifests, as
    /// in `BuildKit`'s caches.
    pub blobs: Vec<Descriptor>,
}

/// Why a manifest cannot be used. A retry does not help.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// It is not JSON, or a field has another shape than the specification says.
    #[error("it is not a manifest that the specifications know: {}", Cleaned(source))]
    Malformed {
        /// Where reading stopped.
        #[source]
        source: serde_json::Error,
    },
    /// Header and body state different types: guessing could push the manifest with the wrong one.
    #[error("the answer's Content-Type is {header}, but the manifest says it is {body}")]
    TypesDiffer {
        /// From the `Content-Type` header.
        header: MediaType,
        /// From the `mediaType` field.
        body: MediaType,
    },
    /// The registry sent another manifest than requested, or states a wrong digest.
    #[error("the registry says that it is {expected}")]
    NotAsNamed {
        /// The digest that was requested, or that the registry stated.
        expected: Digest,
    },
    /// It would be larger than what is read of a manifest.
    #[error("it would have more than {limit} bytes, and no larger manifest is read")]
    TooLong {
        /// The largest number of bytes.
        limit: usize,
    },
    /// Neither header nor body states its type.
    #[error("its media type is not known: the answer's Content-Type is `{header}`")]
    UnknownType {
        /// From the `Content-Type` header.
        header: MediaType,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(default, deserialize_with = "lenient::filled")]
    media_type: Option<MediaType>,
    config: Option<Descriptor>,
    #[serde(default, deserialize_with = "lenient::list")]
    layers: Vec<Descriptor>,
    #[serde(default, deserialize_with = "lenient::list")]
    manifests: Vec<Descriptor>,
    #[serde(default, deserialize_with = "lenient::list")]
    blobs: Vec<Descriptor>,
    #[serde(default, deserialize_with = "lenient::list")]
    fs_layers: Vec<Schema1Layer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Schema1Layer {
    blob_sum: Digest,
}

impl RawManifest {
    /// The most bytes that are read of a manifest. The spec asks registries to take at least 4 MiB; twice that keeps a
    /// hostile source from filling memory.
    pub const LARGEST: usize = 8 << 20;

    /// Reads a registry's answer. The digest is computed here, with the algorithm of `expected`, and must be
    /// `expected`.
    ///
    /// A manifest's own `mediaType` must agree with the header, and replaces a header that states no manifest type.
    ///
    /// # Errors
    /// It is no manifest, its type is unknown, or it is another one than `expected`.
    pub fn from_answer(
        content_type: &MediaType,
        bytes: Bytes,
        expected: Option<&Digest>,
    ) -> Result<Self, ManifestError> {
        let body = parse(&bytes)?;
        let media_type = settle_media_type(content_type, &body)?;
        let algorithm = expected.map_or(Algorithm::Sha256, Digest::algorithm);
        let digest = algorithm.digest(&bytes);
        let is_signed = media_type == MediaType::DOCKER_SCHEMA1_SIGNED && expected != Some(&digest);
        let payload = is_signed.then(|| schema1::payload(&bytes)).flatten();
        let digest = payload.map_or(digest, |payload| algorithm.digest(&payload));
        match expected.filter(|expected| **expected != digest) {
            Some(expected) => Err(ManifestError::NotAsNamed { expected: expected.clone() }),
            None => Ok(Self { media_type, digest, bytes }),
        }
    }

    /// The type to send as `Content-Type`.
    pub fn media_type(&self) -> &MediaType {
        &self.media_type
    }

    /// The digest of the bytes; for a signed schema 1 manifest, of the signed payload.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The content, verbatim.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The references of this manifest.
    pub fn links(&self) -> Result<Links, ManifestError> {
        let body = parse(&self.bytes)?;
        let schema1 = body.fs_layers.into_iter().map(|layer| Descriptor::new(None, layer.blob_sum, None));
        let config = body.config.clone();
        let (manifests, listed): (Vec<_>, Vec<_>) =
            body.manifests.into_iter().partition(Descriptor::may_be_manifest);
        let blobs = body.config.into_iter().chain(body.layers).chain(body.blobs).chain(schema1).chain(listed);
        Ok(Links { config, manifests: each_once(manifests), blobs: each_once(blobs) })
    }

    /// Entries of an index whose manifest an earlier entry refers to, too: one image may be for several platforms.
    ///
    /// # Errors
    /// The manifest is no JSON of the expected shape.
    pub fn repeated_entries(&self) -> Result<Vec<Descriptor>, ManifestError> {
        let mut seen = std::collections::HashSet::new();
        let entries = parse(&self.bytes)?.manifests.into_iter();
        Ok(entries.filter(|entry| !seen.insert(entry.digest.clone())).collect())
    }
}

fn parse(bytes: &[u8]) -> Result<Body, ManifestError> {
    serde_json::from_slice(bytes).map_err(|source| ManifestError::Malformed { source })
}

fn settle_media_type(header: &MediaType, body: &Body) -> Result<MediaType, ManifestError> {
    match &body.media_type {
        Some(own) if header.is_manifest() && own != header => {
            Err(ManifestError::TypesDiffer { header: header.clone(), body: own.clone() })
        }
        Some(own) => Ok(own.clone()),
        None if header.is_manifest() => Ok(header.clone()),
        // `application/json` and the like come from registries that do not know the type, and from proxies.
        None => guess(body).ok_or_else(|| ManifestError::UnknownType { header: header.clone() }),
    }
}

/// Guesses the type by the document's shape, because OCI manifests may have no `mediaType`.
fn guess(body: &Body) -> Option<MediaType> {
    if !body.manifests.is_empty() {
        Some(MediaType::OCI_INDEX)
    } else if body.config.is_some() {
        Some(MediaType::OCI_MANIFEST)
    } else if !body.fs_layers.is_empty() {
        Some(MediaType::DOCKER_SCHEMA1_SIGNED)
    } else {
        None
    }
}

/// A layer that is twice in a manifest is one blob to copy.
fn each_once(descriptors: impl IntoIterator<Item = Descriptor>) -> Vec<Descriptor> {
    let mut seen = std::collections::HashSet::new();
    descriptors.into_iter().filter(|descriptor| seen.insert(descriptor.digest.clone())).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn read(content_type: &str, body: &str) -> Result<RawManifest, ManifestError> {
        RawManifest::from_answer(&MediaType::new(content_type), Bytes::copy_from_slice(body.as_bytes()), None)
    }

    pub(crate) fn digest(text: &str) -> Digest {
        Digest::sha256(text.as_bytes())
    }

    #[test]
    fn c03_bytes_stay_as_they_came() {
        let body = "{\n  \"schemaVersion\": 2,\n  \"unknown\": [1.0],  \"manifests\": []}\n";
        let manifest = read("application/vnd.oci.image.index.v1+json; charset=utf-8", body).unwrap();
        assert_eq!(manifest.bytes, body);
        assert_eq!(manifest.digest, digest(body));
        assert_eq!(manifest.links().unwrap(), Links::default());
    }

    #[test]
    fn c07_header_and_body_must_agree() {
        let body = format!(r#"{{"mediaType":"{}","layers":[]}}"#, MediaType::OCI_MANIFEST);
        assert!(matches!(
            read(MediaType::DOCKER_MANIFEST.as_str(), &body),
            Err(ManifestError::TypesDiffer { .. })
        ));
        assert_eq!(read("application/json", &body).unwrap().media_type, MediaType::OCI_MANIFEST);
        assert!(matches!(read("text/plain", "{}"), Err(ManifestError::UnknownType { .. })));
        assert!(matches!(read("text/html", "<html>"), Err(ManifestError::Malformed { .. })));
    }

    #[test]
    fn p10_an_empty_media_type_is_none() {
        let body = format!(
            r#"{{"mediaType":"","layers":[{{"mediaType":"","digest":"{}","size":1}}]}}"#,
            digest("x")
        );
        let manifest = read(MediaType::OCI_MANIFEST.as_str(), &body).unwrap();
        assert_eq!(*manifest.media_type(), MediaType::OCI_MANIFEST);
        assert_eq!(manifest.links().unwrap().blobs[0].media_type, None);
    }

    #[test]
    fn s6_p10_deep_nests_are_an_error_in_what_is_read_and_pass_verbatim_elsewhere() {
        let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
        for field in ["mediaType", "config", "layers", "manifests", "fsLayers", "signatures"] {
            let _ = read(MediaType::OCI_INDEX.as_str(), &format!(r#"{{"{field}":{deep}}}"#));
            let _ = read(MediaType::DOCKER_SCHEMA1_SIGNED.as_str(), &format!(r#"{{"{field}":{deep}}}"#));
        }
        let deep_field = format!(r#"{{"config":{deep}}}"#);
        let error = read(MediaType::OCI_MANIFEST.as_str(), &deep_field).unwrap_err();
        assert!(matches!(error, ManifestError::Malformed { .. }), "{error}");
        // Unknown fields are not parsed: the digest is of the bytes.
        let child = format!(r#"{{"digest":"{}","size":1,"x":{deep}}}"#, digest("x"));
        let body = format!(r#"{{"manifests":[{child}],"annotations":{deep},"y":{deep}}}"#);
        let manifest = read(MediaType::OCI_INDEX.as_str(), &body).unwrap();
        assert_eq!((manifest.bytes(), manifest.digest()), (&Bytes::from(body.clone()), &digest(&body)));
        assert_eq!(manifest.links().unwrap().manifests.len(), 1);
        assert_eq!(manifest.with_children(|_| true).unwrap().bytes, body);
        assert_eq!(manifest.with_children(|_| false).unwrap().bytes, body.replace(&child, ""));
        let added = manifest.with_child(&Descriptor::new(None, digest("y"), None)).unwrap();
        assert_eq!(added.links().unwrap().manifests.len(), 2);
        assert!(!manifest.is_same_json(&manifest), "what is not compared is not the same");
        let referrer = read(MediaType::OCI_INDEX.as_str(), &format!(r#"{{"subject":{deep}}}"#)).unwrap();
        assert!(matches!(referrer.subject(), Err(ManifestError::Malformed { .. })));
        assert!(read("application/json", &deep).is_err());
    }

    #[test]
    fn c14_a_repeated_layer_is_one_blob() {
        let (config, layer) = (digest("config"), digest("layer"));
        let body = format!(
            r#"{{"config":{{"mediaType":"a/b","digest":"{config}","size":2}},
                "layers":[{{"digest":"{layer}","size":3}},{{"digest":"{layer}","size":3}}]}}"#
        );
        let links = read("application/json", &body).unwrap().links().unwrap();
        let blobs: Vec<_> = links.blobs.iter().map(|blob| (blob.digest.clone(), blob.size)).collect();
        assert_eq!(blobs, [(config, Some(2)), (layer, Some(3))]);
    }

    #[test]
    fn lists_may_be_null_and_schema_1_tells_no_sizes() {
        let layer = digest("layer");
        let body = format!(r#"{{"schemaVersion":1,"layers":null,"fsLayers":[{{"blobSum":"{layer}"}}]}}"#);
        let manifest = read("application/json", &body).unwrap();
        assert_eq!(manifest.media_type, MediaType::DOCKER_SCHEMA1_SIGNED);
        assert_eq!(manifest.links().unwrap().blobs[0].size, None);
    }

    #[test]
    fn c06_an_unknown_digest_algorithm_is_an_error_and_no_panic() {
        let body = r#"{"layers":[{"digest":"blake3:00","size":3}]}"#;
        let error = read(MediaType::OCI_MANIFEST.as_str(), body).unwrap_err();
        assert!(error.to_string().contains("blake3"), "{error}");
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let key = prop_oneof![
            Just("mediaType"),
            Just("config"),
            Just("layers"),
            Just("manifests"),
            Just("blobs"),
            Just("fsLayers"),
            Just("digest"),
            Just("size"),
            Just("subject"),
            Just("annotations"),
            Just("signatures"),
            Just("protected"),
            Just("x"),
        ];
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            "[a-z:]{0,6}".prop_map(Into::into),
            any::<u8>().prop_map(|byte| Digest::sha256(&[byte]).to_string().into()),
        ];
        leaf.prop_recursive(4, 40, 6, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
                proptest::collection::vec((key.clone(), inner), 0..6).prop_map(|fields| {
                    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn c06_arbitrary_json_is_never_a_panic(json in any_json(), signed: bool) {
            let media_type = if signed { MediaType::DOCKER_SCHEMA1_SIGNED } else { MediaType::OCI_INDEX };
            let manifest = RawManifest { media_type, digest: Digest::sha256(b""), bytes: json.to_string().into() };
            let _ = RawManifest::from_answer(&manifest.media_type, manifest.bytes.clone(), None);
            let _ = (manifest.links(), manifest.subject());
            let _ = manifest.with_children(|_| false);
            let _ = manifest.with_child(&Descriptor::new(None, manifest.digest.clone(), Some(1)));
        }
    }
}
