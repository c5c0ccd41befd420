//! Resolves rules as written to checked rules with their registries.

mod sync_rule;
mod target_names;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use oci::{Reference, Tag, TagOrDigest};
use registry::Transport;
use sync::{Naming, ReferrerPolicy, Rule, RuleTarget};

use super::choice::narrowed;
use super::conflict::{collisions, self_copies};
use super::defaults::Defaults;
use super::environment::Lookup;
use super::error::ConfigError;
use super::image_text::{ImageText, SourceText, Which, parse_source, parse_target};
use super::images::WrittenRule;
use super::load::{Written, WrittenLogins, WrittenSync};
use super::naming::{naming, selection};
use super::pattern::resolve_pattern;
use super::registries::Registries;
use super::resolved::{RefusedRule, Resolved, ResolvedPattern, ResolvedRule, RuleLogins, SharedRegistries};
use super::resolver::Resolver;
use super::rule_error::RuleError;
use super::terms::Terms;
use target_names::{check_names, has_placeholder, is_long, pinned_by_targets};

/// Checks all rules. Rules that cannot be carried out are listed; some errors stop the whole run.
pub(crate) fn resolve(
    written: Written,
    defaults: Defaults<'_>,
    transport: &Transport,
    lookup: Lookup<'_>,
) -> Result<Resolved, Vec<ConfigError>> {
    let Written { auth, rules, sync, rules_file, mut warnings, logins } = written;
    warnings.extend(auth.warnings.iter().cloned());
    let registries = SharedRegistries::new(Registries::new(auth, lookup, transport));
    let mut resolver = Resolver { defaults, lookup, registries, warnings, left_out: 0 };
    let mut found = Found::default();
    resolver.images(&rules, rules_file.as_deref(), &mut found);
    if let Some(sync) = &sync {
        resolver.sync(sync, rules.len(), &mut found);
    }
    let Found { rules, patterns, refused, mut errors } = found;
    // If no rule is left, or the config was unfinished, all errors are reported together.
    if !errors.is_empty() || (rules.is_empty() && patterns.is_empty() && !refused.is_empty()) {
        errors.extend(refused.into_iter().map(|refused| refused.error));
        errors.sort_by_key(ConfigError::line_number);
        return Err(errors);
    }
    let Resolver { registries, mut warnings, left_out, .. } = resolver;
    if left_out > 0 && rules.is_empty() && patterns.is_empty() {
        let all = "`--include-repository` and `--exclude-repository` leave out the repositories of all rules";
        warnings.push(all.to_owned());
    }
    warnings.extend(warnings_of_registries(&registries, logins));
    warnings.extend(self_copies(&rules));
    Ok(Resolved { rules, patterns, tasks: Vec::new(), refused, registries, warnings })
}

/// Warnings about logins and entries, once all rules have chosen theirs.
fn warnings_of_registries(registries: &SharedRegistries, logins: WrittenLogins) -> Vec<String> {
    let registries = registries.lock();
    let mut warnings = Vec::new();
    if logins == WrittenLogins::Elsewhere {
        warnings.push(registries.where_logins_come_from());
    }
    warnings.extend(registries.warnings());
    warnings.extend(registries.unused_flags());
    if logins != WrittenLogins::InAnotherConfig {
        warnings.extend(registries.unused());
    }
    warnings
}

/// The result of checking the rules.
#[derive(Default)]
struct Found {
    rules: Vec<ResolvedRule>,
    patterns: Vec<ResolvedPattern>,
    /// Rules that are refused while others are carried out.
    refused: Vec<RefusedRule>,
    /// Errors that stop the whole run.
    errors: Vec<ConfigError>,
}

enum Checked {
    Rule(Box<ResolvedRule>),
    Pattern(Box<ResolvedPattern>),
}

