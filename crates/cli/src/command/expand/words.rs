//! The selection of rules, in words.

use serde_json::{Value, json};
use sync::select::Pattern;
use sync::{Naming, ReferrerPolicy, Selection};

pub(super) const ALL_TAGS: &str = "all tags";

/// The selected tags of a repository.
pub(in crate::command) fn selected(selection: &Selection) -> String {
    match selection {
        Selection::All => ALL_TAGS.to_owned(),
        Selection::Chosen(selection) => format!("tags with {selection}"),
        Selection::Matching(pattern) => format!("tags that match /{pattern}/"),
        Selection::These(images) => list(images),
        Selection::Pinned { tag, digest } => format!("{digest} (written as `{tag}`)"),
    }
}

/// The names at the target.
pub(super) fn names(naming: &Naming) -> String {
    match naming {
        Naming::Same => "the same names".to_owned(),
        Naming::Matching(pattern) => format!("the same names, where they match /{pattern}/"),
        Naming::Templated(template) => format!("each as {template}"),
        Naming::These(names) => list(&names.iter().flatten().cloned().collect::<Vec<_>>()),
    }
}

fn list(images: &[oci::TagOrDigest]) -> String {
    images.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Lists of patterns, without the lists that match everything.
pub(super) fn pattern_lists(lists: &[Vec<Pattern>]) -> Vec<Vec<String>> {
    let texts = |any_of: &Vec<Pattern>| any_of.iter().map(ToString::to_string).collect();
    lists.iter().filter(|any_of| !any_of.is_empty()).map(texts).collect()
}

/// In the form of the key `referrers` of a rule.
pub(super) fn kinds(referrers: &ReferrerPolicy) -> Value {
    match referrers {
        ReferrerPolicy::Leave => json!(false),
        ReferrerPolicy::Copy => json!(true),
        // A rule has one filter; filters are combined only during a run.
        ReferrerPolicy::ByType(types) => json!(types)[0].take(),
    }
}
