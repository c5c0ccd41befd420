//! The images that a source's text selects, and their names at a target.

use std::collections::HashSet;
use std::sync::Arc;

use oci::TagOrDigest;
use sync::select::TagSelection;
use sync::{Naming, RuleTarget, Selection};

use super::image_text::Which;

pub(super) fn selection(which: Which, targets: &[RuleTarget], tags: &Arc<TagSelection>) -> Selection {
    match which {
        Which::Unsaid if !tags.is_all() => Selection::Chosen(tags.clone()),
        // Templates exist only at targets.
        Which::Unsaid | Which::Templated(_) => Selection::All,
        Which::Matching(pattern) => Selection::Matching(pattern),
        Which::Pinned(tag, digest) => Selection::Pinned { tag, digest },
        Which::These(images) => {
            // Names are paired with images by position: duplicates may only be dropped if there are no names.
            let paired = targets.iter().any(|target| matches!(target.naming, Naming::These(_)));
            let mut seen = HashSet::new();
            Selection::These(
                images.into_iter().filter(|image| paired || seen.insert(image.clone())).collect(),
            )
        }
    }
}

pub(super) fn naming(which: Which) -> Naming {
    match which {
        Which::Unsaid => Naming::Same,
        Which::Matching(pattern) => Naming::Matching(pattern),
        Which::Templated(template) => Naming::Templated(template),
        Which::These(names) => Naming::These(names.into_iter().map(Some).collect()),
        Which::Pinned(tag, _) => Naming::These(vec![Some(TagOrDigest::Tag(tag))]),
    }
}
