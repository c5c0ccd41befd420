//! From what was written to what it means: checked rules with the registries they speak to.

mod sync_rule;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oci::{Reference, Tag, TagOrDigest};
use registry::Transport;
use sync::{Naming, PlatformFilter, Policy, ReferrerPolicy, Rewrite, Rule, RuleTarget, Selection};

use super::conflict::self_copies;
use super::environment::{Lookup, expand};
use super::error::ConfigError;
use super::image_text::{ImageText, SourceText, Which, parse, parse_source, parse_target, split_target};
use super::images::{Section, WrittenRule};
use super::load::{Written, WrittenLogins};
use super::pattern::{ResolvedPattern, resolve_pattern};
use super::registries::{LoginOrigin, Registries};
use super::rule_error::RuleError;

/// What the command line says about rules.
#[derive(Clone, Debug, Default)]
pub(crate) struct Defaults<'a> {
    /// Where rules with an empty target go.
    pub(crate) registry: &'a str,
    pub(crate) namespace: &'a str,
    /// What becomes of referrers, if it is said.
    pub(crate) referrers: Option<ReferrerPolicy>,
    /// Which platforms are copied.
    pub(crate) platforms: PlatformFilter,
    /// Which manifests are stored.
    pub(crate) rewrite: Rewrite,
}

impl Defaults<'_> {
    /// The policy of a rule of `images`, which does `referrers` unless the command line says otherwise.
    pub(super) fn policy(&self, referrers: ReferrerPolicy) -> Policy {
        Policy {
            referrers: self.referrers.clone().unwrap_or(referrers),
            platforms: self.platforms.clone(),
            rewrite: self.rewrite,
            ..Policy::default()
        }
    }

    /// With registry and namespace: the source's path without its first part. With a registry alone: all of it.
    pub(super) fn target_for(&self, path: &str) -> Option<String> {
        let registry = self.registry.trim_end_matches('/');
        let namespace = self.namespace.trim_matches('/');
        match (registry, namespace) {
            ("", _) => None,
            (registry, "") => Some(format!("{registry}/{path}")),
            (registry, namespace) => {
                let below = path.split_once('/').map_or(path, |(_, below)| below);
                Some(format!("{registry}/{namespace}/{below}"))
            }
        }
    }
}

/// All registries of a run. Patterns lead to more while it goes on.
#[derive(Clone)]
pub(crate) struct SharedRegistries(Arc<Mutex<Registries>>);

