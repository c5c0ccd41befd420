//! The names of rules for events, which refer to rules by index.

use std::sync::Arc;

use super::rule_text::PlannedRule;

/// The names of a run's rules, in order.
#[derive(Clone, Default)]
pub(crate) struct RuleNames(Arc<[Named]>);

struct Named {
    /// `None` if the rule has no name.
    name: Option<String>,
    /// The name, or else the source.
    label: Arc<str>,
}

impl RuleNames {
    pub(crate) fn of(rules: &[PlannedRule]) -> Self {
        let named = |rule: &PlannedRule| Named {
            name: rule.written.in_config().name.clone(),
            label: rule.written.shared_label(),
        };
        Self(rules.iter().map(named).collect())
    }

    /// A place that a rule is about, with the rule's name if it has one.
    pub(super) fn at(&self, rule: usize, place: &str) -> String {
        match self.0.get(rule).and_then(|rule| rule.name.as_deref()) {
            Some(name) => format!("{place} (rule \"{name}\")"),
            None => place.to_owned(),
        }
    }

    /// The rule's label in documents.
    pub(super) fn label(&self, rule: usize) -> Option<&str> {
        self.0.get(rule).map(|rule| &*rule.label)
    }
}
