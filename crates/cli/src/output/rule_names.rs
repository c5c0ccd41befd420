//! What rules are called where events tell of them: a run knows them by number.

use std::sync::Arc;

use super::rule_text::PlannedRule;

/// The names of a run's rules, in their order.
#[derive(Clone, Default)]
pub(crate) struct RuleNames(Arc<[Option<String>]>);

impl RuleNames {
    pub(crate) fn of(rules: &[PlannedRule]) -> Self {
        Self(rules.iter().map(|rule| rule.written.name.clone()).collect())
    }

    /// A place that a rule is about, with the rule's name where it has one.
    pub(super) fn at(&self, rule: usize, place: &str) -> String {
        match self.0.get(rule).and_then(Option::as_deref) {
            Some(name) => format!("{place} (rule \"{name}\")"),
            None => place.to_owned(),
        }
    }
}
