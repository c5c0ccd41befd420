//! Where a pattern's repositories land: no two of them in one place, and none that was copied there before is copied again.

use std::collections::HashMap;
use std::sync::Arc;

use oci::RepositoryName;

use crate::{Cause, PatternRule, Rule, SharedTarget};

/// Left out repositories whose names are told.
const TOLD: usize = 3;

/// What one pattern's repositories are copied to.
pub struct PatternTargets {
    registry: Arc<str>,
    /// Below these lies what this rule itself writes, though the pattern matches it.
    below: Vec<String>,
    /// Sources by their targets.
    taken: HashMap<Arc<str>, Arc<str>>,
    left_out: Vec<Arc<str>>,
}

impl PatternTargets {
    /// None yet.
    pub fn new(rule: &PatternRule) -> Self {
        let registry: Arc<str> = rule.listing.name().into();
        let mut components = vec![&*registry];
        components.extend(rule.pattern.literal_front());
        let source_front = format!("{}/", components.join("/"));
        // A target that is no deeper than the source's own front says nothing: what is to be copied lies below it, too.
        let deeper = rule.targets.iter().filter(|target| target.front.starts_with(&source_front));
        let below = deeper.map(|target| format!("{}/", target.front)).collect();
        Self { registry, below, taken: HashMap::new(), left_out: Vec::new() }
    }

    /// The rule that the pattern makes of a repository. `None` where that does not match, or is most likely a copy that this
    /// rule made.
    ///
    /// # Errors
    /// A repository that cannot be called what the rule says, and one that would be mixed with another at the target.
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

    /// Takes the targets of a repository. Two repositories in one place are a slip that would mix them for good.
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

    /// Whether a repository of a target is where one of the source lands.
    pub(crate) fn is_taken(&self, target: &str) -> bool {
        self.taken.contains_key(target)
    }

    /// Whether a repository, once all are known, is where another lands; then it is left out.
    pub(crate) fn is_copy(&mut self, repository: &Arc<str>) -> bool {
        let is_copy = self.taken.contains_key(repository);
        if is_copy {
            self.left_out.push(repository.clone());
        }
        is_copy
    }

    /// What was left out, for people, with the registry.
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