impl SharedRegistries {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Registries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Rules that can be carried out.
pub(crate) struct Resolved {
    pub(crate) rules: Vec<ResolvedRule>,
    /// Rules about many repositories: they come after the others.
    pub(crate) patterns: Vec<ResolvedPattern>,
    pub(crate) refused: Vec<RefusedRule>,
    /// All registries that the rules speak to.
    pub(crate) registries: SharedRegistries,
    pub(crate) warnings: Vec<String>,
}

/// A rule that cannot be carried out, beside others that can.
pub(crate) struct RefusedRule {
    pub(crate) written: WrittenRule,
    pub(crate) error: ConfigError,
}

/// A rule with how it was written.
pub(crate) struct ResolvedRule {
    /// The source's text, and those of the targets after defaults and variables.
    pub(crate) written: WrittenRule,
    pub(crate) rule: Rule,
    pub(crate) logins: RuleLogins,
}

/// Which logins a rule uses.
#[derive(Clone, Debug, Default)]
pub(crate) struct RuleLogins {
    pub(crate) source: Option<LoginOrigin>,
    /// In the order of the targets.
    pub(crate) targets: Vec<Option<LoginOrigin>>,
}

/// Checks all rules. Those that cannot be carried out are named; some slips stop everything.
pub(crate) fn resolve(
    written: Written,
    defaults: Defaults<'_>,
    transport: &Transport,
    lookup: Lookup<'_>,
) -> Result<Resolved, Vec<ConfigError>> {
    let Written { auth, rules, sync, rules_file, mut warnings, logins } = written;
    warnings.extend(auth.warnings.iter().cloned());
    let registries = SharedRegistries(Arc::new(Mutex::new(Registries::new(auth, lookup, transport))));
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

pub(super) struct Resolver<'a> {
    pub(super) defaults: Defaults<'a>,
    lookup: Lookup<'a>,
    pub(super) registries: SharedRegistries,
    pub(super) warnings: Vec<String>,
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

    /// A target's text, with variables replaced where they are.
    pub(super) fn expanded(&mut self, rule: &WrittenRule, text: &str) -> String {
        if rule.section == Section::Sync {
            return text.to_owned();
        }
        let expanded = expand(text, self.lookup);
        for name in &expanded.undefined {
            let warning = format!("the target of `{}` refers to ${name}, which has no value", rule.source);
            self.warnings.push(warning);
        }
        expanded.text
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

/// A digest that stands in all targets decides which image is meant, beside a tag or the same digest in the source.
fn pinned_by_targets(which: Which, targets: &[String]) -> Which {
    let Which::These(images) = &which else { return which };
    let [image] = &images[..] else { return which };
    let mut pins = targets.iter().map(|text| match parse(text).map(|target| target.which) {
        Ok(Which::Pinned(tag, digest)) => Some((tag, digest)),
        _ => None,
    });
    let Some(Some((_, digest))) = pins.next() else { return which };
    if !pins.all(|pin| pin.is_some_and(|(_, other)| other == digest)) {
        return which;
    }
    match image {
        TagOrDigest::Tag(tag) => Which::Pinned(tag.clone(), digest),
        TagOrDigest::Digest(_) => which,
    }
}

/// Whether a repository has something like `{path}` in it, which no name has.
fn has_placeholder(text: &str) -> bool {
    let (repository, _) = split_target(text);
    repository.split_once('{').is_some_and(|(_, rest)| rest.contains('}'))
}

/// Longer than the specification advises.
fn is_long(target: &ImageText) -> bool {
    let (registry, repository) = (target.registry.clone(), target.repository.clone());
    Reference { registry, repository, tag: None, digest: None }.is_longer_than_advised()
}

/// Checks names at the target against images at the source, as far as both are written down.
fn check_names(
    source_text: &str,
    source: &ImageText,
    text: &str,
    target: &ImageText,
) -> Result<(), RuleError> {
    let (source_text, text) = (source_text.to_owned(), text.to_owned());
    if matches!(target.which, Which::Templated(_)) {
        return check_template(source_text, source, text, target);
    }
    let Some(names) = written_names(&target.which) else { return Ok(()) };
    let mut seen = HashSet::new();
    if let Some(name) = names.iter().find(|name| !seen.insert(*name)) {
        return Err(RuleError::NameTwice { source_text, text, name: name.clone() });
    }
    let Some(images) = written_names(&source.which) else { return Ok(()) };
    if images.len() != names.len() {
        return Err(RuleError::Count { source_text, text, images: images.len(), names: names.len() });
    }
    match (&images[..], &names[..]) {
        ([TagOrDigest::Digest(image)], [TagOrDigest::Digest(name)]) if image != name => {
            Err(RuleError::OtherDigest { source_text, wanted: name.clone() })
        }
        _ => Ok(()),
    }
}

/// A template needs tags, and another repository than the one that they come from.
fn check_template(
    source_text: String,
    source: &ImageText,
    text: String,
    target: &ImageText,
) -> Result<(), RuleError> {
    let images = if let Which::These(images) = &source.which { &images[..] } else { &[] };
    if images.iter().any(|image| matches!(image, TagOrDigest::Digest(_))) {
        return Err(RuleError::TemplateWithoutTag { source_text, text });
    }
    let is_same = (&source.registry, &source.repository) == (&target.registry, &target.repository);
    if is_same && written_names(&source.which).is_none() {
        return Err(RuleError::TemplateIntoSource { source_text, text });
    }
    Ok(())
}

/// The images that a text names; of `tag@digest` the digest.
fn written_names(which: &Which) -> Option<Vec<TagOrDigest>> {
    match which {
        Which::These(images) => Some(images.clone()),
        Which::Pinned(_, digest) => Some(vec![TagOrDigest::Digest(digest.clone())]),
        Which::Unsaid | Which::Matching(_) | Which::Templated(_) => None,
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

pub(super) fn selection(which: Which, targets: &[RuleTarget]) -> Selection {
    match which {
        // No source has a template.
        Which::Unsaid | Which::Templated(_) => Selection::All,
        Which::Matching(pattern) => Selection::Matching(pattern),
        Which::Pinned(tag, digest) => Selection::Pinned { tag, digest },
        Which::These(images) => {
            // Names are paired by position, so an image may only be left out where there are none.
            let paired = targets.iter().any(|target| matches!(target.naming, Naming::These(_)));
            let mut seen = HashSet::new();
            Selection::These(
                images.into_iter().filter(|image| paired || seen.insert(image.clone())).collect(),
            )
        }
    }
}

pub(super) fn naming(which: Which) -> Naming {
    match which {
        Which::Unsaid => Naming::Same,
        Which::Matching(pattern) => Naming::Matching(pattern),
        Which::Templated(template) => Naming::Templated(template),
        Which::These(names) => Naming::These(names.into_iter().map(Some).collect()),
        Which::Pinned(tag, _) => Naming::These(vec![Some(TagOrDigest::Tag(tag))]),
    }
}

#[cfg(test)]
mod tests;
