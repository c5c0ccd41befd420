//! Narrows a rule's tag selection by the command line.

use std::sync::Arc;

use oci::TagOrDigest;
use sync::select::{Matched, Narrowing, Pattern, TagSelection};
use sync::{Naming, RuleTarget, Selection};

/// The narrowed selection. Target names that are paired with images by position are narrowed along.
pub(super) fn narrowed(selection: Selection, targets: &mut [RuleTarget], by: &Narrowing) -> Selection {
    if by.is_none() {
        return selection;
    }
    match selection {
        Selection::All => chosen(by.of(&TagSelection::default())),
        Selection::Chosen(selection) => chosen(by.of(&selection)),
        Selection::Matching(pattern) => match Pattern::new(&format!("/{pattern}/"), Matched::Tags) {
            Ok(pattern) => {
                let own = TagSelection { include: vec![vec![pattern]], ..TagSelection::default() };
                chosen(by.of(&own))
            }
            // The pattern exceeds a selection's limits: select nothing rather than too much.
            Err(_) => named(targets, &[], &[]),
        },
        Selection::These(images) => named(targets, &images, &by.places(&images)),
        Selection::Pinned { tag, .. } if by.places(&[TagOrDigest::Tag(tag.clone())]).is_empty() => {
            named(targets, &[], &[])
        }
        pinned @ Selection::Pinned { .. } => pinned,
    }
}

fn chosen(selection: TagSelection) -> Selection {
    Selection::Chosen(Arc::new(selection))
}

/// Keeps only the images in these places.
fn named(targets: &mut [RuleTarget], images: &[TagOrDigest], places: &[usize]) -> Selection {
    for target in targets {
        if let Naming::These(names) = &target.naming
            && names.len() == images.len().max(1)
        {
            let left = places.iter().filter_map(|place| names.get(*place).cloned());
            target.naming = Naming::These(left.collect());
        }
    }
    Selection::These(places.iter().filter_map(|place| images.get(*place).cloned()).collect())
}
