//! Finds the rules that an image came from without scanning all rules: ten thousand failed images may meet as many rules.

use std::collections::HashMap;
use std::sync::Arc;

use ::sync::select::{AgeLimits, TagSelection};
use ::sync::{PatternRule, Policy, Rule, RuleTarget, Selection};
use oci::TagOrDigest;

use crate::config::Resolved;
use crate::output::{behind, covers, made};

/// The rules of the config.
pub(super) struct Known<'a> {
    /// Each with its order in the config.
    rules: Vec<(usize, &'a Rule)>,
    /// Rules by source and target.
    by_way: HashMap<(&'a str, &'a str), Candidates>,
    patterns: Vec<(usize, &'a PatternRule)>,
    /// The rules that the patterns made for a source.
    made: HashMap<String, Vec<(usize, Rule)>>,
}

/// How images are tried again.
pub(super) struct Terms {
    pub(super) policy: Arc<Policy>,
    pub(super) selection: Selection,
    /// The orders of the rules that want this, the first one first.
    pub(super) orders: Vec<usize>,
}

/// Images that are tried again at one target.
struct Sought<'a> {
    source: &'a str,
    target: &'a RuleTarget,
    selection: &'a Selection,
    /// Empty if the registry's list decides.
    images: Vec<TagOrDigest>,
    /// Their names at the target.
    names: Vec<Name>,
}

/// The name of an image at a target; `None` if it is not copied there.
type Name = Option<TagOrDigest>;

/// Which rules are those of an image.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    /// Those that give it the same name.
    Alike,
    /// All that copy it to the same repository.
    Any,
}

/// Rules by their place among the rules, in order.
#[derive(Default)]
struct Candidates {
    /// Rules whose images come from the registry's list.
    listed: Vec<usize>,
    named: HashMap<TagOrDigest, Vec<(usize, Name)>>,
}

impl<'a> Known<'a> {
    pub(super) fn of(whole: &'a Resolved) -> Self {
        let rules = whole.rules.iter().map(|resolved| (resolved.written.order, &resolved.rule)).collect();
        let patterns = whole.patterns.iter().map(|resolved| (resolved.written.order, &resolved.rule));
        Self::new(rules, patterns.collect())
    }

    fn new(rules: Vec<(usize, &'a Rule)>, patterns: Vec<(usize, &'a PatternRule)>) -> Self {
        let mut by_way = HashMap::<_, Candidates>::new();
        for (place, (_, rule)) in rules.iter().copied().enumerate() {
            for target in &rule.targets {
                let candidates = by_way.entry((rule.source.name(), target.target.name())).or_default();
                candidates.add(place, rule, target);
            }
        }
        Self { rules, by_way, patterns, made: HashMap::new() }
    }

    /// How the rules that copy these images of `source` to `target` copy them; empty if no rule does.
    ///
    /// Images that are named are copied once, by what all those rules want together, as in a run of the config. What the registry's list
    /// decides is tried again by each rule with its own selection, which the text of an image list cannot express.
    pub(super) fn terms(&mut self, source: &str, target: &RuleTarget, selection: &Selection) -> Vec<Terms> {
        if !self.made.contains_key(source) {
            let made = |(order, pattern): &(usize, &PatternRule)| Some((*order, made(pattern, source)?));
            self.made.insert(source.to_owned(), self.patterns.iter().filter_map(made).collect());
        }
        let sought = Sought::new(source, target, selection);
        let mut rules = self.rules_of(&sought, Names::Alike);
        if rules.is_empty() {
            rules = self.rules_of(&sought, Names::Any);
        }
        rules.sort_by_key(|(order, _)| *order);
        if sought.images.is_empty() {
            terms_of_list(&rules, selection)
        } else {
            terms_of_images(&rules, &sought)
        }
    }

    fn rules_of(&self, sought: &Sought<'_>, names: Names) -> Vec<(usize, &Rule)> {
        let mut found = Vec::new();
        if let Some(candidates) = self.by_way.get(&(sought.source, sought.target.target.name())) {
            let is_listed = |place: &usize| sought.is_copied_by(self.rules[*place].1, names);
            found.extend(candidates.listed.iter().copied().filter(is_listed));
            found.extend(candidates.with_all((&sought.images, &sought.names), names));
        }
        let written = found.into_iter().map(|place| self.rules[place]);
        let made = self.made.get(sought.source).into_iter().flatten();
        let made =
            made.filter(|(_, rule)| sought.is_copied_by(rule, names)).map(|(order, rule)| (*order, rule));
        written.chain(made).collect()
    }
}

impl Terms {
    /// Whether a rule has these terms.
    pub(super) fn are_those_of(&self, rule: &Rule) -> bool {
        rule.policy == self.policy
            && match (&rule.selection, &self.selection) {
                (Selection::Chosen(theirs), Selection::Chosen(own)) => Arc::ptr_eq(theirs, own),
                (Selection::Chosen(_), _) | (_, Selection::Chosen(_)) => false,
                _ => true,
            }
    }
}

impl<'a> Sought<'a> {
    fn new(source: &'a str, target: &'a RuleTarget, selection: &'a Selection) -> Self {
        let images = selection.named().unwrap_or_default();
        let names = names_at(target, &images);
        Self { source, target, selection, images, names }
    }

    /// Whether a rule about the source copies all of them to the target.
    fn is_copied_by(&self, rule: &Rule, names: Names) -> bool {
        let mut targets = rule.targets.iter().filter(|own| own.target.name() == self.target.target.name());
        covers(&rule.selection, self.selection)
            && targets.any(|own| names == Names::Any || self.is_named_alike(own))
    }

