//! The argument of verbs that look: an image, a repository, or a registry with a path prefix.

use oci::{Reference, ReferenceError, RegistryHost, RepositoryName, TagOrDigest};

use super::image_text::{ImageTextError, check_beginning, is_registry};

/// The tag of a name without tag or digest, as in all tools that show one image.
const USUAL_TAG: &str = "latest";

/// One image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedImage {
    pub(crate) place: Reference,
    /// The reference that is asked for: a digest takes precedence over a tag.
    pub(crate) by: TagOrDigest,
}

/// The repositories of a registry, or those below a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedRegistry {
    pub(crate) host: RegistryHost,
    /// A prefix of whole path components.
    pub(crate) front: Option<RepositoryName>,
}

/// Why a text cannot be parsed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NameError {
    #[error(transparent)]
    Text(#[from] ImageTextError),
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    #[error("`{text}` names an image: name its repository alone, `{repository}`")]
    Image { text: String, repository: String },
    #[error(
        "`{text}` begins with no registry: write HOST or HOST/PREFIX, as in `harbor.example.com/library`"
    )]
    NoRegistry { text: String },
    #[error(
        "`{text}` has a `*`: write whole parts of paths, as in `harbor.example.com/library`; --include-repository takes patterns"
    )]
    Pattern { text: String },
}

impl NamedImage {
    /// Reads `[HOST/]REPOSITORY[:TAG][@DIGEST]`.
    pub(crate) fn parse(text: &str) -> Result<Self, NameError> {
        check_beginning(text)?;
        let mut place: Reference = text.parse()?;
        if place.tag.is_none() && place.digest.is_none() {
            place.tag = Some(USUAL_TAG.parse()?);
        }
        let by = match (&place.digest, &place.tag) {
            (Some(digest), _) => TagOrDigest::Digest(digest.clone()),
            (None, Some(tag)) => TagOrDigest::Tag(tag.clone()),
            (None, None) => TagOrDigest::Tag(USUAL_TAG.parse()?),
        };
        Ok(Self { place, by })
    }
}

/// Reads `[HOST/]REPOSITORY`.
pub(crate) fn parse_repository(text: &str) -> Result<Reference, NameError> {
    check_beginning(text)?;
    let place: Reference = text.parse()?;
    if place.tag.is_some() || place.digest.is_some() {
        let repository = format!("{}/{}", place.registry, place.repository);
        return Err(NameError::Image { text: text.to_owned(), repository });
    }
    Ok(place)
}

impl NamedRegistry {
    /// Reads `HOST[/PREFIX]`.
    pub(crate) fn parse(text: &str) -> Result<Self, NameError> {
        match check_beginning(text) {
            Ok(()) | Err(ImageTextError::RegistryAlone { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        if text.contains('*') {
            return Err(NameError::Pattern { text: text.to_owned() });
        }
        let (host, front) = text.split_once('/').unwrap_or((text, ""));
        if !host.is_empty() && front.starts_with('/') && host.ends_with(':') {
            // A reference's error explains schemes such as `https://`.
            let _: Reference = text.parse()?;
        }
        if !is_registry(host) {
            return Err(NameError::NoRegistry { text: text.to_owned() });
        }
        let host = if host == "index.docker.io" { RegistryHost::DOCKER_HUB } else { host }.parse()?;
        let front = Some(front.trim_end_matches('/')).filter(|front| !front.is_empty());
        Ok(Self { host, front: front.map(str::parse).transpose()? })
    }

    /// The components that all listed names begin with.
    pub(crate) fn below(&self) -> Vec<&str> {
        self.front.iter().flat_map(|front| front.as_str().split('/')).collect()
    }

    /// A repository name below the prefix, to find the login for the list.
    pub(crate) fn sample(&self) -> RepositoryName {
        let sample =
            self.front.as_ref().map(|front| format!("{front}/any")).and_then(|name| name.parse().ok());
        sample.unwrap_or_else(|| "any".parse().expect("a word is a repository's name"))
    }

    /// Whether a repository is below the prefix, or is the prefix itself.
    pub(crate) fn covers(&self, repository: &RepositoryName) -> bool {
        self.front.as_ref().is_none_or(|front| {
            let rest = repository.as_str().strip_prefix(front.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_without_tag_is_latest_and_a_digest_counts_before_a_tag() {
        let digest = oci::Digest::sha256(b"x");
        for (text, place, by) in [
            ("alpine".to_owned(), "docker.io/library/alpine:latest".to_owned(), "latest".to_owned()),
            ("r.io/a/b:v1".to_owned(), "r.io/a/b:v1".to_owned(), "v1".to_owned()),
            (format!("r.io/a:v1@{digest}"), format!("r.io/a:v1@{digest}"), digest.to_string()),
            (format!("r.io/a@{digest}"), format!("r.io/a@{digest}"), digest.to_string()),
        ] {
            let named = NamedImage::parse(&text).unwrap();
            assert_eq!((named.place.to_string(), named.by.to_string()), (place, by), "{text}");
        }
        for wrong in ["", "oci:a", "https://r.io/a", "r.io/A", "r.io/a:v1,v2", "r.io/a:/x/"] {
            assert!(NamedImage::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_repository_has_neither_tag_nor_digest() {
        assert_eq!(parse_repository("r.io:5000/a/b").unwrap().to_string(), "r.io:5000/a/b");
        let error = parse_repository("r.io/a:v1").unwrap_err().to_string();
        assert!(error.contains("name its repository alone, `r.io/a`"), "{error}");
    }

    #[test]
    fn a_registry_may_have_the_front_of_paths_behind_it() {
        let named = |text| NamedRegistry::parse(text).unwrap();
        assert_eq!(named("r.io").front, None);
        assert_eq!(named("localhost:5000/a/b/").below(), ["a", "b"]);
        assert_eq!(named("index.docker.io/library").host.as_str(), "docker.io");
        let name = |text: &str| text.parse().unwrap();
        let below = named("r.io/a");
        assert!(below.covers(&name("a/b")) && below.covers(&name("a")) && !below.covers(&name("ab/c")));
        assert!(named("r.io").covers(&name("ab/c")));
        for (wrong, told) in [
            ("library", "begins with no registry"),
            ("r.io/a/**", "--include-repository"),
            ("https://r.io", "scheme"),
            ("r.io/A", "upper-case"),
            ("oci:x", "kept for a later release"),
        ] {
            let error = NamedRegistry::parse(wrong).unwrap_err().to_string();
            assert!(error.contains(told), "{wrong}: {error}");
        }
    }
}
