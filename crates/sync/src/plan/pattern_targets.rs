//! The targets of a pattern's repositories: no two repositories get the same target, and no copies are copied again.

use std::collections::HashMap;
use std::sync::Arc;

use oci::RepositoryName;

use crate::{Cause, PatternRule, Rule, SharedTarget};

/// How many left-out repositories are named in a message.
const TOLD: usize = 3;

/// The targets of one pattern's repositories.
pub struct PatternTargets {
    registry: Arc<str>,
    /// Prefixes that the pattern matches, but to which the rule itself writes.
    below: Vec<String>,
    /// The sources, by their targets.
    taken: HashMap<Arc<str>, Arc<str>>,
    left_out: Vec<Arc<str>>,
}

impl PatternTargets {
    /// No targets yet.
    pub fn new(rule: &PatternRule) -> Self {
        let registry: Arc<str> = rule.listing.name().into();
        let mut components = vec![&*registry];
        components.extend(rule.pattern.literal_front());
        let source_front = format!("{}/", components.join("/"));
        // A target prefix that is no deeper than the source's prefix does not help: the repositories to copy lie
        // below it, too.
        let deeper = rule.targets.iter().filter(|target| target.front.starts_with(&source_front));
        let below = deeper.map(|target| format!("{}/", target.front)).collect();
        Self { registry, below, taken: HashMap::new(), left_out: Vec::new() }
    }

    /// The rule for a repository. `None` if the pattern does not match, or if the repository is most likely a copy
    /// that this rule made.
    ///
    /// # Errors
    /// The target name is invalid, or another repository is already copied to it.
    pub fn rule_of(
        &mut self,
        rule: &PatternRule,
        repository: &RepositoryName,
    ) -> Result<Option<Rule>, Cause> {
        if !rule.selects(repository) || self.lies_below_a_target(repository) {
            return Ok(None);
        }
        let made = (rule.make_rule)(repository)?;
        self.take(&made)?;
        Ok(Some(made))
    }

    /// Whether a repository is most likely a copy that this rule made; then it is left out.
    fn lies_below_a_target(&mut self, repository: &RepositoryName) -> bool {
        let name = format!("{}/{repository}", self.registry);
        let lies_below = self.below.iter().any(|front| name.starts_with(front));
        if lies_below {
            self.left_out.push(name.into());
        }
        lies_below
    }

    /// Reserves the targets of a repository. Two repositories with one target are a mistake that would mix them
    /// irreversibly.
    fn take(&mut self, rule: &Rule) -> Result<(), Cause> {
        let source: Arc<str> = rule.source.name().into();
        for target in &rule.targets {
            if target.target.name() == &*source {
                continue;
            }
            let owner = self.taken.entry(target.target.name().into()).or_insert_with(|| source.clone());
            if *owner != source {
                let target = target.target.name().to_owned();
                let (by, also) = (owner.to_string(), source.to_string());
                return Err(Cause::TargetShared(Box::new(SharedTarget { target, by, also })));
            }
        }
        Ok(())
    }

    /// Whether a repository of the source is copied to this target repository.
    pub(crate) fn is_taken(&self, target: &str) -> bool {
        self.taken.contains_key(target)
    }

    /// Whether a repository is the target of another one; then it is left out. Call it when all repositories are known.
    pub(crate) fn is_copy(&mut self, repository: &Arc<str>) -> bool {
        let is_copy = self.taken.contains_key(repository);
        if is_copy {
            self.left_out.push(repository.clone());
        }
        is_copy
    }

    /// A message about the left-out repositories, with the registry.
    pub(crate) fn note(&self) -> Option<(Arc<str>, String)> {
        let told: Vec<_> = self.left_out.iter().take(TOLD).map(|name| &**name).collect();
        let names = match self.left_out.len().checked_sub(told.len()) {
            Some(more) if more > 0 => format!("{} and {more} more", told.join(", ")),
            _ if told.is_empty() => return None,
            _ => told.join(", "),
        };
        let text = format!("{names}: left out, because this rule copies other repositories there");
        Some((self.registry.clone(), text))
    }
}
