//! Names of images: `registry/repository:tag@digest`.
//!
//! The grammar is Docker's (distribution/reference), with its rules for short names. A reference
//! without a tag stays without one: nothing here adds `latest`.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;
use std::sync::Arc;

use crate::digest::{Digest, DigestError};
use crate::foreign_text::Cleaned;

/// The longest name of a repository. Registry and repository together should not be longer, either.
const LONGEST_NAME: usize = 255;
/// The longest tag that the specification allows.
const LONGEST_TAG: usize = 128;

/// A registry's `host` or `host:port`, in lower case, because host names ignore case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegistryHost(Arc<str>);

/// A repository's path inside its registry, such as `library/nginx`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryName(Arc<str>);

/// A tag, such as `v1.2.0`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(Box<str>);

/// A tag or a digest, which selects a manifest. The distribution specification calls this the "reference".
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TagOrDigest {
    /// The manifest to which the tag points now.
    Tag(Tag),
    /// Exactly this content.
    Digest(Digest),
}

/// A repository in a registry, with a tag, a digest, both or neither.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The registry.
    pub registry: RegistryHost,
    /// The repository in the registry.
    pub repository: RepositoryName,
    /// The tag, if one was written.
    pub tag: Option<Tag>,
    /// The digest, if one was written.
    pub digest: Option<Digest>,
}

/// Why a text is not a reference, with advice what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// The text is empty.
    #[error("the reference is empty")]
    Empty,
    /// It contains a blank, most often at an end.
    #[error("`{}` has a blank in it: remove the blank", Cleaned(text))]
    Blank {
        /// The text.
        text: String,
    },
    /// It begins like a URL.
    #[error("`{}` begins with a scheme: remove `{}`", Cleaned(text), Cleaned(scheme))]
    Scheme {
        /// The text.
        text: String,
        /// `https://` or the like.
        scheme: String,
    },
    /// The registry's part is not a host name.
    #[error("`{}` is not a registry: expected `host` or `host:port`", Cleaned(host))]
    Host {
        /// The part.
        host: String,
    },
    /// The repository has upper-case letters.
    #[error("repository `{}` has upper-case letters: registries allow lower case only", Cleaned(repository))]
    UpperCase {
        /// The repository.
        repository: String,
    },
    /// A part of the repository's path breaks the grammar.
    #[error(
        "`{}` cannot be a part of a repository name: use lower-case letters and digits, with single `.`, `_`, `__` or dashes between them",
        Cleaned(component)
    )]
    Component {
        /// The part between two slashes.
        component: String,
    },
    /// The name is 64 hexadecimal digits, which Docker keeps for image ids.
    #[error("`{}` looks like an image id, not like a repository", Cleaned(text))]
    ImageId {
        /// The text.
        text: String,
    },
    /// The tag breaks the grammar.
    #[error(
        "`{}` is not a valid tag: at most 128 letters, digits, `_`, `.` and `-`, not beginning with `.` or `-`",
        Cleaned(tag)
    )]
    Tag {
        /// The tag.
        tag: String,
    },
    /// The digest is not one.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// The repository's name is longer than registries take.
    #[error("`{}` is too long: a repository's name may have {LONGEST_NAME} characters", Cleaned(text))]
    TooLong {
        /// The text.
        text: String,
    },
}

impl RegistryHost {
    /// Docker Hub, however it was written.
    pub const DOCKER_HUB: &'static str = "docker.io";

    /// The text, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host that serves the distribution protocol: Docker Hub's differs from its name.
    pub fn api_host(&self) -> &str {
        match self.as_str() {
            Self::DOCKER_HUB | "registry.hub.docker.com" => "registry-1.docker.io",
            other => other,
        }
    }

    /// The host without its port; an IPv6 address without its brackets.
    pub fn host_name(&self) -> &str {
        split_port(&self.0).0.trim_start_matches('[').trim_end_matches(']')
    }
}

impl FromStr for RegistryHost {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (host, port) = split_port(text);
        let port_is_valid = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number > 0));
        let label_is_valid = |label: &str| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host_is_valid = match address {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => host.split('.').all(label_is_valid),
        };
        if port_is_valid && host_is_valid {
            // Where nothing but capital letters tells a host from a path, they stay: `A/app` is at host A, `a/app` at
            // Docker Hub.
            let is_told_by_case = !text.contains(['.', ':', '[']) && !text.eq_ignore_ascii_case("localhost");
            let host = if is_told_by_case { text.to_owned() } else { text.to_ascii_lowercase() };
            Ok(Self(host.into()))
        } else {
            Err(ReferenceError::Host { host: text.to_owned() })
        }
    }
}

/// `host:port`, `host`, `[address]:port` or `[address]`.
fn split_port(text: &str) -> (&str, Option<&str>) {
    let end_of_address = text.find(']').unwrap_or_default();
    match text[end_of_address..].split_once(':') {
        Some((host, port)) => (&text[..end_of_address + host.len()], Some(port)),
        None => (text, None),
    }
}

