//! One rule: which images of one source repository go where, under which names.

use std::sync::Arc;

use regex::Regex;
use registry::TagOrDigest;

use crate::endpoint::{Source, Target};

/// Images of one repository, and the repositories that they go to.
#[derive(Clone)]
pub struct Rule {
    /// Where to read.
    pub source: Arc<dyn Source>,
    /// Which images.
    pub selection: Selection,
    /// Where to write.
    pub targets: Vec<RuleTarget>,
}

/// Which images of a repository a rule is about.
#[derive(Clone, Debug)]
pub enum Selection {
    /// Every tag that the registry lists.
    All,
    /// Every tag in which the pattern is found.
    Matching(Regex),
    /// These, whether they exist or not.
    These(Vec<TagOrDigest>),
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
    /// These names, one for each image, in the source's order.
    These(Vec<TagOrDigest>),
}

impl Selection {
    /// Whether a listed tag belongs to the rule.
    pub(crate) fn selects(&self, tag: &str) -> bool {
        match self {
            Self::All => true,
            Self::Matching(pattern) => pattern.is_match(tag),
            Self::These(_) => false,
        }
    }
}

impl Naming {
    /// Whether names can be given image by image, before all are known.
    pub(crate) fn is_by_image(&self) -> bool {
        !matches!(self, Self::These(_))
    }

    /// The name for an image, where that needs no knowledge of the others.
    pub(crate) fn name(&self, image: &TagOrDigest) -> Option<TagOrDigest> {
        match (self, image) {
            (Self::Same, image) => Some(image.clone()),
            (Self::Matching(pattern), image) if pattern.is_match(&image.to_string()) => Some(image.clone()),
            _ => None,
        }
    }
}
