//! Rules that can be carried out, and refused ones.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use registry::Transport;
use sync::{BoundTask, PatternRule, Rule, Selection};

use super::auth::Auth;
use super::environment::Lookup;
use super::error::ConfigError;
use super::images::WrittenRule;
use super::registries::{LoginOrigin, Registries};

/// Rules that can be carried out.
pub(crate) struct Resolved {
    pub(crate) rules: Vec<ResolvedRule>,
    /// Rules about many repositories. They run after the others.
    pub(crate) patterns: Vec<ResolvedPattern>,
    /// The tasks of a plan, by rule.
    pub(crate) tasks: Vec<ResolvedTasks>,
    pub(crate) refused: Vec<RefusedRule>,
    /// All registries of the rules.
    pub(crate) registries: SharedRegistries,
    pub(crate) warnings: Vec<String>,
}

/// A rule with its text.
pub(crate) struct ResolvedRule {
    /// The source's text, and those of the targets after defaults and variables.
    pub(crate) written: WrittenRule,
    pub(crate) rule: Rule,
    pub(crate) logins: RuleLogins,
}

/// A rule about many repositories with its text.
pub(crate) struct ResolvedPattern {
    /// The source's text, and those of the targets after variables.
    pub(crate) written: WrittenRule,
    pub(crate) rule: PatternRule,
    /// The tags that are selected in each matching repository.
    pub(crate) tags: Selection,
    /// The logins for any matching repository: entries for single repositories may override them.
    pub(crate) logins: RuleLogins,
}

/// The tasks of one rule in a plan.
pub(crate) struct ResolvedTasks {
    /// The rule when the plan was made.
    pub(crate) written: WrittenRule,
    pub(crate) tasks: Vec<BoundTask>,
}

/// A rule that cannot be carried out while others can.
pub(crate) struct RefusedRule {
    pub(crate) written: WrittenRule,
    pub(crate) error: ConfigError,
    /// The number of rules, or of images of a plan, that it stands for.
    pub(crate) count: usize,
}

/// The logins of a rule.
#[derive(Clone, Debug, Default)]
pub(crate) struct RuleLogins {
    pub(crate) source: Option<LoginOrigin>,
    /// In the order of the targets.
    pub(crate) targets: Vec<Option<LoginOrigin>>,
}

/// All registries of a run. Patterns add more during the run.
#[derive(Clone)]
pub(crate) struct SharedRegistries(Arc<Mutex<Registries>>);

impl SharedRegistries {
    pub(super) fn new(registries: Registries) -> Self {
        Self(Arc::new(Mutex::new(registries)))
    }

    /// Registries with these logins, none of them used yet.
    pub(crate) fn with_logins(auth: Auth, lookup: Lookup<'_>, transport: &Transport) -> Self {
        Self::new(Registries::new(auth, lookup, transport))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Registries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
