//! Rules about many repositories: what is checked when they are read, and what they make of each repository.

use std::sync::Arc;

use oci::{RegistryHost, RepositoryName};
use sync::select::Narrowing;
use sync::{Cause, ImpossibleTarget, PatternRule, RepositoryPattern, Rule, RuleTarget, TargetTemplate};

use super::choice::narrowed;
use super::defaults::Defaults;
use super::image_text::{PatternText, Which, parse, parse_target, split_target};
use super::images::WrittenRule;
use super::naming::{naming, selection};
use super::resolved::{ResolvedPattern, RuleLogins, SharedRegistries};
use super::resolver::Resolver;
use super::rule_error::RuleError;
use super::terms::Terms;

impl ResolvedPattern {
    /// Any name that lies where the matches lie.
    pub(crate) fn sample(&self) -> RepositoryName {
        sample(&self.rule.pattern)
    }
}

/// What the targets of a pattern's repositories are made of.
#[derive(Clone)]
enum TargetText {
    Template {
        template: TargetTemplate,
        /// A pattern for tags, as it is written.
        behind: String,
    },
    /// As for any rule with an empty target.
    Default { registry: String, namespace: String },
}

impl TargetText {
    /// Registry and whole components that all targets lie below, as they are called when a rule is made.
    fn front(&self) -> Option<String> {
        let front = match self {
            Self::Template { template, .. } => template.front().to_owned(),
            Self::Default { registry, namespace } => {
                format!("{}/{namespace}", registry.trim_end_matches('/')).trim_end_matches('/').to_owned()
            }
        };
        let below = parse(&format!("{front}/any")).ok()?;
        let below = format!("{}/{}", below.registry, below.repository);
        below.strip_suffix("/any").map(str::to_owned)
    }
}

/// Checks what can be checked before any repository is known.
pub(super) fn resolve_pattern(
    resolver: &mut Resolver<'_>,
    rule: &WrittenRule,
    source: PatternText,
    terms: Terms,
) -> Result<ResolvedPattern, RuleError> {
    let (mut targets, mut texts) = (Vec::new(), Vec::new());
    for text in &rule.targets {
        let (target, text) = target_text(resolver, rule, &source.pattern, text)?;
        if !texts.contains(&text) {
            targets.push(target);
            texts.push(text);
        }
    }
    let PatternText { registry, pattern, which } = source;
    let listing = resolver.registries.lock().listing(&registry, &sample(&pattern));
    let tags = selection(which.clone(), &[], &terms.tags);
    let tags = narrowed(tags, &mut [], &resolver.defaults.tags);
    let maker = RuleMaker {
        registries: resolver.registries.clone(),
        registry,
        pattern: pattern.clone(),
        which,
        targets,
        terms: terms.clone(),
        narrowing: resolver.defaults.tags.clone(),
    };
    // What no repository could be named like is told at once.
    let logins = maker.check(rule, &texts)?;
    let target_fronts = maker.targets.iter().filter_map(TargetText::front).collect();
    let make_rule = Arc::new(move |repository: &RepositoryName| maker.make(repository));
    let rule_of_many = PatternRule {
        listing: Arc::new(listing),
        pattern,
        repositories: resolver.defaults.repositories.clone(),
        make_rule,
        policy: terms.policy,
        target_fronts,
        at_least: terms.tags.at_least,
    };
    let written = WrittenRule { targets: texts, ..rule.clone() };
    Ok(ResolvedPattern { written, rule: rule_of_many, tags, logins })
}

fn target_text(
    resolver: &mut Resolver<'_>,
    rule: &WrittenRule,
    pattern: &RepositoryPattern,
    text: &str,
) -> Result<(TargetText, String), RuleError> {
    if text.is_empty() {
        let Defaults { registry, namespace, .. } = &resolver.defaults;
        if resolver.defaults.target_for("a").is_none() {
            return Err(RuleError::TargetEmpty { source_text: rule.source.clone() });
        }
        let target =
            TargetText::Default { registry: (*registry).to_owned(), namespace: (*namespace).to_owned() };
        return Ok((target, default_text(registry, namespace, pattern)));
    }
    let text = resolver.expanded(rule, text);
    let (front, behind) = split_target(&text);
    let template = TargetTemplate::of(pattern, front).map_err(|reason| RuleError::Template {
        source_text: rule.source.clone(),
        text: text.clone(),
        reason,
    })?;
    Ok((TargetText::Template { template, behind: behind.to_owned() }, text))
}

