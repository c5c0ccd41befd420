//! Groups failures of several reports by their causes.

use std::collections::HashMap;

use super::alike::MANY;
use super::facts::{FailedRule, FailureGroup};
use crate::output::failure::Failure;
use crate::output::record::{Ended, ImageRecord};

/// The number of examples that a group keeps.
const EXAMPLES: usize = 5;
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
    groups: Vec<FailureGroup>,
    by_cause: HashMap<String, usize>,
}

impl Regrouped {
    pub(super) fn add_rule(&mut self, rule: &FailedRule) {
        self.count(&rule.error);
        self.rules.add(&rule.source, &rule.error);
    }

    pub(super) fn add_image(&mut self, image: &ImageRecord) {
        if image.outcome == Ended::Failed {
            let error = image.error.clone().unwrap_or_default();
            self.count(&error);
            self.images.add(&image.target, &error);
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
        let mut groups = [self.rules.groups, self.images.groups].concat();
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        groups
    }
}

impl Groups {
    fn add(&mut self, name: &str, error: &Failure) {
        let Failure { kind, side, host, hint, message, .. } = error;
        // Older reports have no causes.
        let cause = if error.cause.is_empty() { format!("{kind}\n{hint}") } else { error.cause.clone() };
        let is_new = !self.by_cause.contains_key(&cause);
        let is_too_much = is_new && self.by_cause.len() >= MOST_CAUSES;
        let key = if is_too_much { format!("{side}\n{host}\n{kind}") } else { cause };
        let next = self.groups.len();
        let index = *self.by_cause.entry(key).or_insert(next);
        if index == next {
            self.groups.push(FailureGroup {
                kind: kind.to_string(),
                hint: if is_too_much { MANY.to_owned() } else { hint.clone() },
                count: 0,
                examples: Vec::new(),
                cause: Some(error.cause.clone()).filter(|cause| !is_too_much && !cause.is_empty()),
                side: side.clone(),
                host: host.clone(),
                message: message.clone(),
            });
        }
        let group = &mut self.groups[index];
        group.count += 1;
        if group.examples.len() < EXAMPLES {
            group.examples.push(name.to_owned());
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
            groups.add("r.io/a:v1", &Failure { cause, kind: "other".into(), ..Failure::default() });
        }
        assert_eq!(groups.groups.len(), MOST_CAUSES + 1);
        assert_eq!(groups.groups.iter().map(|group| group.count).sum::<u64>(), 10_000);
        let last = &groups.groups[MOST_CAUSES];
        assert!(last.cause.is_none() && last.hint == MANY && last.examples.len() == EXAMPLES);
    }
}
