//! Two rules that name one tag at one target: the last one in the file's order has it.

use std::collections::HashMap;

use oci::TagOrDigest;
use sync::{Naming, Selection};

use super::resolve::ResolvedRule;

/// Where a name at a target comes from: rule, target and image, by their positions.
#[derive(Clone, Copy)]
struct Place {
    rule: usize,
    target: usize,
    image: usize,
}

/// Names the rules that copy an image onto itself: most likely a slip, and nothing will be done.
pub(super) fn self_copies(rules: &[ResolvedRule]) -> Vec<String> {
    let onto_itself = |resolved: &&ResolvedRule| {
        let rule = &resolved.rule;
        rule.targets.iter().any(|target| {
            let same_names = match (&rule.selection, &target.naming) {
                (_, Naming::Same | Naming::Matching(_)) => true,
                (Selection::Pinned { .. }, _) => false,
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

/// Takes names away from rules that a later rule gives to another image; says so, a sentence each.
///
/// Only images that are written down can be compared. What listed tags collide in shows when they are listed.
pub(super) fn let_the_last_rule_win(rules: &mut [ResolvedRule]) -> Vec<String> {
    let mut owners: HashMap<(String, TagOrDigest), (String, Place)> = HashMap::new();
    let (mut lost, mut warnings) = (Vec::new(), Vec::new());
    for (rule_index, resolved) in rules.iter().enumerate() {
        let Some(images) = resolved.rule.selection.named() else { continue };
        for (target_index, target) in resolved.rule.targets.iter().enumerate() {
            let names = target.naming.names(&images).unwrap_or_default();
            for (image_index, (image, name)) in images.iter().zip(names).enumerate() {
                let Some(name) = name else { continue };
                let source = format!("{}{}", resolved.rule.source.name(), image.suffix());
                let place = Place { rule: rule_index, target: target_index, image: image_index };
                let shown = format!("{}{}", target.target.name(), name.suffix());
                let key = (target.target.name().to_owned(), name);
                if let Some((earlier, earlier_place)) = owners.insert(key, (source.clone(), place))
                    && earlier != source
                {
                    lost.push(earlier_place);
                    warnings.push(format!(
                        "{shown} is the target of both {earlier} and {source}: the later rule, {source}, is carried out"
                    ));
                }
            }
        }
    }
    for place in lost {
        take_away(&mut rules[place.rule], place);
    }
    warnings
}

fn take_away(resolved: &mut ResolvedRule, place: Place) {
    let Some(images) = resolved.rule.selection.named() else { return };
    let target = &mut resolved.rule.targets[place.target];
    let mut names = target.naming.names(&images).unwrap_or_default();
    if let Some(name) = names.get_mut(place.image) {
        *name = None;
    }
    target.naming = Naming::These(names);
}
