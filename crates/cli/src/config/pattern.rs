//! Rules about many repositories: their checks, and how they make a rule for each repository.

use std::sync::Arc;

use oci::{RegistryHost, RepositoryName};
use sync::select::Narrowing;
use sync::{
    Cause, ImpossibleTarget, PatternRule, PatternTarget, RepositoryPattern, Rule, RuleTarget, TargetTemplate,
    TargetTemplateError,
};

use super::choice::narrowed;
use super::defaults::Defaults;
use super::image_text::{PatternText, Which, parse, parse_target, split_target};
use super::images::WrittenRule;
use super::naming::{naming, selection};
use super::registries::Registries;
use super::resolved::{ResolvedPattern, RuleLogins, SharedRegistries};
use super::resolver::Resolver;
use super::rule_error::RuleError;
use super::terms::Terms;

impl ResolvedPattern {
    /// A repository name at the pattern's common path.
    pub(crate) fn sample(&self) -> RepositoryName {
        sample(&self.rule.pattern)
    }
}

/// The text that makes the target of each repository.
#[derive(Clone)]
struct TargetText {
    template: TargetTemplate,
    /// The part for tags, as written.
    behind: String,
}

impl TargetText {
    /// The listing of the path that all targets share, and the mapping from its repositories back to sources.
    fn target(&self, pattern: &RepositoryPattern, registries: &mut Registries) -> Option<PatternTarget> {
        let written = self.template.front().to_owned();
        let below = parse(&format!("{written}/any")).ok()?;
        // In the form of the names of targets.
        let path = below.repository.as_str().strip_suffix("any")?.to_owned();
        let front = format!("{}/{path}", below.registry).trim_end_matches('/').to_owned();
        let listing = Arc::new(registries.target_listing(&below.registry, &below.repository));
        let (template, pattern) = (self.template.clone(), pattern.clone());
        let take_back = Arc::new(move |repository: &RepositoryName| {
            let rest = repository.as_str().strip_prefix(&*path)?;
            template.take_back(&pattern, &format!("{written}/{rest}"))
        });
        Some(PatternTarget { front, listing, take_back })
    }
}

/// Checks what can be checked before the repositories are known.
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
    // Targets that are invalid for every repository fail here.
    let logins = maker.check(rule, &texts)?;
    let targets = {
        let mut registries = resolver.registries.lock();
        maker.targets.iter().filter_map(|target| target.target(&pattern, &mut registries)).collect()
    };
    let make_rule = Arc::new(move |repository: &RepositoryName| maker.make(repository));
    let rule_of_many = PatternRule {
        listing: Arc::new(listing),
        pattern,
        repositories: resolver.defaults.repositories.clone(),
        make_rule,
        policy: terms.policy,
        targets,
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
        let template = TargetTemplate::new(&default_template(registry, namespace));
        let template = template.map_err(|reason| template_error(rule, text, reason))?;
        let text = default_text(registry, namespace, pattern);
        return Ok((TargetText { template, behind: String::new() }, text));
    }
    let text = resolver.expanded(rule, text);
    let (front, behind) = split_target(&text);
    let template =
        TargetTemplate::of(pattern, front).map_err(|reason| template_error(rule, &text, reason))?;
    Ok((TargetText { template, behind: behind.to_owned() }, text))
}

fn template_error(rule: &WrittenRule, text: &str, reason: TargetTemplateError) -> RuleError {
    RuleError::Template { source_text: rule.source.clone(), text: text.to_owned(), reason }
}

/// The template of [`Defaults::target_for`] for any repository.
fn default_template(registry: &str, namespace: &str) -> String {
    let (registry, namespace) = (registry.trim_end_matches('/'), namespace.trim_matches('/'));
    match namespace {
        "" => format!("{registry}/{{path}}"),
        namespace => format!("{registry}/{namespace}/{{repository}}"),
    }
}

/// The defaults as the text of a target, so that a file of failures works without the flags. Empty if no text can express them: with a
/// namespace, if the names share no first component.
fn default_text(registry: &str, namespace: &str, pattern: &RepositoryPattern) -> String {
    let (registry, namespace) = (registry.trim_end_matches('/'), namespace.trim_matches('/'));
    match &pattern.literal_front()[..] {
        _ if namespace.is_empty() => format!("{registry}/{{path}}"),
        [] => String::new(),
        [_, shared @ ..] => [&[registry, namespace], shared].concat().join("/"),
    }
}

/// A repository name at the pattern's common path, to find the login for the list.
fn sample(pattern: &RepositoryPattern) -> RepositoryName {
    let mut components = pattern.literal_front();
    components.push("any");
    components.join("/").parse().unwrap_or_else(|_| "any".parse().expect("a word is a repository's name"))
}

/// Makes the rule of each repository.
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
        format!("{}{}", target.template.fill(&self.pattern, repository), target.behind)
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
