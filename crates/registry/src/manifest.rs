//! Manifests: the bytes as they came, and a view of what they refer to.
//!
//! The bytes are what is copied. The view is for walking the graph only and is never printed back,
//! because printing would change the digest.

mod schema1;

use std::fmt;

use bytes::Bytes;
use serde::Deserialize;

use crate::{Descriptor, Digest, MediaType};

/// A manifest exactly as a registry gave it.
#[derive(Clone)]
pub struct RawManifest {
    /// What to send as `Content-Type`.
    pub media_type: MediaType,
    /// The digest of `bytes`; for a signed schema 1 manifest, of what was signed.
    pub digest: Digest,
    /// The content, verbatim.
    pub bytes: Bytes,
}

impl fmt::Debug for RawManifest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RawManifest({}, {}, {} bytes)", self.media_type, self.digest, self.bytes.len())
    }
}

/// What a manifest refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// The config, where there is one: also among the blobs.
    pub config: Option<Descriptor>,
    /// Manifests below this one: the children of an index, each once, in their order.
    pub manifests: Vec<Descriptor>,
    /// Blobs: config and layers, each once, in their order.
    pub blobs: Vec<Descriptor>,
}

/// Why a manifest cannot be used. None of these get better by asking again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// It is not JSON, or a field has another shape than the specification says.
    #[error("it is not a manifest that the specifications know: {source}")]
    Malformed {
        /// Where reading stopped.
        #[source]
        source: serde_json::Error,
    },
    /// Header and body disagree on what it is: guessing could push something else than was meant.
    #[error("the answer's Content-Type is {header}, but the manifest says it is {body}")]
    TypesDiffer {
        /// From the `Content-Type` header.
        header: MediaType,
        /// From the `mediaType` field.
        body: MediaType,
    },
    /// The registry gave another manifest than was asked for, or names it wrongly.
    #[error("the registry says that it is {expected}")]
    NotAsNamed {
        /// The digest that was asked for, or that the registry told.
        expected: Digest,
    },
    /// Nothing tells what it is.
    #[error("its media type is not known: the answer's Content-Type is `{header}`")]
    UnknownType {
        /// From the `Content-Type` header.
        header: MediaType,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    media_type: Option<MediaType>,
    config: Option<Descriptor>,
    #[serde(default, deserialize_with = "null_is_empty")]
    layers: Vec<Descriptor>,
    #[serde(default, deserialize_with = "null_is_empty")]
    manifests: Vec<Descriptor>,
    #[serde(default, deserialize_with = "null_is_empty")]
    blobs: Vec<Descriptor>,
    #[serde(default, deserialize_with = "null_is_empty")]
    fs_layers: Vec<Schema1Layer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Schema1Layer {
    blob_sum: Digest,
}

/// Go writes an empty list as `null`.
fn null_is_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl RawManifest {
    /// Takes what a registry answered, computing the digest with the algorithm of `expected`.
    ///
    /// The caller compares digests; this only settles the media type: a manifest's own `mediaType`
    /// must agree with the header, and stands in for a header that says nothing.
    pub fn from_answer(
        content_type: &MediaType,
        bytes: Bytes,
        expected: Option<&Digest>,
    ) -> Result<Self, ManifestError> {
        let body = parse(&bytes)?;
        let media_type = settle_media_type(content_type, &body)?;
        let algorithm = expected.map_or(crate::Algorithm::Sha256, Digest::algorithm);
        let signed =
            (media_type == MediaType::DOCKER_SCHEMA1_SIGNED).then(|| schema1::payload(&bytes)).flatten();
        let digest = algorithm.digest(signed.as_deref().unwrap_or(&bytes));
        Ok(Self { media_type, digest, bytes })
    }

    /// What this manifest refers to.
    pub fn links(&self) -> Result<Links, ManifestError> {
        let body = parse(&self.bytes)?;
        let schema1 = body.fs_layers.into_iter().map(|layer| Descriptor {
            media_type: None,
            digest: layer.blob_sum,
            size: None,
            urls: Vec::new(),
            platform: None,
        });
        let config = body.config.clone();
        let blobs = body.config.into_iter().chain(body.layers).chain(body.blobs).chain(schema1);
        Ok(Links { config, manifests: each_once(body.manifests), blobs: each_once(blobs) })
    }
}

/// Edits and comparisons that leave every byte alone which they are not about.
impl RawManifest {
    /// This index with only those children that `keep` says yes to.
    ///
    /// The kept descriptors and everything around them stay as they were written; the digest is another one.
    pub fn with_children(&self, keep: impl Fn(&Digest) -> bool) -> Result<Self, ManifestError> {
        let malformed = |source| ManifestError::Malformed { source };
        let text =
            std::str::from_utf8(&self.bytes).map_err(|error| malformed(serde::de::Error::custom(error)))?;
        let index: Index<'_> = serde_json::from_str(text).map_err(malformed)?;
        let kept = index.children().map_err(malformed)?.into_iter().filter(|(digest, _)| keep(digest));
        let list = format!("[{}]", kept.map(|(_, text)| text).collect::<Vec<_>>().join(","));
        let start = index.manifests.get().as_ptr() as usize - text.as_ptr() as usize;
        let end = start + index.manifests.get().len();
        let bytes = Bytes::from([&text[..start], &list, &text[end..]].concat());
        Ok(Self {
            media_type: self.media_type.clone(),
            digest: self.digest.algorithm().digest(&bytes),
            bytes,
        })
    }

    /// Whether both say the same: key order, blanks and the spelling of numbers apart. Tools that parse and print
    /// manifests leave such copies behind.
    pub fn is_same_json(&self, other: &Self) -> bool {
        let read = |manifest: &Self| serde_json::from_slice::<serde_json::Value>(&manifest.bytes);
        match (read(self), read(other)) {
            (Ok(one), Ok(other)) => same_value(&one, &other),
            _ => false,
        }
    }
}

#[derive(Deserialize)]
struct Index<'a> {
    #[serde(borrow)]
    manifests: &'a serde_json::value::RawValue,
}