impl Resolver<'_> {
    /// Checks the rules of `images`.
    fn images(&mut self, rules: &[WrittenRule], file: Option<&Path>, found: &mut Found) {
        for rule in rules {
            let error = match self.rule(rule) {
                Ok(rule) => {
                    self.keep(rule, found);
                    continue;
                }
                Err(error) => error,
            };
            let stops_everything = error.stops_everything();
            let error = match file {
                Some(file) => ConfigError::from(error).file(file).line(rule.line),
                None => error.into(),
            };
            if stops_everything {
                found.errors.push(error);
            } else {
                found.refused.push(RefusedRule { written: rule.clone(), error, count: 1 });
            }
        }
    }

    /// Checks the rules of `sync`. `before` is the number of rules before them.
    fn sync(&mut self, sync: &WrittenSync, before: usize, found: &mut Found) {
        for (index, rule) in sync.rules.iter().enumerate() {
            match self.sync_rule(rule, before + index, &sync.file) {
                Ok(rule) => self.keep(rule, found),
                Err(slips) => found.errors.extend(slips),
            }
        }
        found.errors.extend(collisions(&found.rules).into_iter().map(|collision| {
            let place = sync.rules[collision.order - before].to[0].place;
            let help = "give one of the two rules another target, or a name of its own as in `HOST/REPOSITORY:{tag}-x`";
            sync.file.error_at(collision.problem, place).help(help)
        }));
    }

    /// Keeps a rule, unless the command line excludes its only repository.
    fn keep(&mut self, rule: Checked, found: &mut Found) {
        match rule {
            Checked::Pattern(pattern) => found.patterns.push(*pattern),
            Checked::Rule(rule) => {
                let repositories = &self.defaults.repositories;
                let source: Option<Reference> =
                    if repositories.is_all() { None } else { rule.rule.source.name().parse().ok() };
                let is_out = |source: Reference| repositories.reason_against(&source.repository).is_some();
                if source.is_some_and(is_out) { self.left_out += 1 } else { found.rules.push(*rule) }
            }
        }
    }

    fn rule(&mut self, rule: &WrittenRule) -> Result<Checked, RuleError> {
        if rule.source.is_empty() {
            return Err(RuleError::SourceEmpty);
        }
        let unusable = |reason| RuleError::Source { text: rule.source.clone(), reason };
        let source = parse_source(&rule.source).map_err(unusable)?;
        let referrers = match &source {
            SourceText::One(_) => ReferrerPolicy::Leave,
            SourceText::Many(_) => ReferrerPolicy::Copy,
        };
        self.read(rule, source, self.defaults.policy(referrers).into())
    }

    /// A rule of one repository or many.
    fn read(&mut self, rule: &WrittenRule, source: SourceText, terms: Terms) -> Result<Checked, RuleError> {
        Ok(match source {
            SourceText::One(source) => Checked::Rule(Box::new(self.one(rule, source, terms)?)),
            SourceText::Many(source) => {
                Checked::Pattern(Box::new(resolve_pattern(self, rule, source, terms)?))
            }
        })
    }

    fn one(
        &mut self,
        rule: &WrittenRule,
        mut source: ImageText,
        terms: Terms,
    ) -> Result<ResolvedRule, RuleError> {
        let (mut texts, mut seen) = (Vec::new(), HashSet::new());
        for text in &rule.targets {
            let text = self.target(rule, &source, text)?;
            if seen.insert(text.clone()) {
                texts.push(text);
            }
        }
        source.which = pinned_by_targets(source.which, &texts);
        let targets = texts.iter().map(|text| self.rule_target(rule, &source, text));
        let mut targets = targets.collect::<Result<Vec<_>, _>>()?;
        let mut registries = self.registries.lock();
        let login = |target: &RuleTarget| {
            let place: Reference = target.target.name().parse().ok()?;
            registries.login_origin(&place.registry, &place.repository)
        };
        let logins = RuleLogins {
            source: registries.login_origin(&source.registry, &source.repository),
            targets: targets.iter().map(login).collect(),
        };
        let endpoint = registries.source(&source.registry, &source.repository);
        let selection = selection(source.which, &targets, &terms.tags);
        let written = WrittenRule { targets: texts, ..rule.clone() };
        let selection = narrowed(selection, &mut targets, &self.defaults.tags);
        let rule = Rule { source: Arc::new(endpoint), selection, targets, policy: terms.policy };
        Ok(ResolvedRule { written, rule, logins })
    }

    /// The target's text with variables replaced, or made from the defaults.
    fn target(&mut self, rule: &WrittenRule, source: &ImageText, text: &str) -> Result<String, RuleError> {
        if text.is_empty() {
            let target = self.defaults.target_for(source.repository.as_str());
            return target.ok_or_else(|| RuleError::TargetEmpty { source_text: rule.source.clone() });
        }
        Ok(self.expanded(rule, text))
    }

    fn rule_target(
        &mut self,
        rule: &WrittenRule,
        source: &ImageText,
        text: &str,
    ) -> Result<RuleTarget, RuleError> {
        let source_text = rule.source.clone();
        if has_placeholder(text) {
            return Err(RuleError::PlaceholderWithoutPattern { source_text, text: text.to_owned() });
        }
        let target = parse_target(text).map_err(|reason| RuleError::Target {
            source_text: source_text.clone(),
            text: text.to_owned(),
            reason,
        })?;
        check_names(&source_text, source, text, &target)?;
        if is_long(&target) {
            self.warnings.push(format!(
                "the target `{text}` of `{source_text}` has more than 255 characters, which some registries refuse"
            ));
        }
        if !text.contains('/') && text.contains('.') {
            let slip =
                format!("the target `{text}` of `{source_text}` looks like a registry without a repository");
            self.warnings.push(format!("{slip}: it is taken for {}/{}", target.registry, target.repository));
        }
        if matches!(target.which, Which::Matching(_)) {
            let odd = format!(
                "the pattern in the target `{text}` of `{source_text}` selects among the source's tags"
            );
            self.warnings.push(format!("{odd}: it is clearer in the source"));
        }
        let endpoint = self.registries.lock().target(&target.registry, &target.repository);
        let naming = match (&source.which, target.which) {
            (Which::Pinned(tag, _), which) => naming_of_pinned(tag, which, &source_text, text)?,
            // The digest equals the source's, or was refused above.
            (Which::These(images), Which::Pinned(tag, _))
                if matches!(images[..], [TagOrDigest::Digest(_)]) =>
            {
                Naming::These(vec![Some(TagOrDigest::Tag(tag))])
            }
            (_, Which::Pinned(tag, digest)) => {
                self.warnings.push(format!(
                    "`{tag}` in the target `{text}` of `{source_text}` is not set, because not all targets of this rule have that digest: give this one a rule of its own"
                ));
                Naming::These(vec![Some(TagOrDigest::Digest(digest))])
            }
            (_, which) => naming(which),
        };
        Ok(RuleTarget { target: Arc::new(endpoint), naming })
    }
}

/// The name at a target of an image that the source's text gives as `tag@digest`.
fn naming_of_pinned(tag: &Tag, target: Which, source_text: &str, text: &str) -> Result<Naming, RuleError> {
    let name = || TagOrDigest::Tag(tag.clone());
    Ok(match target {
        Which::Unsaid => Naming::These(vec![Some(name())]),
        Which::Matching(pattern) => Naming::These(vec![pattern.is_match(tag.as_str()).then(name)]),
        Which::Templated(template) => {
            let filled = template.fill(tag).map_err(|error| RuleError::Target {
                source_text: source_text.to_owned(),
                text: text.to_owned(),
                reason: error.into(),
            });
            Naming::These(vec![Some(TagOrDigest::Tag(filled?))])
        }
        which @ (Which::These(_) | Which::Pinned(..)) => naming(which),
    })
}

#[cfg(test)]
mod tests;
