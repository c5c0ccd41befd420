//! One rule: which images of one source repository are copied where, with which references.

pub(crate) mod artifact_types;
pub(crate) mod pattern_rule;
pub(crate) mod platform_filter;
pub(crate) mod policy;
pub(crate) mod referrer_tag;
pub(crate) mod repository_pattern;
mod repository_regex;
pub(crate) mod tag_template;
pub(crate) mod target_template;

use std::sync::Arc;

use oci::{Digest, Tag, TagOrDigest};
use regex::Regex;

use self::referrer_tag::subject;
use self::tag_template::TagTemplate;
use crate::endpoint::{Source, Target};
use crate::select::TagSelection;
use crate::{Cause, ImpossibleTarget, Policy};

/// Images of one repository, and the repositories that they are copied to.
#[derive(Clone)]
pub struct Rule {
    /// The source repository.
    pub source: Arc<dyn Source>,
    /// The images.
    pub selection: Selection,
    /// The target repositories.
    pub targets: Vec<RuleTarget>,
    /// How they are copied.
    pub policy: Arc<Policy>,
}

/// Which images of a repository a rule selects.
#[derive(Clone, Debug)]
pub enum Selection {
    /// Every tag that the registry lists.
    All,
    /// Every tag that the pattern matches.
    Matching(Regex),
    /// What the stages of a selection leave of the whole list, and its pins.
    Chosen(Arc<TagSelection>),
    /// These references, whether they exist or not.
    These(Vec<TagOrDigest>),
    /// The image with this digest, wherever the tag points now; a tag that points elsewhere is reported.
    Pinned {
        /// The tag that was written with the digest.
        tag: Tag,
        /// The digest to copy.
        digest: Digest,
    },
}

/// One repository that a rule's images are copied to.
#[derive(Clone)]
pub struct RuleTarget {
    /// The target repository.
    pub target: Arc<dyn Target>,
    /// The references there.
    pub naming: Naming,
}

/// Which references images get at the target.
#[derive(Clone, Debug)]
pub enum Naming {
    /// As at the source.
    Same,
    /// As at the source, but only those that the pattern matches.
    Matching(Regex),
    /// Made from the source's tags with a template. Referrer tags are not changed, because clients that look for a
    /// signature make its tag from the digest.
    Templated(TagTemplate),
    /// These references, one for each image, in the source's order; `None` for an image that is not copied there.
    These(Vec<Option<TagOrDigest>>),
}

impl Selection {
    /// The images that the rule names; `None` if the registry's list decides.
    pub fn named(&self) -> Option<Vec<TagOrDigest>> {
        match self {
            Self::All | Self::Matching(_) | Self::Chosen(_) => None,
            Self::These(images) => Some(images.clone()),
            Self::Pinned { digest, .. } => Some(vec![TagOrDigest::Digest(digest.clone())]),
        }
    }

    /// The tags among `listed` that the rule selects, as far as their names tell. A selection from the whole list may
    /// leave out more, by age or newer tags.
    pub fn by_name(&self, listed: Vec<Tag>) -> Vec<TagOrDigest> {
        listed.into_iter().filter(|tag| self.selects_by_name(tag)).map(TagOrDigest::Tag).collect()
    }

    /// Whether the rule selects a listed tag, as far as its name tells.
    pub(crate) fn selects_by_name(&self, tag: &Tag) -> bool {
        match self {
            Self::All => true,
            Self::Matching(pattern) => pattern.is_match(tag.as_str()),
            Self::Chosen(selection) => selection.selects_by_name(tag),
            Self::These(_) | Self::Pinned { .. } => false,
        }
    }
}

impl Naming {
    /// The target reference of each of a rule's images; `None` for those that are not copied there.
    ///
    /// # Errors
    /// The number of references that are paired by position differs from the number of images; or a templated tag
    /// becomes too long; or a template is applied to a digest.
    pub fn names(&self, images: &[TagOrDigest]) -> Result<Vec<Option<TagOrDigest>>, Cause> {
        match self {
            Self::Same => Ok(images.iter().cloned().map(Some).collect()),
            Self::Matching(pattern) => {
                let name = |image: &TagOrDigest| pattern.is_match(&image.to_string()).then(|| image.clone());
                Ok(images.iter().map(name).collect())
            }
            Self::Templated(template) => images.iter().map(|image| templated(template, image)).collect(),
            Self::These(names) if names.len() == images.len() => Ok(names.clone()),
            Self::These(names) => Err(Cause::Count { source_count: images.len(), target_count: names.len() }),
        }
    }

    /// The source tag that gets this target tag; `None` if none does, or if only the position tells.
    pub fn source_tag(&self, name: &Tag) -> Option<Tag> {
        match self {
            Self::Same => Some(name.clone()),
            Self::Matching(pattern) => pattern.is_match(name.as_str()).then(|| name.clone()),
            Self::Templated(_) if subject(name).is_some() => Some(name.clone()),
            Self::Templated(template) => template.take_back(name),
            Self::These(_) => None,
        }
    }

    /// Whether a reference depends only on its own image, not on the whole list.
    pub(crate) fn is_by_image(&self) -> bool {
        !matches!(self, Self::These(_))
    }
}

fn templated(template: &TagTemplate, image: &TagOrDigest) -> Result<Option<TagOrDigest>, Cause> {
    let impossible = |reason: String| {
        let (repository, target) = (image.to_string(), template.to_string());
        Cause::TargetName(Box::new(ImpossibleTarget { repository, target, reason }))
    };
    match image {
        TagOrDigest::Tag(tag) if subject(tag).is_some() => Ok(Some(image.clone())),
        TagOrDigest::Tag(tag) => match template.fill(tag) {
            Ok(name) => Ok(Some(TagOrDigest::Tag(name))),
            Err(error) => Err(impossible(error.to_string())),
        },
        TagOrDigest::Digest(_) => {
            Err(impossible("an image that is named by its digest has no tag".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_names_tags_but_not_those_of_signatures() {
        let naming = Naming::Templated("{tag}-mirror".parse().unwrap());
        let signature = format!("sha256-{}.sig", Digest::sha256(b"image").hex());
        let images = ["v1", &signature].map(|tag| TagOrDigest::Tag(tag.parse().unwrap()));
        let names = naming.names(&images).unwrap();
        let names: Vec<_> = names.iter().flatten().map(ToString::to_string).collect();
        assert_eq!(names, ["v1-mirror", &signature]);
        assert!(naming.names(&[TagOrDigest::Digest(Digest::sha256(b"image"))]).is_err());
    }
}
