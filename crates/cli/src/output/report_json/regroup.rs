//! Groups failures of several reports by their causes.

use std::collections::HashMap;

use super::alike::MANY;
use super::facts::{FailedRule, FailureGroup};
use crate::diagnostic::{Examples, Offered, Place};
use crate::output::failure::Failure;
use crate::output::record::{Ended, ImageRecord};

/// The number of causes that are distinguished; later ones are grouped by registry and kind.
const MOST_CAUSES: usize = 500;

/// Failures of several runs.
#[derive(Default)]
pub(super) struct Regrouped {
    rules: Groups,
    images: Groups,
    /// Failures that are not about a login.
    not_by_login: u64,
}

#[derive(Default)]
struct Groups {
    groups: Vec<Group>,
    by_cause: HashMap<String, usize>,
}

/// Failures with one cause.
struct Group {
    /// Without its examples.
    facts: FailureGroup,
    examples: Examples<String>,
}

impl Regrouped {
    pub(super) fn add_rule(&mut self, rule: &FailedRule) {
        self.count(&rule.error);
        self.rules.add(Place::of_list(&rule.source, &rule.error.operation), &rule.source, &rule.error);
    }

    pub(super) fn add_image(&mut self, image: &ImageRecord) {
        if image.outcome == Ended::Failed {
            let error = image.error.clone().unwrap_or_default();
            self.count(&error);
            self.images.add(Place::of_image(&image.target, &image.source), &image.target, &error);
        }
    }

    fn count(&mut self, error: &Failure) {
        self.not_by_login += u64::from(!matches!(&*error.kind, "unauthorized" | "denied"));
    }

    /// Whether all failures are about refused logins.
    pub(super) fn are_all_by_login(&self) -> bool {
        self.not_by_login == 0
    }

    /// The groups, the most frequent first.
    pub(super) fn finish(self) -> Vec<FailureGroup> {
        let mut groups: Vec<_> = self.rules.groups.into_iter().chain(self.images.groups).collect();
        groups.sort_by_cached_key(|group| group.examples.order(group.facts.count));
        let whole = |Group { facts, examples }: Group| FailureGroup {
            examples: examples.all().cloned().collect(),
            ..facts
        };
        groups.into_iter().map(whole).collect()
    }
}

impl Groups {
    fn add(&mut self, place: Place, name: &str, error: &Failure) {
        let Failure { kind, side, host, hint, message, .. } = error;
        // Older reports have no causes.
        let cause = if error.cause.is_empty() { format!("{kind}\n{hint}") } else { error.cause.clone() };
        let is_new = !self.by_cause.contains_key(&cause);
        let is_too_much = is_new && self.by_cause.len() >= MOST_CAUSES;
        let key = if is_too_much { format!("{side}\n{host}\n{kind}") } else { cause };
        let next = self.groups.len();
        let index = *self.by_cause.entry(key).or_insert(next);
        if index == next {
            let facts = FailureGroup {
                kind: kind.to_string(),
                hint: MANY.to_owned(),
                cause: Some(error.cause.clone()).filter(|cause| !is_too_much && !cause.is_empty()),
                side: side.clone(),
                host: host.clone(),
                ..FailureGroup::default()
            };
            self.groups.push(Group { facts, examples: Examples::default() });
        }
        let Group { facts, examples } = &mut self.groups[index];
        facts.count += 1;
        if examples.offer(place, name.to_owned()) == Offered::First {
            facts.message.clone_from(message);
            if !is_too_much {
                facts.hint.clone_from(hint);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_causes_take_no_memory() {
        let mut groups = Groups::default();
        for number in 0..10_000 {
            let cause = format!("{number}");
            let place = Place::of_image("r.io/a:v1", "q.io/a:v1");
            groups.add(place, "r.io/a:v1", &Failure { cause, kind: "other".into(), ..Failure::default() });
        }
        assert_eq!(groups.groups.len(), MOST_CAUSES + 1);
        assert_eq!(groups.groups.iter().map(|group| group.facts.count).sum::<u64>(), 10_000);
        let Group { facts, examples } = &groups.groups[MOST_CAUSES];
        assert!(facts.cause.is_none() && facts.hint == MANY && examples.all().count() == 5);
    }

    #[test]
    fn the_first_example_is_one_that_people_know() {
        let mut regrouped = Regrouped::default();
        let signature = format!("r.io/a:sha256-{}.sig", oci::Digest::sha256(b"x").hex());
        for (target, message) in [(&*signature, "of the signature"), ("r.io/a:v1", "of the image")] {
            let image = serde_json::json!({"source": target, "target": target, "outcome": "failed",
                "error": {"kind": "denied", "message": message, "hint": "ask", "cause": "1"}});
            regrouped.add_image(&serde_json::from_value(image).unwrap());
        }
        let groups = regrouped.finish();
        assert_eq!(groups.len(), 1);
        assert_eq!((&*groups[0].message, &*groups[0].hint), ("of the image", "ask"));
        assert_eq!(groups[0].examples, ["r.io/a:v1".to_owned(), signature]);
    }
}
