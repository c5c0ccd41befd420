//! Errors of a rule that are found before any request.

use oci::{Digest, TagOrDigest};
use sync::{TagTemplateError, TargetTemplateError};

use super::error::ConfigError;
use super::image_text::ImageTextError;
use crate::nearest::nearest;

/// The error of a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RuleError {
    #[error("the name of an image is empty")]
    SourceEmpty,
    // The text may be a rule's source or an argument: `verify` takes targets.
    #[error("`{text}` cannot be used: {reason}")]
    Source { text: String, reason: ImageTextError },
    #[error("the target of `{source_text}` is empty")]
    TargetEmpty { source_text: String },
    #[error("the target `{text}` of `{source_text}` cannot be used: {reason}")]
    Target { source_text: String, text: String, reason: ImageTextError },
    #[error("the target `{text}` of `{source_text}` cannot be used: {reason}")]
    Template { source_text: String, text: String, reason: TargetTemplateError },
    #[error("the target `{text}` of `{source_text}` names images, but a pattern's images keep their names")]
    NamesUnderPattern { source_text: String, text: String },
    #[error(
        "the target `{text}` of `{source_text}` has a placeholder, but only a source with * or ** has something to put there"
    )]
    PlaceholderWithoutPattern { source_text: String, text: String },
    #[error("the target `{text}` names no registry, and in `sync` each target begins with one")]
    NoRegistry { text: String },
    #[error("the target `{text}` names no repository")]
    NoRepository { text: String },
    #[error("the target `{text}` of `{source_text}` has {names} name(s) for {images} image(s)")]
    Count { source_text: String, text: String, images: usize, names: usize },
    #[error("the target of `{source_text}` is {wanted}, which only the image with that digest can be")]
    OtherDigest { source_text: String, wanted: Digest },
    #[error("the target `{text}` of `{source_text}` has a `{{tag}}`, but a digest in the source has no tag")]
    TemplateWithoutTag { source_text: String, text: String },
    #[error(
        "the target `{text}` of `{source_text}` is the source's own repository: each run would copy the last one's copies again"
    )]
    TemplateIntoSource { source_text: String, text: String },
    #[error("the target `{text}` of `{source_text}` gives the name {name} to two images")]
    NameTwice { source_text: String, text: String, name: TagOrDigest },
}

impl RuleError {
    /// Whether the error stops the whole run: an empty source or target most likely means an unfinished config. Other errors do not affect
    /// the other rules, as in every Go release.
    pub(super) fn stops_everything(&self) -> bool {
        matches!(self, Self::SourceEmpty | Self::TargetEmpty { .. })
    }

    /// The target's text, if the error is about it.
    pub(super) fn target_text(&self) -> Option<&str> {
        match self {
            Self::SourceEmpty | Self::Source { .. } | Self::TargetEmpty { .. } | Self::OtherDigest { .. } => {
                None
            }
            Self::Target { text, .. }
            | Self::Template { text, .. }
            | Self::NamesUnderPattern { text, .. }
            | Self::PlaceholderWithoutPattern { text, .. }
            | Self::Count { text, .. }
            | Self::NoRegistry { text }
            | Self::NoRepository { text }
            | Self::TemplateWithoutTag { text, .. }
            | Self::TemplateIntoSource { text, .. }
            | Self::NameTwice { text, .. } => Some(text),
        }
    }

    pub(super) fn help(&self) -> Option<String> {
        match self {
            Self::NoRegistry { text } => Some(format!(
                "write `HOST/{text}` with the registry's host, or `docker.io/{text}` if Docker Hub is meant"
            )),
            Self::NoRepository { text } => Some(format!("write `{text}/NAMESPACE/NAME`")),
            Self::Template { reason: TargetTemplateError::Unknown { name }, .. } => {
                meant(name, &["path", "repository", "name"])
            }
            Self::Target {
                reason:
                    ImageTextError::TagTemplate(
                        TagTemplateError::WithoutTag { text } | TagTemplateError::NoTag { text },
                    ),
                ..
            } => braced(text).filter(|name| *name != "tag").and_then(|name| meant(name, &["tag"])),
            _ => self.fixed_help().map(str::to_owned),
        }
    }

    fn fixed_help(&self) -> Option<&'static str> {
        match self {
            Self::TargetEmpty { .. } => {
                Some("write a target, or give --registry and --namespace for all empty ones")
            }
            Self::Count { .. } => {
                Some("give no name to keep the source's names, or one name for each image, in the same order")
            }
            Self::PlaceholderWithoutPattern { .. } => Some(
                "write the repository's name at the target, or a pattern in the source, as in `harbor.example.com/library/**`",
            ),
            Self::Source { reason: ImageTextError::Exclusion { .. }, .. } => Some(
                "remove the rule, and name what is to be copied; tags are chosen by a pattern, as in `repository:/^v1/`",
            ),
            Self::Source { reason: ImageTextError::Reserved { .. }, .. }
            | Self::Target { reason: ImageTextError::Reserved { .. }, .. } => Some(
                "name a registry, as in `registry.example.com/team/app`; a repository with such a name at Docker Hub is written `docker.io/library/NAME`",
            ),
            Self::TemplateWithoutTag { .. } => Some("name the tag at the target instead"),
            Self::TemplateIntoSource { .. } => Some("name another repository, or the tags that are meant"),
            Self::OtherDigest { .. } => Some("name a tag at the target, or nothing to keep the digest"),
            _ => None,
        }
    }
}

/// The placeholder that the user most likely meant.
fn meant(written: &str, known: &[&str]) -> Option<String> {
    let (name, joint) = written.split_once(':').map_or((written, None), |(name, joint)| (name, Some(joint)));
    let begun = known.iter().copied().find(|known| name.len() > 1 && known.starts_with(name));
    let meant = begun.or_else(|| nearest(name, known))?;
    let joint = joint.map(|joint| format!(":{joint}")).unwrap_or_default();
    Some(format!("did you mean `{{{meant}{joint}}}`?"))
}

/// The content of the first braces.
fn braced(text: &str) -> Option<&str> {
    Some(text.split_once('{')?.1.split_once('}')?.0)
}

impl From<RuleError> for ConfigError {
    fn from(error: RuleError) -> Self {
        let config_error = Self::new(error.to_string());
        match error.help() {
            Some(help) => config_error.help(help),
            None => config_error,
        }
    }
}
