//! One rule: which images of one source repository go where, under which names.

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

/// Images of one repository, and the repositories that they go to.
#[derive(Clone)]
pub struct Rule {
    /// Where to read.
    pub source: Arc<dyn Source>,
    /// Which images.
    pub selection: Selection,
    /// Where to write.
    pub targets: Vec<RuleTarget>,
    /// How they are copied.
    pub policy: Arc<Policy>,
}

/// Which images of a repository a rule is about.
#[derive(Clone, Debug)]
pub enum Selection {
    /// Every tag that the registry lists.
    All,
    /// Every tag in which the pattern is found.
    Matching(Regex),
    /// What is left of the whole list after the stages of a selection, and its pins.
    Chosen(Arc<TagSelection>),
    /// These, whether they exist or not.
    These(Vec<TagOrDigest>),
    /// The image with this digest, wherever the tag points by now: the tag is told of where it points elsewhere.
    Pinned {
        /// What was written beside the digest.
        tag: Tag,
        /// What is copied.
        digest: Digest,
    },
}

/// One repository that a rule's images go to.
#[derive(Clone)]
pub struct RuleTarget {
    /// Where to write.
    pub target: Arc<dyn Target>,
    /// Under which names.
    pub naming: Naming,
}

/// What images are called at the target.
#[derive(Clone, Debug)]
pub enum Naming {
    /// As at the source.
    Same,
    /// As at the source, and only those in which the pattern is found.
    Matching(Regex),
    /// What this makes of the source's tags. Tags made of an image's digest are called as at the source: whoever looks
    /// for a signature makes its tag of the digest.
    Templated(TagTemplate),
    /// These names, one for each image, in the source's order; `None` for an image that does not go there.
    These(Vec<Option<TagOrDigest>>),
}

impl Selection {
    /// The images that are written down; `None` where the registry's list tells which there are.
    pub fn named(&self) -> Option<Vec<TagOrDigest>> {
        match self {
            Self::All | Self::Matching(_) | Self::Chosen(_) => None,
            Self::These(images) => Some(images.clone()),
            Self::Pinned { digest, .. } => Some(vec![TagOrDigest::Digest(digest.clone())]),
        }
    }

    /// Those of some tags which the rule is about, as far as their names tell: of those that are chosen from the whole
    /// list, their age and what is newer may leave out more.
    pub fn by_name(&self, listed: Vec<Tag>) -> Vec<TagOrDigest> {
        listed.into_iter().filter(|tag| self.selects_by_name(tag)).map(TagOrDigest::Tag).collect()
    }

    /// Whether a tag of a list is meant, as far as its name tells.
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
    /// What each of a rule's images is called at the target; `None` for those that do not go there.
    ///
    /// # Errors
    /// Names that are paired by position must be as many as the images. A tag may become too long, and a digest has none.
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

    /// The tag at the source that would be called so at the target; `None` where none would, or only its place among others
    /// tells.
    pub fn source_tag(&self, name: &Tag) -> Option<Tag> {
        match self {
            Self::Same => Some(name.clone()),
            Self::Matching(pattern) => pattern.is_match(name.as_str()).then(|| name.clone()),
            Self::Templated(_) if subject(name).is_some() => Some(name.clone()),
            Self::Templated(template) => template.take_back(name),
            Self::These(_) => None,
        }
    }

    /// Whether images can be named before all of them are known.
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
