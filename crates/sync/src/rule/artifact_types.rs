//! Which kinds of referrers are copied, by their artifact types.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Kinds of signatures, SBOMs and attestations: those that at least one of the filters accepts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ArtifactTypes(Vec<Filter>);

/// Some types, except others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    /// If empty, any type.
    types: Vec<ArtifactTypePattern>,
    exclude: Vec<ArtifactTypePattern>,
}

impl ArtifactTypes {
    /// Everything that one of `types` matches (anything, if `types` is empty), except what one of `exclude` matches.
    pub fn new(types: Vec<ArtifactTypePattern>, exclude: Vec<ArtifactTypePattern>) -> Self {
        Self(vec![Filter { types, exclude }])
    }

    /// The types of this or of `other`.
    #[must_use]
    pub(crate) fn or(&self, other: &Self) -> Self {
        let new = other.0.iter().filter(|filter| !self.0.contains(filter));
        Self(self.0.iter().chain(new).cloned().collect())
    }

    /// Whether it contains a type. The type of a manifest without one is empty.
    pub fn accepts(&self, artifact_type: &str) -> bool {
        self.0.iter().any(|filter| filter.accepts(artifact_type))
    }
}

impl Filter {
    fn accepts(&self, artifact_type: &str) -> bool {
        let fits = |pattern: &ArtifactTypePattern| pattern.fits(artifact_type);
        (self.types.is_empty() || self.types.iter().any(fits)) && !self.exclude.iter().any(fits)
    }
}

impl fmt::Display for ArtifactTypes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, filter) in self.0.iter().enumerate() {
            formatter.write_str(if index == 0 { "" } else { "; or " })?;
            filter.fmt(formatter)?;
        }
        Ok(())
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |patterns: &[ArtifactTypePattern]| {
            patterns.iter().map(|pattern| pattern.0.as_str()).collect::<Vec<_>>().join(", ")
        };
        match (&self.types[..], &self.exclude[..]) {
            ([], exclude) => write!(formatter, "all but {}", list(exclude)),
            (types, []) => formatter.write_str(&list(types)),
            (types, exclude) => write!(formatter, "{}, but not {}", list(types), list(exclude)),
        }
    }
}

/// An artifact type, or with `*` at its end a prefix. Case is ignored, as in all media types.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ArtifactTypePattern(String);

/// Why a text is no artifact type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be an artifact type such as `application/spdx+json` or `application/vnd.cyclonedx*`, not `{text}`"
)]
pub struct ArtifactTypeError {
    text: String,
}

impl ArtifactTypePattern {
    fn fits(&self, artifact_type: &str) -> bool {
        let artifact_type = artifact_type.to_ascii_lowercase();
        match self.0.strip_suffix('*') {
            Some(front) => artifact_type.starts_with(front),
            None => artifact_type == self.0,
        }
    }
}

impl FromStr for ArtifactTypePattern {
    type Err = ArtifactTypeError;

    fn from_str(text: &str) -> Result<Self, ArtifactTypeError> {
        let front = text.strip_suffix('*');
        let is_name = |part: &str, may_be_empty: bool| {
            (may_be_empty || !part.is_empty())
                && part.chars().all(|character| character.is_ascii_graphic() && !"/*;,".contains(character))
        };
        let is_type = match front.unwrap_or(text).split_once('/') {
            Some((kind, name)) => is_name(kind, false) && is_name(name, front.is_some()),
            None => front.is_some_and(|kind| is_name(kind, true)),
        };
        let pattern = is_type.then(|| Self(text.to_ascii_lowercase()));
        pattern.ok_or_else(|| ArtifactTypeError { text: text.to_owned() })
    }
}

impl TryFrom<String> for ArtifactTypePattern {
    type Error = ArtifactTypeError;

    fn try_from(text: String) -> Result<Self, ArtifactTypeError> {
        text.parse()
    }
}

impl From<ArtifactTypePattern> for String {
    fn from(pattern: ArtifactTypePattern) -> Self {
        pattern.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(types: &[&str], exclude: &[&str]) -> ArtifactTypes {
        let read = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        ArtifactTypes::new(read(types), read(exclude))
    }

    #[test]
    fn types_are_taken_whole_or_by_their_front() {
        let exact = types(&["application/spdx+json"], &[]);
        assert!(exact.accepts("Application/SPDX+json"));
        assert!(!exact.accepts("application/spdx+json2") && !exact.accepts(""));
        let front = types(&["application/vnd.dev.cosign.*"], &[]);
        assert!(front.accepts("application/vnd.dev.cosign.artifact.sig.v1+json"));
        assert!(!front.accepts("application/vnd.dev.sigstore.bundle.v0.3+json"));
        let without = types(&[], &["application/vnd.in-toto*"]);
        assert!(
            without.accepts("") && without.accepts("a/b") && !without.accepts("application/vnd.in-toto+json")
        );
        let both = types(&["application/*"], &["application/spdx+json"]);
        assert!(both.accepts("application/x") && !both.accepts("application/spdx+json"));
        let either = exact.or(&without).or(&exact);
        assert!(either.accepts("application/spdx+json") && either.accepts("a/b"));
        assert!(!either.accepts("application/vnd.in-toto+json"), "neither of the two wants it");
        assert_eq!(either.to_string(), "application/spdx+json; or all but application/vnd.in-toto*");
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for text in ["a/b", "a/*", "application/vnd.x*", "*", "application*"] {
            assert!(text.parse::<ArtifactTypePattern>().is_ok(), "{text}");
        }
        for text in ["", "sbom", "a/", "/b", "a/b/c", "a/ b", "*/b", "a/*b", "a/b**", "a/b;c=d"] {
            let error = text.parse::<ArtifactTypePattern>().unwrap_err().to_string();
            assert!(error.contains(&format!("not `{text}`")), "{error}");
        }
        assert!(serde_json::from_str::<ArtifactTypePattern>("\"sbom\"").is_err());
    }
}
