//! From what was written to what it means: checked rules with the registries they speak to.

mod sync_rule;
mod target_names;

use std::collections::HashSet;
use std::sync::Arc;

use oci::{Reference, Tag, TagOrDigest};
use registry::Transport;
use sync::{Naming, Policy, ReferrerPolicy, Rule, RuleTarget};

use super::conflict::{collisions, self_copies};
use super::defaults::Defaults;
use super::environment::Lookup;
use super::error::ConfigError;
use super::image_text::{ImageText, SourceText, Which, parse_source, parse_target};
use super::images::WrittenRule;
use super::load::{Written, WrittenLogins};
use super::naming::{naming, selection};
use super::pattern::resolve_pattern;
use super::registries::Registries;
use super::resolved::{RefusedRule, Resolved, ResolvedPattern, ResolvedRule, RuleLogins, SharedRegistries};
use super::resolver::Resolver;
use super::rule_error::RuleError;
use target_names::{check_names, has_placeholder, is_long, pinned_by_targets};

/// Checks all rules. Those that cannot be carried out are named; some slips stop everything.
pub(crate) fn resolve(
    written: Written,
    defaults: Defaults<'_>,
    transport: &Transport,
    lookup: Lookup<'_>,
) -> Result<Resolved, Vec<ConfigError>> {
    let Written { auth, rules, sync, rules_file, mut warnings, logins } = written;
    warnings.extend(auth.warnings.iter().cloned());
    let registries = SharedRegistries::new(Registries::new(auth, lookup, transport));
    let mut resolver = Resolver { defaults, lookup, registries, warnings };
    let (mut checked, mut patterns, mut refused, mut errors) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for rule in &rules {
        let error = match resolver.rule(rule) {
            Ok(rule) => {
                rule.sort_into(&mut checked, &mut patterns);
                continue;
            }
            Err(error) => error,
        };
        let stops_everything = error.stops_everything();
        let error = match &rules_file {
            Some(file) => ConfigError::from(error).file(file).line(rule.line),
            None => error.into(),
        };
        if stops_everything {
            errors.push(error);
        } else {
            refused.push(RefusedRule { written: rule.clone(), error });
        }
    }
    for (index, rule) in
        sync.iter().flat_map(|sync| sync.rules.iter().map(move |rule| (sync, rule))).enumerate()
    {
        let (sync, rule) = rule;
        match resolver.sync_rule(rule, rules.len() + index, &sync.file) {
            Ok(rule) => rule.sort_into(&mut checked, &mut patterns),
            Err(slips) => errors.extend(slips),
        }
    }
    if let Some(sync) = &sync {
        errors.extend(collisions(&checked).into_iter().map(|collision| {
            let place = sync.rules[collision.order - rules.len()].to[0].place;
            let help = "give one of the two rules another target, or a name of its own as in `HOST/REPOSITORY:{tag}-x`";
            sync.file.error_at(collision.problem, place).help(help)
        }));
    }
    // A config of which nothing is left, and one that was not finished, are told whole.
    if !errors.is_empty() || (checked.is_empty() && patterns.is_empty() && !refused.is_empty()) {
        errors.extend(refused.into_iter().map(|refused| refused.error));
        errors.sort_by_key(ConfigError::line_number);
        return Err(errors);
    }
    let Resolver { registries, mut warnings, .. } = resolver;
    if logins == WrittenLogins::Elsewhere {
        warnings.push(registries.lock().where_logins_come_from());
    }
    warnings.extend(registries.lock().warnings());
    warnings.extend(registries.lock().unused_flags());
    if logins != WrittenLogins::InAnotherConfig {
        warnings.extend(registries.lock().unused());
    }
    warnings.extend(self_copies(&checked));
    Ok(Resolved { rules: checked, patterns, refused, registries, warnings })
}

enum Checked {
    Rule(Box<ResolvedRule>),
    Pattern(Box<ResolvedPattern>),
}

impl Checked {
    fn sort_into(self, rules: &mut Vec<ResolvedRule>, patterns: &mut Vec<ResolvedPattern>) {
        match self {
            Self::Rule(rule) => rules.push(*rule),
            Self::Pattern(pattern) => patterns.push(*pattern),
        }
    }
}

impl Resolver<'_> {
    fn rule(&mut self, rule: &WrittenRule) -> Result<Checked, RuleError> {
        if rule.source.is_empty() {
            return Err(RuleError::SourceEmpty);
        }
        let source = parse_source(&rule.source).map_err(RuleError::Source)?;
        let referrers = match &source {
            SourceText::One(_) => ReferrerPolicy::Leave,
            SourceText::Many(_) => ReferrerPolicy::Copy,
        };
        self.read(rule, source, self.defaults.policy(referrers).into())
    }

    /// A rule of one repository or many.
    fn read(
        &mut self,
        rule: &WrittenRule,
        source: SourceText,
        policy: Arc<Policy>,
    ) -> Result<Checked, RuleError> {
        Ok(match source {
            SourceText::One(source) => Checked::Rule(Box::new(self.one(rule, source, policy)?)),
            SourceText::Many(source) => {
                Checked::Pattern(Box::new(resolve_pattern(self, rule, source, policy)?))
            }
        })
    }

    fn one(
        &mut self,
        rule: &WrittenRule,
        mut source: ImageText,
        policy: Arc<Policy>,
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
        let targets = targets.collect::<Result<Vec<_>, _>>()?;
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
        let selection = selection(source.which, &targets);
        let written = WrittenRule { targets: texts, ..rule.clone() };
        let rule = Rule { source: Arc::new(endpoint), selection, targets, policy };
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
            // Its digest is this one, or it was refused above.
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

/// What an image is called at a target that is written as `tag@digest` at the source.
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
