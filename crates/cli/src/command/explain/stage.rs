//! Which stage of a rule's selection keeps or drops an image, as far as its name tells. Pure.

use ::sync::Selection;
use ::sync::select::{Reason, TagSelection};
use oci::TagOrDigest;

use crate::command::expand::selected;

/// The result of a selection for an image.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It is selected, for this reason.
    Selected(String),
    /// Its name is selected; other tags in the listing, or its age, may still leave it out.
    Open(String),
    /// It is left out, by this stage.
    LeftOut(String),
}

/// Applies a selection to an image's name.
pub(super) fn stage(selection: &Selection, image: &TagOrDigest) -> Stage {
    match (selection, image) {
        (Selection::All, TagOrDigest::Tag(_)) => Stage::Selected(selected(selection)),
        (Selection::Matching(pattern), TagOrDigest::Tag(tag)) if pattern.is_match(tag.as_str()) => {
            Stage::Selected(selected(selection))
        }
        (Selection::Chosen(chosen), _) => chosen_stage(chosen, image, selected(selection)),
        (Selection::These(images), _) if images.contains(image) => {
            Stage::Selected("the rule names it".to_owned())
        }
        (Selection::Pinned { digest, .. }, TagOrDigest::Digest(own)) if digest == own => {
            Stage::Selected("the rule names it".to_owned())
        }
        _ => Stage::LeftOut(format!("the rule selects {}", selected(selection))),
    }
}

fn chosen_stage(selection: &TagSelection, image: &TagOrDigest, words: String) -> Stage {
    if selection.pins.contains(image) {
        return Stage::Selected("it stands in `pins`".to_owned());
    }
    let TagOrDigest::Tag(tag) = image else {
        return Stage::LeftOut("pins: the digest does not stand in them".to_owned());
    };
    match selection.reason_by_name(tag) {
        Some(reason) => Stage::LeftOut(format!("{}: {reason}", name(&reason))),
        None if selection.latest.is_some() || selection.ages != ::sync::select::AgeLimits::default() => {
            Stage::Open(words)
        }
        None => Stage::Selected(words),
    }
}

/// The stage that a reason comes from.
fn name(reason: &Reason) -> &'static str {
    match reason {
        Reason::Referrer => "referrers",
        Reason::NotIncluded => "include",
        Reason::NoVersion | Reason::OutOfRange(_) => "semver",
        Reason::OtherVariant => "variants",
        Reason::Prerelease => "prereleases",
        Reason::ExcludedBy(_) => "exclude",
        Reason::TooYoung { .. } | Reason::NoDate => "minAge",
        Reason::TooOld { .. } => "maxAge",
        _ => "latest",
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::Arc;

    use ::sync::select::{Matched, Narrowing, Pattern};

    use super::*;

    #[test]
    fn each_image_has_its_stage() {
        let tag = |text: &str| TagOrDigest::Tag(text.parse().unwrap());
        let pattern = |text| Pattern::new(text, Matched::Tags).unwrap();
        let chosen = TagSelection {
            include: vec![vec![pattern("v*")]],
            exclude: vec![pattern("*-slim")],
            pins: vec![tag("stable")],
            ..TagSelection::default()
        };
        let newest = Narrowing { latest: NonZeroUsize::new(2), ..Narrowing::default() };
        let chosen = Selection::Chosen(Arc::new(newest.of(&chosen)));
        let left_out = |selection: &Selection, text: &str| match stage(selection, &tag(text)) {
            Stage::LeftOut(why) => why,
            other => panic!("{text}: {other:?}"),
        };
        assert!(matches!(stage(&chosen, &tag("v1.0")), Stage::Open(_)));
        assert_eq!(stage(&chosen, &tag("stable")), Stage::Selected("it stands in `pins`".to_owned()));
        assert_eq!(left_out(&chosen, "main"), "include: no pattern of `include` fits it");
        assert_eq!(left_out(&chosen, "v1.0-slim"), "exclude: `*-slim` in `exclude` fits it");
        let these = Selection::These(vec![tag("v1"), tag("v2")]);
        assert_eq!(left_out(&these, "v3"), "the rule selects v1, v2");
        assert_eq!(stage(&Selection::All, &tag("x")), Stage::Selected("all tags".to_owned()));
    }
}
