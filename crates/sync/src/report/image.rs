//! One image for one target, as events and reports name it.

use std::fmt;
use std::sync::Arc;

use oci::{ReferenceError, TagOrDigest};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::rule::referrer_tag::subject;

/// Why a text is no image name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Only a repository, or nothing at all.
    #[error("it names neither a tag nor a digest")]
    NoReference,
    /// An invalid tag or digest.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
}

/// The references of an image at its source and its target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Image {
    /// Registry and repository that it is copied from.
    pub source: Arc<str>,
    /// Its tag or digest there.
    pub source_reference: TagOrDigest,
    /// Registry and repository that it is copied to.
    pub target: Arc<str>,
    /// Its tag or digest there.
    pub target_reference: TagOrDigest,
}

impl Image {
    /// `registry/repository:tag` at the source.
    pub fn source_name(&self) -> String {
        format!("{}{}", self.source, self.source_reference.suffix())
    }

    /// `registry/repository:tag` at the target.
    pub fn target_name(&self) -> String {
        format!("{}{}", self.target, self.target_reference.suffix())
    }
}

impl Image {
    /// Checks whether a text is an image name as used in documents.
    ///
    /// # Errors
    /// It is none.
    pub fn check_name(name: &str) -> Result<(), NameError> {
        split(name).map(drop)
    }

    /// Whether it depends on another image by its tag, as signatures do: it comes after that one, and is small.
    pub fn is_follower(&self) -> bool {
        matches!(&self.source_reference, TagOrDigest::Tag(tag) if subject(tag).is_some())
    }
}

impl fmt::Display for Image {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (source, target) = (self.source_name(), self.target_name());
        // In a verification without a source, both are the same.
        if source == target {
            return formatter.write_str(&target);
        }
        write!(formatter, "{source} -> {target}")
    }
}

/// Both names, as shown to users.
#[derive(Serialize, Deserialize)]
struct Names {
    source: String,
    target: String,
}

impl Serialize for Image {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Names { source: self.source_name(), target: self.target_name() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Image {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Names { source, target } = Names::deserialize(deserializer)?;
        let (source, source_reference) = split(&source).map_err(D::Error::custom)?;
        let (target, target_reference) = split(&target).map_err(D::Error::custom)?;
        Ok(Self { source, source_reference, target, target_reference })
    }
}

/// Splits a name into repository and reference.
fn split(name: &str) -> Result<(Arc<str>, TagOrDigest), NameError> {
    if let Some((repository, digest)) = name.split_once('@') {
        return Ok((repository.into(), TagOrDigest::Digest(digest.parse().map_err(ReferenceError::from)?)));
    }
    let end = name.rfind('/').map_or(0, |slash| slash + 1);
    match name[end..].split_once(':') {
        Some((repository, tag)) => {
            Ok((format!("{}{repository}", &name[..end]).into(), TagOrDigest::Tag(tag.parse()?)))
        }
        None => Err(NameError::NoReference),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_two_names_in_documents() {
        let digest = oci::Digest::sha256(b"x");
        let image = Image {
            source: "a.example:5000/x/y".into(),
            source_reference: TagOrDigest::Tag("v1".parse().unwrap()),
            target: "b.example/x".into(),
            target_reference: TagOrDigest::Digest(digest.clone()),
        };
        let text = serde_json::to_string(&image).unwrap();
        assert_eq!(text, format!(r#"{{"source":"a.example:5000/x/y:v1","target":"b.example/x@{digest}"}}"#));
        assert_eq!(serde_json::from_str::<Image>(&text).unwrap(), image);
        assert_eq!(image.to_string(), format!("a.example:5000/x/y:v1 -> b.example/x@{digest}"));
        let (source, source_reference) = (image.target.clone(), image.target_reference.clone());
        let alone = Image { source, source_reference, ..image };
        assert_eq!(alone.to_string(), format!("b.example/x@{digest}"), "one name is said once");
        for name in ["", "a/b", "a:5000/b", "a/b:", "a/b@sha256:0", "a/b:.x"] {
            let text = format!(r#"{{"source":"{name}","target":"b/x:1"}}"#);
            assert!(serde_json::from_str::<Image>(&text).is_err(), "{name}");
        }
    }
}
