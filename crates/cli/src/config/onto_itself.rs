//! Rules whose sources are their targets, for verbs that read and write nothing.

use std::sync::Arc;

use endpoints::RegistryEndpoint;
use oci::{Reference, RepositoryName};
use sync::{Naming, Rule, RuleTarget};

use super::resolved::{Resolved, SharedRegistries};

impl Resolved {
    /// The same rules, each with its source as its only target. Logins with read access are enough.
    pub(crate) fn onto_themselves(mut self) -> Self {
        for resolved in &mut self.rules {
            onto_itself(&self.registries, &mut resolved.rule);
        }
        for resolved in &mut self.patterns {
            let (registries, make) = (self.registries.clone(), resolved.rule.make_rule.clone());
            resolved.rule.make_rule = Arc::new(move |repository: &RepositoryName| {
                let mut rule = make(repository)?;
                onto_itself(&registries, &mut rule);
                Ok(rule)
            });
        }
        self
    }
}

fn onto_itself(registries: &SharedRegistries, rule: &mut Rule) {
    // A source's name is registry and repository.
    let Ok(Reference { registry, repository, .. }) = rule.source.name().parse() else { return };
    let endpoint: Arc<RegistryEndpoint> = Arc::new(registries.lock().source(&registry, &repository));
    rule.source = endpoint.clone();
    rule.targets = vec![RuleTarget { target: endpoint, naming: Naming::Same }];
}
