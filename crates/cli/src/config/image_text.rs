//! The texts of a rule: `registry/repository`, optionally followed by a tag, a digest, a list or a pattern.

use oci::{Digest, Reference, ReferenceError, RegistryHost, RepositoryName, Tag, TagOrDigest};
use regex::Regex;
use sync::{RepositoryPattern, RepositoryPatternError, TagTemplate, TagTemplateError, regex_problem};

use super::odd_character::{self, OddCharacter};

/// A repository, and a selection of its images.
#[derive(Clone, Debug)]
pub(crate) struct ImageText {
    pub(crate) registry: RegistryHost,
    pub(crate) repository: RepositoryName,
    pub(crate) which: Which,
}

/// The repositories that match a pattern, and a selection of their images.
#[derive(Clone, Debug)]
pub(crate) struct PatternText {
    pub(crate) registry: RegistryHost,
    pub(crate) pattern: RepositoryPattern,
    pub(crate) which: Which,
}

/// The meaning of a source's text.
#[derive(Clone, Debug)]
pub(crate) enum SourceText {
    One(ImageText),
    Many(PatternText),
}

/// A selection of the images of a repository.
#[derive(Clone, Debug)]
pub(crate) enum Which {
    /// None given: all tags at a source, the same names at a target.
    Unsaid,
    /// These: each once at a source, in order at a target.
    These(Vec<TagOrDigest>),
    /// `tag@digest`: the digest selects the image, the tag names it.
    Pinned(Tag, Digest),
    /// Tags in which the pattern matches anywhere.
    Matching(Regex),
    /// Only at a target: the source's tags with a prefix or suffix.
    Templated(TagTemplate),
}

/// Why a text cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ImageTextError {
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    #[error(transparent)]
    TagTemplate(#[from] TagTemplateError),
    #[error("a tag pattern begins with `:/` and must end with `/`: `{text}` does not")]
    PatternOpen { text: String },
    #[error("the tag pattern `{pattern}` is not valid: {reason}")]
    Pattern { pattern: String, reason: String },
    #[error("the list in `{text}` has an empty element: remove the comma that is too many")]
    EmptyElement { text: String },
    #[error("the pattern in `{text}` cannot be used: {reason}")]
    RepositoryPattern { text: String, reason: Box<RepositoryPatternError> },
    #[error(
        "`{text}` names no registry: a pattern for repositories begins with one, as in `harbor.example.com/library/**`"
    )]
    PatternWithoutRegistry { text: String },
    #[error("`{text}` has a digest: an image that is named by its digest is in one repository, so name that")]
    PatternWithDigest { text: String },
    #[error(
        "`{text}` begins with `{prefix}`, which is kept for a later release: this one copies between registries only"
    )]
    Reserved { text: String, prefix: &'static str },
    #[error(
        "`{text}` is a registry without a repository: write `{text}/NAMESPACE/NAME`; `image-syncer repos {text}` lists them"
    )]
    RegistryAlone { text: String },
    #[error("`{text}` begins with `!`, but no rule takes away from others")]
    Exclusion { text: String },
    #[error("`{text}` has {} in it: {}", odd.describe(), odd.instead())]
    OddCharacter { text: String, odd: OddCharacter },
    #[error("a list begins with a tag, as in `repository:v1,v2`: `{text}` does not")]
    ListWithoutTag { text: String },
}

/// Prefixes that are reserved for other transports than registries.
const RESERVED: [&str; 6] = ["oci:", "oci-archive:", "oci-tree:", "ocidir:", "docker-archive:", "dir:"];