    fn is_named_alike(&self, own: &RuleTarget) -> bool {
        if self.images.is_empty() {
            return behind(&own.naming) == behind(&self.target.naming);
        }
        own.naming.names(&self.images).is_ok_and(|names| names == self.names)
    }

    /// Whether a rule that covers them may leave some of them out, because of their age or of newer tags.
    fn may_be_left_out_by(&self, rule: &Rule) -> bool {
        let is_pinned =
            |selection: &TagSelection| self.images.iter().all(|image| selection.pins.contains(image));
        match &rule.selection {
            Selection::Chosen(selection) => {
                (selection.latest.is_some() || selection.ages != AgeLimits::default())
                    && !is_pinned(selection)
            }
            _ => false,
        }
    }
}

/// What all rules want together. What becomes of other images at the target is decided by the last rule that is sure to copy these: one
/// that may not have selected them does not decide it.
fn terms_of_images(rules: &[(usize, &Rule)], sought: &Sought<'_>) -> Vec<Terms> {
    let policies = rules.iter().map(|(_, rule)| rule.policy.clone());
    let Some(policy) = policies.reduce(|policy, later| merged(policy, &later)) else { return Vec::new() };
    let policy = match rules.iter().rfind(|(_, rule)| !sought.may_be_left_out_by(rule)) {
        Some((_, last)) => merged(policy, &last.policy),
        None => policy,
    };
    let orders = rules.iter().map(|(order, _)| *order).collect();
    vec![Terms { policy, selection: sought.selection.clone(), orders }]
}

/// Each selection from the whole list by itself, and the others, which have the list's text, together.
fn terms_of_list(rules: &[(usize, &Rule)], selection: &Selection) -> Vec<Terms> {
    let mut all: Vec<Terms> = Vec::new();
    for (order, rule) in rules {
        let own = match &rule.selection {
            own @ Selection::Chosen(_) => own,
            _ => selection,
        };
        let is_same = |terms: &&mut Terms| {
            !matches!((own, &terms.selection), (Selection::Chosen(_), _) | (_, Selection::Chosen(_)))
        };
        if let Some(terms) = all.iter_mut().find(is_same) {
            terms.policy = merged(terms.policy.clone(), &rule.policy);
            terms.orders.push(*order);
        } else {
            let (policy, selection) = (rule.policy.clone(), own.clone());
            all.push(Terms { policy, selection, orders: vec![*order] });
        }
    }
    all
}

fn merged(policy: Arc<Policy>, later: &Arc<Policy>) -> Arc<Policy> {
    if policy == *later { policy } else { policy.merged(later).into() }
}

/// The names of images at a target.
fn names_at(target: &RuleTarget, images: &[TagOrDigest]) -> Vec<Name> {
    target.naming.names(images).unwrap_or_else(|_| vec![None; images.len()])
}

impl Candidates {
    fn add(&mut self, place: usize, rule: &Rule, target: &RuleTarget) {
        let Some(images) = rule.selection.named() else {
            if self.listed.last() != Some(&place) {
                self.listed.push(place);
            }
            return;
        };
        let names = names_at(target, &images);
        for (image, name) in images.into_iter().zip(names) {
            self.named.entry(image).or_default().push((place, name));
        }
    }

    /// The rules that name all these images.
    fn with_all(&self, (images, at_target): (&[TagOrDigest], &[Name]), names: Names) -> Vec<usize> {
        let mut images = images.iter().zip(at_target);
        let Some((first, name)) = images.next() else { return Vec::new() };
        let of = |image: &TagOrDigest| self.named.get(image).into_iter().flatten();
        let is_wanted = |own: &Name, name: &Name| names == Names::Any || own == name;
        let has = |place: usize, (image, name): (&TagOrDigest, &Name)| {
            of(image).any(|(own_place, own)| *own_place == place && is_wanted(own, name))
        };
        let mut places: Vec<_> =
            of(first).filter(|(_, own)| is_wanted(own, name)).map(|(place, _)| *place).collect();
        places.dedup();
        places.retain(|place| images.clone().all(|image| has(*place, image)));
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(tag: &str) -> TagOrDigest {
        TagOrDigest::Tag(tag.parse().unwrap())
    }

    #[test]
    fn c8_the_rules_that_name_all_images_are_found() {
        let mut candidates = Candidates::default();
        let rules: [&[(&str, &str)]; 4] = [
            &[("v1", "v1"), ("v1", "w1")],
            &[("v2", "v2")],
            &[("v3", "v3"), ("v1", "v1"), ("v2", "v2")],
            &[("v2", "v2"), ("v1", "w1")],
        ];
        for (place, images) in rules.into_iter().enumerate() {
            for (tag, name) in images {
                candidates.named.entry(image(tag)).or_default().push((place, Some(image(name))));
            }
        }
        let found = |images: &[(&str, &str)], names| {
            let images = images.iter().map(|(tag, name)| (image(tag), Some(image(name))));
            let (images, at_target): (Vec<_>, Vec<_>) = images.unzip();
            candidates.with_all((&images, &at_target), names)
        };
        for (images, alike, any) in [
            (&[("v1", "v1")][..], &[0, 2][..], &[0, 2, 3][..]),
            (&[("v1", "w1")], &[0, 3], &[0, 2, 3]),
            (&[("v1", "x1")], &[], &[0, 2, 3]),
            (&[("v1", "v1"), ("v2", "v2")], &[2], &[2, 3]),
            (&[("v2", "v2"), ("v3", "v3")], &[2], &[2]),
            (&[("v4", "v4")], &[], &[]),
            (&[("v1", "v1"), ("v4", "v4")], &[], &[]),
            (&[], &[], &[]),
        ] {
            assert_eq!(found(images, Names::Alike), alike, "{images:?}");
            assert_eq!(found(images, Names::Any), any, "{images:?}");
        }
    }
}