impl<'a> Index<'a> {
    /// Each child with its text.
    fn children(&self) -> Result<Vec<(Digest, &'a str)>, serde_json::Error> {
        let children: Vec<&serde_json::value::RawValue> = serde_json::from_str(self.manifests.get())?;
        let with_digest = |child: &'a serde_json::value::RawValue| {
            let descriptor: Descriptor = serde_json::from_str(child.get())?;
            Ok((descriptor.digest, child.get()))
        };
        children.into_iter().map(with_digest).collect()
    }
}

fn same_value(one: &serde_json::Value, other: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Number, Object};

    match (one, other) {
        (Number(one), Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Array(one), Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same_value(one, other))
        }
        (Object(one), Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|other| same_value(value, other)))
        }
        (one, other) => one == other,
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

/// OCI lets manifests do without `mediaType`, so their shape has to tell.
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

/// The same layer twice in a manifest is one blob to move.
fn each_once(descriptors: impl IntoIterator<Item = Descriptor>) -> Vec<Descriptor> {
    let mut seen = std::collections::HashSet::new();
    descriptors.into_iter().filter(|descriptor| seen.insert(descriptor.digest.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content_type: &str, body: &str) -> Result<RawManifest, ManifestError> {
        RawManifest::from_answer(&MediaType::new(content_type), Bytes::copy_from_slice(body.as_bytes()), None)
    }

    fn digest(text: &str) -> Digest {
        Digest::sha256(text.as_bytes())
    }

    #[test]
    fn bytes_stay_as_they_came() {
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
    fn children_are_cut_out_and_all_else_stays_as_it_was_written() {
        let child = |name: &str| format!(r#"{{ "digest":"{}",  "size": 1, "x": [1.50] }}"#, digest(name));
        let body = format!(
            "{{ \"a\":1,\n\"manifests\" : [ {} ,\n{},{}],\t\"z\": null}}\n",
            child("1"),
            child("2"),
            child("3")
        );
        let index = read(MediaType::OCI_INDEX.as_str(), &body).unwrap();
        let cut = index.with_children(|child| *child != digest("2")).unwrap();
        let expected =
            format!("{{ \"a\":1,\n\"manifests\" : [{},{}],\t\"z\": null}}\n", child("1"), child("3"));
        assert_eq!(cut.bytes, expected);
        assert_eq!(cut.digest, digest(&expected));
        assert_eq!(cut.links().unwrap().manifests.len(), 2);
    }

    #[test]
    fn the_same_json_is_known_in_any_spelling() {
        let same = |one: &str, other: &str| {
            let wrap =
                |text: &str| read(MediaType::OCI_INDEX.as_str(), &format!(r#"{{"x":{text}}}"#)).unwrap();
            wrap(one).is_same_json(&wrap(other))
        };
        assert!(same(r#"{"a":1,"b":[2]}"#, "{\n\"b\": [2.0], \"a\": 1e0}"));
        for (one, other) in [("[1,2]", "[2,1]"), ("1", "\"1\""), ("{}", "{\"a\":null}"), ("[1]", "[1,1]")] {
            assert!(!same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn an_unknown_digest_algorithm_is_an_error_and_no_panic() {
        let body = r#"{"layers":[{"digest":"blake3:00","size":3}]}"#;
        let error = read(MediaType::OCI_MANIFEST.as_str(), body).unwrap_err();
        assert!(error.to_string().contains("blake3"), "{error}");
    }
}