impl RepositoryName {
    /// The path, such as `library/nginx`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RepositoryName {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(ReferenceError::UpperCase { repository: text.to_owned() });
        }
        if let Some(component) = text.split('/').find(|component| !is_component(component)) {
            return Err(ReferenceError::Component { component: component.to_owned() });
        }
        if text.len() > LONGEST_NAME {
            return Err(ReferenceError::TooLong { text: text.to_owned() });
        }
        Ok(Self(text.into()))
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends_well = |byte: Option<&u8>| byte.is_some_and(|byte| is_letter(*byte));
    ends_well(bytes.first())
        && ends_well(bytes.last())
        && bytes.split(|byte| is_letter(*byte)).all(|between| {
            matches!(between, b"" | b"." | b"_" | b"__") || between.iter().all(|byte| *byte == b'-')
        })
}

impl Tag {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let valid = text.len() <= LONGEST_TAG
            && text.bytes().next().is_some_and(is_word)
            && text.bytes().all(|byte| is_word(byte) || byte == b'.' || byte == b'-');
        if valid { Ok(Self(text.into())) } else { Err(ReferenceError::Tag { tag: text.to_owned() }) }
    }
}

impl fmt::Display for RegistryHost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for TagOrDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => fmt::Display::fmt(tag, formatter),
            Self::Digest(digest) => fmt::Display::fmt(digest, formatter),
        }
    }
}

impl TagOrDigest {
    /// `:tag` or `@digest`, to append to a repository.
    pub fn suffix(&self) -> String {
        match self {
            Self::Tag(tag) => format!(":{tag}"),
            Self::Digest(digest) => format!("@{digest}"),
        }
    }
}

impl Reference {
    /// Whether registry and repository together are longer than the specification advises: worth a
    /// warning, because many clients and registries still take it. Spec: distribution-spec, "Pulling manifests".
    pub fn is_longer_than_advised(&self) -> bool {
        self.registry.as_str().len() + 1 + self.repository.as_str().len() > LONGEST_NAME
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(formatter, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        refuse_common_slips(text)?;
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse()?)),
            None => (text, None),
        };
        let (name, tag) = match rest.rsplit_once(':') {
            // A colon before a slash belongs to the port.
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag.parse()?)),
            _ => (rest, None),
        };
        let (registry, repository) = split_registry(name)?;
        Ok(Self { registry, repository, tag, digest })
    }
}

fn refuse_common_slips(text: &str) -> Result<(), ReferenceError> {
    if text.is_empty() {
        return Err(ReferenceError::Empty);
    }
    if text.chars().any(char::is_whitespace) {
        return Err(ReferenceError::Blank { text: text.to_owned() });
    }
    // `repository://` is no scheme, but an empty tag pattern, which rules may have.
    let scheme = text.find("://").filter(|end| text[..*end].bytes().all(|byte| byte.is_ascii_alphabetic()));
    if let Some(end) = scheme {
        return Err(ReferenceError::Scheme { text: text.to_owned(), scheme: text[..end + 3].to_owned() });
    }
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)) {
        return Err(ReferenceError::ImageId { text: text.to_owned() });
    }
    Ok(())
}

/// A registry and a repository in a form for comparison: without a default port (443 or 80). Only the client that connects to a
/// registry knows which of them applies.
pub fn as_place(name: &str) -> Cow<'_, str> {
    let (host, repository) = name.split_once('/').map_or((name, None), |(host, path)| (host, Some(path)));
    let lower = host.to_ascii_lowercase();
    let bare = [":443", ":80"].iter().find_map(|port| lower.strip_suffix(port)).unwrap_or(&lower);
    match repository {
        _ if bare == host => Cow::Borrowed(name),
        Some(repository) => Cow::Owned(format!("{bare}/{repository}")),
        None => Cow::Owned(bare.to_owned()),
    }
}

/// Docker's rule: the first part is a registry if it could not be a part of a repository.
fn split_registry(name: &str) -> Result<(RegistryHost, RepositoryName), ReferenceError> {
    let is_registry = |part: &str| {
        part.contains(['.', ':']) || part == "localhost" || part.bytes().any(|byte| byte.is_ascii_uppercase())
    };
    let (registry, path) = match name.split_once('/') {
        Some((first, rest)) if is_registry(first) => (first, rest),
        _ => (RegistryHost::DOCKER_HUB, name),
    };
    let is_old_name = registry.eq_ignore_ascii_case("index.docker.io");
    let registry = if is_old_name { RegistryHost::DOCKER_HUB } else { registry };
    let repository = if registry.eq_ignore_ascii_case(RegistryHost::DOCKER_HUB) && !path.contains('/') {
        format!("library/{path}").parse()?
    } else {
        path.parse()?
    };
    Ok((registry.parse()?, repository))
}

#[cfg(test)]
mod tests;
