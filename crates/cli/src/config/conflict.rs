//! Warnings about rules that conflict, as far as the config alone shows it.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use oci::{TagOrDigest, as_place};
use sync::{Naming, RuleTarget, Selection};

use super::images::{Section, WrittenRule};
use super::resolved::ResolvedRule;

/// Names the rules that copy an image onto itself: most likely a mistake, and the copy does nothing.
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
            same_names && as_place(target.target.name()) == as_place(rule.source.name())
        })
    };
    let warning = |resolved: &ResolvedRule| {
        let WrittenRule { name, source, .. } = &resolved.written;
        let rule = name.as_ref().map(|name| format!("rule \"{name}\": ")).unwrap_or_default();
        format!("{rule}`{source}` is copied onto itself")
    };
    rules.iter().filter(onto_itself).map(warning).collect()
}

/// An image from the config, with its name at a target.
struct Named<'a> {
    /// Normalized, whatever spelling the config uses for the host.
    target: Cow<'a, str>,
    name: TagOrDigest,
    image: TagOrDigest,
    /// In the form for messages.
    source: String,
}

impl Named<'_> {
    fn shown(&self) -> String {
        format!("{}{}", self.target, self.name.suffix())
    }
}

/// Only images that the config names can be compared. Listed tags are compared when they are listed.
fn named_images(resolved: &ResolvedRule) -> Vec<Named<'_>> {
    let Some(images) = resolved.rule.selection.named() else { return Vec::new() };
    let of_target = |target: &RuleTarget| target.naming.names(&images).unwrap_or_default();
    let mut all = Vec::new();
    for target in &resolved.rule.targets {
        for (image, name) in images.iter().zip(of_target(target)) {
            let source = format!("{}{}", as_place(resolved.rule.source.name()), image.suffix());
            let (target, image) = (as_place(target.target.name()), image.clone());
            all.extend(name.map(|name| Named { target, name, image, source }));
        }
    }
    all
}

/// Names that rules give to more than one image; the last rule's image is copied. This is a warning only, because no digest is known: the
/// images may be the same.
pub(crate) fn shared_names(rules: &[ResolvedRule]) -> Vec<String> {
    let mut owners: HashMap<(Cow<'_, str>, TagOrDigest), String> = HashMap::new();
    let mut warnings = Vec::new();
    for named in rules.iter().flat_map(named_images) {
        let (shown, source) = (named.shown(), named.source);
        let earlier = owners.insert((named.target, named.name), source.clone());
        if let Some(earlier) = earlier.filter(|earlier| *earlier != source) {
            warnings.push(format!(
                "{shown} is the target of both {earlier} and {source}: the later rule, {source}, is carried out"
            ));
        }
    }
    warnings
}

/// A rule of `sync` that gives a name to another image than an earlier rule does.
pub(super) struct Collision {
    /// The later rule's place among all rules.
    pub(super) order: usize,
    pub(super) problem: String,
}

/// Conflicts between rules of `sync`, one for each pair of rules. Two names for one digest are no conflict.
pub(super) fn collisions(rules: &[ResolvedRule]) -> Vec<Collision> {
    let mut owners: HashMap<(Cow<'_, str>, TagOrDigest), (&WrittenRule, TagOrDigest, String)> =
        HashMap::new();
    let (mut collisions, mut told) = (Vec::new(), HashSet::new());
    for resolved in rules.iter().filter(|resolved| resolved.written.section == Section::Sync) {
        let written = &resolved.written;
        for named in named_images(resolved) {
            let shown = named.shown();
            let Named { target, name, image, source } = named;
            let (earlier, its_image, its_source) =
                owners.entry((target, name)).or_insert_with(|| (written, image.clone(), source.clone()));
            let is_one_digest = matches!(image, TagOrDigest::Digest(_)) && image == *its_image;
            if source != *its_source && !is_one_digest && told.insert((earlier.order, written.order)) {
                let problem = format!(
                    "{shown} would come from both {its_source} (rule {}, line {}) and {source} (rule {})",
                    earlier.shown(),
                    earlier.line,
                    written.shown()
                );
                collisions.push(Collision { order: written.order, problem });
            }
        }
    }
    collisions
}
