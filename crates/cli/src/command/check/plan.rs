//! The registries of all rules in the config's order, and the repositories that each rule uses.

use std::collections::HashSet;
use std::sync::Arc;

use ::sync::{PatternRule, Rule, Selection};
use oci::{Reference, RegistryHost, RepositoryName};

use super::standing::Roles;
use crate::config::{KnownRegistry, Resolved, ResolvedPattern, SharedRegistries};

/// A repository in a registry.
#[derive(Clone)]
pub(super) struct Spot {
    pub(super) known: KnownRegistry,
    pub(super) repository: RepositoryName,
}

/// A rule about one repository.
pub(super) struct One {
    pub(super) source: Spot,
    pub(super) selection: Selection,
    /// Targets that no earlier rule names.
    pub(super) targets: Vec<Spot>,
}

/// A rule about many repositories.
pub(super) struct Many {
    pub(super) source: Spot,
    pub(super) rule: PatternRule,
}

/// The places that one rule needs checked.
pub(super) struct PlannedRule {
    /// Only rules of `sync` have one.
    pub(super) name: Option<String>,
    pub(super) planned: Planned,
}

pub(super) enum Planned {
    One(Box<One>),
    Many(Box<Many>),
}

/// All places to check.
pub(super) struct Plan {
    pub(super) registries: Vec<(KnownRegistry, Roles)>,
    pub(super) rules: Vec<PlannedRule>,
}

impl Spot {
    pub(super) fn place(&self) -> String {
        format!("{}/{}", self.known.registry.host(), self.repository)
    }
}

impl PlannedRule {
    /// The rule's name, or its source.
    pub(super) fn label(&self) -> String {
        match (&self.name, &self.planned) {
            (Some(name), _) => name.clone(),
            (None, Planned::One(one)) => one.source.place(),
            (None, Planned::Many(many)) => {
                format!("{}/{}", many.source.known.registry.host(), many.rule.pattern)
            }
        }
    }
}

/// Whether both are the same registry with the same login.
pub(super) fn is_same(one: &KnownRegistry, other: &KnownRegistry) -> bool {
    Arc::ptr_eq(&one.registry_api, &other.registry_api)
}

/// Derives the plan from the rules.
pub(super) fn plan(resolved: &Resolved) -> Plan {
    let mut planner =
        Planner { registries: &resolved.registries, found: Vec::new(), targets: HashSet::new() };
    let mut rules = Vec::new();
    for rule in &resolved.rules {
        let name = rule.written.name.clone();
        let one = planner.one(&rule.rule);
        rules.extend(one.map(|one| PlannedRule { name, planned: Planned::One(Box::new(one)) }));
    }
    for pattern in &resolved.patterns {
        let name = pattern.written.name.clone();
        let many = planner.many(pattern);
        rules.extend(many.map(|many| PlannedRule { name, planned: Planned::Many(Box::new(many)) }));
    }
    Plan { registries: planner.found, rules }
}

/// The spots of a rule that a pattern produced.
pub(super) fn spots(registries: &SharedRegistries, rule: &Rule) -> Option<One> {
    Planner { registries, found: Vec::new(), targets: HashSet::new() }.one(rule)
}

struct Planner<'a> {
    registries: &'a SharedRegistries,
    found: Vec<(KnownRegistry, Roles)>,
    /// Targets that are in the plan already.
    targets: HashSet<String>,
}

impl Planner<'_> {
    fn one(&mut self, rule: &Rule) -> Option<One> {
        let source: Reference = rule.source.name().parse().ok()?;
        let source = self.source(&source.registry, &source.repository);
        let mut targets = Vec::new();
        for target in &rule.targets {
            let target = &target.target;
            let is_new = self.targets.insert(target.name().to_owned());
            let Reference { registry, repository, .. } = target.name().parse().ok()?;
            let spot = self.target(&registry, &repository, usize::from(is_new));
            targets.extend(is_new.then_some(spot));
        }
        Some(One { source, selection: rule.selection.clone(), targets })
    }

    fn many(&mut self, pattern: &ResolvedPattern) -> Option<Many> {
        let sample = pattern.sample();
        let host: RegistryHost = pattern.rule.listing.name().parse().ok()?;
        let source = self.source(&host, &sample);
        // The repositories are not listed yet. A sample shows which registries the targets are at.
        if let Ok(rule) = (pattern.rule.make_rule)(&sample) {
            for target in &rule.targets {
                let Reference { registry, repository, .. } = target.target.name().parse().ok()?;
                self.target(&registry, &repository, 1);
            }
        }
        Some(Many { source, rule: pattern.rule.clone() })
    }

    fn source(&mut self, host: &RegistryHost, repository: &RepositoryName) -> Spot {
        let (index, spot) = self.spot(host, repository);
        self.found[index].1.reads = true;
        spot
    }

    fn target(&mut self, host: &RegistryHost, repository: &RepositoryName, count: usize) -> Spot {
        let (index, spot) = self.spot(host, repository);
        self.found[index].1.writes += count;
        spot
    }

    fn spot(&mut self, host: &RegistryHost, repository: &RepositoryName) -> (usize, Spot) {
        let known = self.registries.lock().known(host, repository);
        let index = self.found.iter().position(|(found, _)| is_same(found, &known)).unwrap_or_else(|| {
            self.found.push((known.clone(), Roles::default()));
            self.found.len() - 1
        });
        (index, Spot { known, repository: repository.clone() })
    }
}