/// The defaults as a target of its own, so that a file of what failed needs no flags. Empty where no such text says
/// the same: below a namespace, without a first component that all names share.
fn default_text(registry: &str, namespace: &str, pattern: &RepositoryPattern) -> String {
    let (registry, namespace) = (registry.trim_end_matches('/'), namespace.trim_matches('/'));
    match &pattern.literal_front()[..] {
        _ if namespace.is_empty() => format!("{registry}/{{path}}"),
        [] => String::new(),
        [_, shared @ ..] => [&[registry, namespace], shared].concat().join("/"),
    }
}

/// Any name that lies where the pattern's matches lie: for the login that lists them.
fn sample(pattern: &RepositoryPattern) -> RepositoryName {
    let mut components = pattern.literal_front();
    components.push("any");
    components.join("/").parse().unwrap_or_else(|_| "any".parse().expect("a word is a repository's name"))
}

/// Makes a rule of each repository.
struct RuleMaker {
    registries: SharedRegistries,
    registry: RegistryHost,
    pattern: RepositoryPattern,
    which: Which,
    targets: Vec<TargetText>,
    terms: Terms,
    narrowing: Narrowing,
}

impl RuleMaker {
    fn make(&self, repository: &RepositoryName) -> Result<Rule, Cause> {
        let mut registries = self.registries.lock();
        let mut targets = Vec::new();
        for target in &self.targets {
            let text = self.fill(target, repository);
            let parsed = parse_target(&text).map_err(|reason| {
                let (repository, reason) = (format!("{}/{repository}", self.registry), reason.to_string());
                Cause::TargetName(Box::new(ImpossibleTarget { repository, target: text.clone(), reason }))
            })?;
            let endpoint = registries.target(&parsed.registry, &parsed.repository);
            targets.push(RuleTarget { target: Arc::new(endpoint), naming: naming(parsed.which) });
        }
        let source = Arc::new(registries.source(&self.registry, repository));
        let selection = selection(self.which.clone(), &targets, &self.terms.tags);
        let selection = narrowed(selection, &mut targets, &self.narrowing);
        Ok(Rule { source, selection, targets, policy: self.terms.policy.clone() })
    }

    fn fill(&self, target: &TargetText, repository: &RepositoryName) -> String {
        match target {
            TargetText::Template { template, behind } => {
                format!("{}{behind}", template.fill(&self.pattern, repository))
            }
            TargetText::Default { registry, namespace } => {
                let defaults = Defaults { registry, namespace, ..Defaults::default() };
                defaults.target_for(repository.as_str()).unwrap_or_default()
            }
        }
    }

    fn check(&self, rule: &WrittenRule, texts: &[String]) -> Result<RuleLogins, RuleError> {
        let repository = sample(&self.pattern);
        let source = self.registries.lock().login_origin(&self.registry, &repository);
        let mut logins = RuleLogins { source, targets: Vec::new() };
        for (target, text) in self.targets.iter().zip(texts) {
            let (source_text, text) = (rule.source.clone(), text.clone());
            let parsed = match parse_target(&self.fill(target, &repository)) {
                Ok(parsed) => parsed,
                Err(reason) => return Err(RuleError::Target { source_text, text, reason }),
            };
            if matches!(parsed.which, Which::These(_) | Which::Pinned(..)) {
                return Err(RuleError::NamesUnderPattern { source_text, text });
            }
            let is_source = (&parsed.registry, &parsed.repository) == (&self.registry, &repository);
            if is_source && matches!(parsed.which, Which::Templated(_)) {
                return Err(RuleError::TemplateIntoSource { source_text, text });
            }
            let mut registries = self.registries.lock();
            registries.target(&parsed.registry, &parsed.repository);
            logins.targets.push(registries.login_origin(&parsed.registry, &parsed.repository));
        }
        Ok(logins)
    }
}
