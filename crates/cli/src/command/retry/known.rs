//! Finds the rule that an image came from without scanning all rules: ten thousand failed images may meet as many rules.

use std::collections::HashMap;
use std::sync::Arc;

use ::sync::{PatternRule, Policy, Rule, Selection};
use oci::TagOrDigest;

use crate::config::Resolved;
use crate::output::{covers, made};

/// The rules of the config.
pub(super) struct Known<'a> {
    rules: Vec<&'a Rule>,
    /// Rules by source and target.
    by_way: HashMap<(&'a str, &'a str), Candidates>,
    patterns: Vec<&'a PatternRule>,
    /// The rules that the patterns made for a source.
    made: HashMap<String, Vec<Rule>>,
}

/// Rules by their place in the config, in order.
#[derive(Default)]
struct Candidates {
    /// Rules whose images come from the registry's list.
    listed: Vec<usize>,
    named: HashMap<TagOrDigest, Vec<usize>>,
}

impl<'a> Known<'a> {
    pub(super) fn of(whole: &'a Resolved) -> Self {
        let rules = whole.rules.iter().map(|resolved| &resolved.rule).collect();
        let patterns = whole.patterns.iter().map(|resolved| &resolved.rule).collect();
        Self::new(rules, patterns)
    }

    fn new(rules: Vec<&'a Rule>, patterns: Vec<&'a PatternRule>) -> Self {
        let mut by_way = HashMap::<_, Candidates>::new();
        for (place, rule) in rules.iter().copied().enumerate() {
            let named = rule.selection.named();
            for target in &rule.targets {
                let candidates = by_way.entry((rule.source.name(), target.target.name())).or_default();
                match &named {
                    None => candidates.listed.push(place),
                    Some(images) => images.iter().for_each(|image| candidates.name(image, place)),
                }
            }
        }
        Self { rules, by_way, patterns, made: HashMap::new() }
    }

    /// The policy of the first rule that copies these images of `source` to `target`, and the selection: a rule that failed as a whole is
    /// retried with its own selection, which the text of an image list cannot express.
    pub(super) fn terms(
        &mut self,
        (source, target): (&str, &str),
        selection: &Selection,
    ) -> Option<(Arc<Policy>, Selection)> {
        let terms = |rule: &Rule| {
            let own = match (&rule.selection, selection) {
                (own @ Selection::Chosen(_), Selection::All | Selection::Chosen(_)) => own,
                _ => selection,
            };
            (rule.policy.clone(), own.clone())
        };
        let written = self.written(source, target, selection).map(terms);
        written.or_else(|| self.of_pattern(source, target, selection).map(terms))
    }

    fn written(&self, source: &str, target: &str, selection: &Selection) -> Option<&'a Rule> {
        let candidates = self.by_way.get(&(source, target))?;
        let images = selection.named().unwrap_or_default();
        let listed =
            candidates.listed.iter().copied().find(|place| covers(&self.rules[*place].selection, selection));
        let named = candidates.first_with_all(&images);
        let place = listed.into_iter().chain(named).min()?;
        Some(self.rules[place])
    }

    fn of_pattern(&mut self, source: &str, target: &str, selection: &Selection) -> Option<&Rule> {
        if !self.made.contains_key(source) {
            let rules = self.patterns.iter().filter_map(|pattern| made(pattern, source)).collect();
            self.made.insert(source.to_owned(), rules);
        }
        self.made[source].iter().find(|rule| {
            rule.targets.iter().any(|known| known.target.name() == target)
                && covers(&rule.selection, selection)
        })
    }
}

impl Candidates {
    fn name(&mut self, image: &TagOrDigest, place: usize) {
        let places = self.named.entry(image.clone()).or_default();
        if places.last() != Some(&place) {
            places.push(place);
        }
    }

    /// The first rule that names all these images.
    fn first_with_all(&self, images: &[TagOrDigest]) -> Option<usize> {
        let (first, others) = images.split_first()?;
        let has = |place: usize, image| {
            self.named.get(image).is_some_and(|places| places.binary_search(&place).is_ok())
        };
        let places = self.named.get(first)?.iter().copied();
        places.into_iter().find(|place| others.iter().all(|image| has(*place, image)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(tags: &[&str]) -> Vec<TagOrDigest> {
        tags.iter().map(|tag| TagOrDigest::Tag(tag.parse().unwrap())).collect()
    }

    #[test]
    fn c8_the_first_rule_that_names_all_images_is_found() {
        let mut candidates = Candidates::default();
        let rules: [&[&str]; 4] = [&["v1", "v1"], &["v2"], &["v3", "v1", "v2"], &["v2", "v1"]];
        for (place, tags) in rules.into_iter().enumerate() {
            for image in &images(tags) {
                candidates.name(image, place);
            }
        }
        let first = |tags| candidates.first_with_all(&images(tags));
        assert_eq!((first(&["v1"]), first(&["v2"]), first(&["v3"])), (Some(0), Some(1), Some(2)));
        assert_eq!((first(&["v1", "v2"]), first(&["v2", "v3"])), (Some(2), Some(2)));
        assert_eq!((first(&["v4"]), first(&["v1", "v4"]), first(&[])), (None, None, None));
        assert_eq!(candidates.named[&images(&["v1"])[0]], [0, 2, 3], "a rule stands there once");
    }
}
