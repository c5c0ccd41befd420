//! What is odd about rules beside each other, as far as it can be seen before anybody is asked.

use std::collections::HashMap;

use oci::TagOrDigest;
use sync::{Naming, Selection};

use super::resolved::ResolvedRule;

/// Names the rules that copy an image onto itself: most likely a slip, and nothing will be done.
pub(super) fn self_copies(rules: &[ResolvedRule]) -> Vec<String> {
    let onto_itself = |resolved: &&ResolvedRule| {
        let rule = &resolved.rule;
        rule.targets.iter().any(|target| {
            let same_names = match (&rule.selection, &target.naming) {
                (_, Naming::Same | Naming::Matching(_)) => true,
                (Selection::Pinned { .. }, _) | (_, Naming::Templated(_)) => false,
                (selection, Naming::These(names)) => {
                    let images = selection.named().unwrap_or_default();
                    images.iter().zip(names).any(|(image, name)| name.as_ref() == Some(image))
                }
            };
            same_names && target.target.name() == rule.source.name()
        })
    };
    let warning = |resolved: &ResolvedRule| format!("`{}` is copied onto itself", resolved.written.source);
    rules.iter().filter(onto_itself).map(warning).collect()
}

/// Names that rules give to more than one image; of these the last rule's is carried out. Told where nothing is asked about
/// the images themselves: they may be the same.
///
/// Only images that are written down can be compared. What listed tags collide in shows when they are listed.
pub(crate) fn shared_names(rules: &[ResolvedRule]) -> Vec<String> {
    let mut owners: HashMap<(&str, TagOrDigest), String> = HashMap::new();
    let mut warnings = Vec::new();
    for resolved in rules {
        let Some(images) = resolved.rule.selection.named() else { continue };
        for target in &resolved.rule.targets {
            let names = target.naming.names(&images).unwrap_or_default();
            for (image, name) in images.iter().zip(names) {
                let Some(name) = name else { continue };
                let source = format!("{}{}", resolved.rule.source.name(), image.suffix());
                let shown = format!("{}{}", target.target.name(), name.suffix());
                let earlier = owners.insert((target.target.name(), name), source.clone());
                if let Some(earlier) = earlier.filter(|earlier| *earlier != source) {
                    warnings.push(format!(
                        "{shown} is the target of both {earlier} and {source}: the later rule, {source}, is carried out"
                    ));
                }
            }
        }
    }
    warnings
}
