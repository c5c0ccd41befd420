//! What the command line takes from the tags that a rule selects.

use std::sync::Arc;

use oci::TagOrDigest;
use sync::select::{Matched, Narrowing, Pattern, TagSelection};
use sync::{Naming, RuleTarget, Selection};

/// What is left of a selection. Names that are paired with images by position go with them.
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
            // Too large for a selection's limits: nothing wider is copied instead.
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

/// The images in these places alone.
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