/// Rejects a text whose beginning is reserved or a common mistake.
pub(super) fn check_beginning(text: &str) -> Result<(), ImageTextError> {
    let whole = || text.to_owned();
    if text.starts_with('!') {
        return Err(ImageTextError::Exclusion { text: whole() });
    }
    // `oci:5000/a` is the registry `oci` with a port.
    let is_port = |rest: &str| {
        rest.split_once('/')
            .is_some_and(|(port, _)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let reserved =
        RESERVED.iter().find(|prefix| text.strip_prefix(**prefix).is_some_and(|rest| !is_port(rest)));
    if let Some(prefix) = reserved {
        return Err(ImageTextError::Reserved { text: whole(), prefix });
    }
    if is_host_with_port(text) {
        return Err(ImageTextError::RegistryAlone { text: whole() });
    }
    odd_character::find(text).map_or(Ok(()), |odd| Err(ImageTextError::OddCharacter { text: whole(), odd }))
}

/// By the grammar, `127.0.0.1:5000` is an image of Docker Hub with the tag `5000`. No official image has a dot in its name.
fn is_host_with_port(text: &str) -> bool {
    text.split_once(':').is_some_and(|(host, port)| {
        let has_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        has_port && !host.contains('/') && (host.contains('.') || host == "localhost")
    })
}

/// Parses a source's text: one repository, or a pattern with wildcards.
pub(crate) fn parse_source(text: &str) -> Result<SourceText, ImageTextError> {
    check_beginning(text)?;
    let (front, behind) = split_images(text);
    if !RepositoryPattern::is_pattern(front) || front.contains("://") {
        return parse(text).map(SourceText::One);
    }
    let host = front.split_once('/').filter(|(host, _)| is_registry(host));
    let (host, pattern) =
        host.ok_or_else(|| ImageTextError::PatternWithoutRegistry { text: text.to_owned() })?;
    let pattern = pattern.parse().map_err(|reason| ImageTextError::RepositoryPattern {
        text: text.to_owned(),
        reason: Box::new(reason),
    })?;
    // The text behind the pattern has the same grammar as for one repository.
    let ImageText { registry, which, .. } = parse(&format!("{host}/any{behind}"))?;
    let has_digest = match &which {
        Which::These(images) => images.iter().any(|image| matches!(image, TagOrDigest::Digest(_))),
        Which::Pinned(..) => true,
        Which::Unsaid | Which::Matching(_) | Which::Templated(_) => false,
    };
    if has_digest {
        return Err(ImageTextError::PatternWithDigest { text: text.to_owned() });
    }
    Ok(SourceText::Many(PatternText { registry, pattern, which }))
}

/// Parses a target's text: like a source's, or with `{tag}` in its tag.
pub(crate) fn parse_target(text: &str) -> Result<ImageText, ImageTextError> {
    let (front, behind) = split_target(text);
    match behind.strip_prefix(':').filter(|tag| tag.contains('{') && !tag.starts_with('/')) {
        Some(template) => Ok(ImageText { which: Which::Templated(template.parse()?), ..parse(front)? }),
        None => parse(text),
    }
}

/// Splits a target into repository and tags. Colons inside placeholders belong to the placeholder.
pub(crate) fn split_target(text: &str) -> (&str, &str) {
    let mut depth = 0_usize;
    let name = text.rfind('/').filter(|slash| !text[..*slash].contains(":/")).map_or(0, |slash| slash + 1);
    for (index, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ':' if depth == 0 && (index >= name || text[index..].starts_with(":/")) => {
                return text.split_at(index);
            }
            _ => {}
        }
    }
    (text, "")
}

/// Splits a text into repository and images.
fn split_images(text: &str) -> (&str, &str) {
    let end = text.find(":/").or_else(|| {
        let name = text.rfind('/').map_or(0, |slash| slash + 1);
        text[name..].find([':', '@']).map(|index| name + index)
    });
    text.split_at(end.unwrap_or(text.len()))
}

/// Docker's rule for the first part of a name: a registry, or a path at Docker Hub.
pub(crate) fn is_registry(host: &str) -> bool {
    (host.contains(['.', ':']) || host == "localhost") && !host.contains('*')
}

/// Parses a rule's text as the Go tool does: first as a plain reference, then as a pattern, then as a list.
pub(crate) fn parse(text: &str) -> Result<ImageText, ImageTextError> {
    check_beginning(text)?;
    let error = match text.parse::<Reference>() {
        Ok(reference) => return Ok(of_reference(reference)),
        Err(error) => error,
    };
    if matches!(error, ReferenceError::Scheme { .. } | ReferenceError::Empty) {
        return Err(error.into());
    }
    match text.split_once(":/") {
        Some((repository, pattern)) => of_pattern(text, repository, pattern),
        None if text.contains(',') => of_list(text),
        None => Err(error.into()),
    }
}

fn of_reference(reference: Reference) -> ImageText {
    let Reference { registry, repository, tag, digest } = reference;
    let which = match (tag, digest) {
        (Some(tag), Some(digest)) => Which::Pinned(tag, digest),
        (Some(tag), None) => Which::These(vec![TagOrDigest::Tag(tag)]),
        (None, Some(digest)) => Which::These(vec![TagOrDigest::Digest(digest)]),
        (None, None) => Which::Unsaid,
    };
    ImageText { registry, repository, which }
}

fn of_pattern(text: &str, repository: &str, pattern: &str) -> Result<ImageText, ImageTextError> {
    let pattern =
        pattern.strip_suffix('/').ok_or_else(|| ImageTextError::PatternOpen { text: text.to_owned() })?;
    let Reference { registry, repository, .. } = repository.parse()?;
    let regex = Regex::new(pattern).map_err(|error| ImageTextError::Pattern {
        pattern: pattern.to_owned(),
        reason: regex_problem(&error.to_string()).to_owned(),
    })?;
    Ok(ImageText { registry, repository, which: Which::Matching(regex) })
}

fn of_list(text: &str) -> Result<ImageText, ImageTextError> {
    let mut elements = text.split(',');
    let first = elements.next().unwrap_or_default();
    let first: Reference = first.parse()?;
    let (Some(tag), None) = (first.tag, first.digest) else {
        return Err(ImageTextError::ListWithoutTag { text: text.to_owned() });
    };
    let mut images = vec![TagOrDigest::Tag(tag)];
    for element in elements {
        if element.is_empty() {
            return Err(ImageTextError::EmptyElement { text: text.to_owned() });
        }
        images.push(tag_or_digest(element)?);
    }
    Ok(ImageText { registry: first.registry, repository: first.repository, which: Which::These(images) })
}

fn tag_or_digest(text: &str) -> Result<TagOrDigest, ReferenceError> {
    if text.contains(':') {
        return Ok(TagOrDigest::Digest(text.parse()?));
    }
    Ok(TagOrDigest::Tag(text.parse::<Tag>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match parse(text) {
            Err(error) => format!("{error:?}").split([' ', '(']).next().unwrap_or_default().to_owned(),
            Ok(image) => {
                let which = match image.which {
                    Which::Unsaid => "*".to_owned(),
                    Which::These(images) => {
                        images.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
                    }
                    Which::Pinned(tag, digest) => format!("{tag}@{digest}"),
                    Which::Matching(regex) => format!("/{regex}/"),
                    Which::Templated(template) => template.to_string(),
                };
                format!("{}/{} {which}", image.registry, image.repository)
            }
        }
    }

    #[test]
    fn a_host_with_its_port_alone_is_told() {
        for text in ["127.0.0.1:5000", "harbor.example.com:8443", "localhost:5000"] {
            assert!(matches!(parse(text), Err(ImageTextError::RegistryAlone { .. })), "{text}");
            assert!(parse(&format!("docker.io/library/{text}")).is_ok());
        }
        for text in ["nginx:125", "localhost:v1", "127.0.0.1:5000/a", "a/b.c:5000", "node.js:v18"] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_targets_text_is_cut_where_tags_begin() {
        assert_eq!(split_target("acr.io:5000/ns"), ("acr.io:5000/ns", ""));
        assert_eq!(split_target("acr.io:5000/ns/{path:_}"), ("acr.io:5000/ns/{path:_}", ""));
        assert_eq!(split_target("acr.io/ns/{path:_}:/^v1/"), ("acr.io/ns/{path:_}", ":/^v1/"));
        assert_eq!(split_target("acr.io:5000/ns:v1"), ("acr.io:5000/ns", ":v1"));
        assert_eq!(split_target("acr.io/ns/{path:_}:{tag}-x"), ("acr.io/ns/{path:_}", ":{tag}-x"));
    }

    #[test]
    fn tags_at_a_target_may_be_templates() {
        let which = |text: &str| match parse_target(text) {
            Ok(ImageText { which: Which::Templated(template), .. }) => template.to_string(),
            Ok(ImageText { which, .. }) => format!("{which:?}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(which("acr.io:5000/ns/a:{tag}-mirror"), "{tag}-mirror");
        assert!(which("acr.io/ns/a:/x{1,2}/").starts_with("Matching"));
        assert!(which("acr.io/ns/a:{name}").contains("has no `{tag}`"));
        assert!(parse("acr.io/ns/a:{tag}-mirror").is_err(), "a source has no template");
    }

    #[test]
    fn patterns_for_repositories() {
        let many = |text: &str| match parse_source(text) {
            Ok(SourceText::Many(found)) => format!("{} {} {:?}", found.registry, found.pattern, found.which),
            Ok(SourceText::One(found)) => format!("one {}", found.repository),
            Err(error) => format!("{error:?}").split([' ', '{']).next().unwrap_or_default().to_owned(),
        };
        assert_eq!(many("harbor:32080/library/**"), "harbor:32080 library/** Unsaid");
        assert_eq!(many("r.io/**"), "r.io ** Unsaid");
        assert!(many("r.io/a/*:v1,v2").starts_with("r.io a/* These"));
        assert!(many("r.io/a/*:/^v.*$/").starts_with("r.io a/* Matching"));
        assert_eq!(many("r.io/a/b:/^v.*$/"), "one a/b", "stars in a tag pattern are none for repositories");
        assert_eq!(many("library/*"), "PatternWithoutRegistry");
        assert_eq!(many("*.io/a/b"), "PatternWithoutRegistry");
        assert_eq!(many("r.io/a/***"), "RepositoryPattern");
        let digest = oci::Digest::sha256(b"");
        assert_eq!(many(&format!("r.io/a/*@{digest}")), "PatternWithDigest");
    }

    #[test]
    fn c14_c23_what_begins_or_looks_odd_is_told() {
        for text in [
            "oci:/srv/images",
            "oci:latest",
            "dir:x",
            "ocidir:./x:v1",
            "docker-archive:a.tar",
            "oci-archive:a.tar",
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains("a later release") && parse_source(text).is_err(), "{error}");
        }
        assert_eq!(shown("oci:5000/ns/app:v1"), "oci:5000/ns/app v1");
        assert!(matches!(parse_source("!quay.io/a/b"), Err(ImageTextError::Exclusion { .. })));
        let error = parse("quay.io/a/b\u{a0}").unwrap_err().to_string();
        assert!(error.contains("U+00A0 (no-break space)"), "{error}");
    }

    #[test]
    fn plain_references() {
        assert_eq!(shown("nginx"), "docker.io/library/nginx *");
        assert_eq!(shown("quay.io/coreos/p:v1"), "quay.io/coreos/p v1");
        let digest = oci::Digest::sha256(b"");
        assert_eq!(shown(&format!("quay.io/p:v1@{digest}")), format!("quay.io/p v1@{digest}"));
        assert_eq!(shown(&format!("quay.io/p@{digest}")), format!("quay.io/p {digest}"));
    }

    #[test]
    fn patterns_begin_at_the_first_colon_slash() {
        assert_eq!(shown("quay.io/p:/^v1\\..*$/"), "quay.io/p /^v1\\..*$/");
        assert_eq!(shown("quay.io/p:/a:/b/"), "quay.io/p /a:/b/");
        assert_eq!(shown("quay.io/p:/a{1,3}/"), "quay.io/p /a{1,3}/");
        assert_eq!(shown("quay.io/p://"), "quay.io/p //");
        for open in ["quay.io/p:/a+", "quay.io/p:/"] {
            assert_eq!(shown(open), "PatternOpen", "{open}");
        }
        assert_eq!(shown("quay.io/p:/[/"), "Pattern");
        assert_eq!(shown("quay.io/p:/a(?!b)/"), "Pattern");
    }

    #[test]
    fn b8_lists_begin_with_a_tag_and_have_no_empty_element() {
        let digest = oci::Digest::sha256(b"");
        assert_eq!(shown("quay.io/p:v1,v2"), "quay.io/p v1 v2");
        assert_eq!(shown(&format!("quay.io/p:v1,{digest}")), format!("quay.io/p v1 {digest}"));
        assert_eq!(shown("quay.io/p:v1,"), "EmptyElement");
        assert_eq!(shown("quay.io/p,v1"), "ListWithoutTag");
        assert_eq!(shown(&format!("quay.io/p@{digest},v2")), "ListWithoutTag");
        assert_eq!(shown("quay.io/p:,v1"), "Reference");
        assert_eq!(shown("quay.io/p:v1, v2"), "Reference");
        assert_eq!(shown("https://quay.io/p:v1"), "Reference");
    }
}
