//! Rules that can be carried out, and those that cannot.

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
    /// Rules about many repositories: they come after the others.
    pub(crate) patterns: Vec<ResolvedPattern>,
    /// What a plan has already decided, by rule.
    pub(crate) tasks: Vec<ResolvedTasks>,
    pub(crate) refused: Vec<RefusedRule>,
    /// All registries that the rules speak to.
    pub(crate) registries: SharedRegistries,
    pub(crate) warnings: Vec<String>,
}

/// A rule with how it was written.
pub(crate) struct ResolvedRule {
    /// The source's text, and those of the targets after defaults and variables.
    pub(crate) written: WrittenRule,
    pub(crate) rule: Rule,
    pub(crate) logins: RuleLogins,
}

/// A rule about many repositories with how it was written.
pub(crate) struct ResolvedPattern {
    /// The source's text, and those of the targets after variables.
    pub(crate) written: WrittenRule,
    pub(crate) rule: PatternRule,
    /// Which tags of each repository that matches are meant.
    pub(crate) tags: Selection,
    /// Those of any repository that matches: entries for single repositories may give them others.
    pub(crate) logins: RuleLogins,
}

/// What a plan has decided of one rule.
pub(crate) struct ResolvedTasks {
    /// As it was when the plan was made.
    pub(crate) written: WrittenRule,
    pub(crate) tasks: Vec<BoundTask>,
}

/// A rule that cannot be carried out, beside others that can.
pub(crate) struct RefusedRule {
    pub(crate) written: WrittenRule,
    pub(crate) error: ConfigError,
    /// For how many rules, or images of a plan, it stands.
    pub(crate) count: usize,
}

/// Which logins a rule uses.
#[derive(Clone, Debug, Default)]
pub(crate) struct RuleLogins {
    pub(crate) source: Option<LoginOrigin>,
    /// In the order of the targets.
    pub(crate) targets: Vec<Option<LoginOrigin>>,
}

/// All registries of a run. Patterns lead to more while it goes on.
#[derive(Clone)]
pub(crate) struct SharedRegistries(Arc<Mutex<Registries>>);

impl SharedRegistries {
    pub(super) fn new(registries: Registries) -> Self {
        Self(Arc::new(Mutex::new(registries)))
    }

    /// Those of these logins, before anybody has named one.
    pub(crate) fn with_logins(auth: Auth, lookup: Lookup<'_>, transport: &Transport) -> Self {
        Self::new(Registries::new(auth, lookup, transport))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Registries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
