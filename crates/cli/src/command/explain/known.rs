//! What the config says of an image: its rule, and the logins for it.

use ::sync::{PatternRule, Rule};
use oci::{Reference, TagOrDigest};

use super::left_out::{Told, told_of};
use super::lists::{Lack, lack};
use super::search::completed;
use super::stage::{Stage, stage};
use crate::config::{LoginOrigin, Resolved, SourceText, WrittenRule, parse_from};
use crate::output::made;
use crate::output::report_json::{Facts, ReportedRule};

/// The rules of a config.
pub(super) struct Known {
    resolved: Resolved,
}

/// A rule about a repository, from the config.
struct KnownRule {
    label: String,
    rule: Rule,
}

impl Known {
    pub(super) fn new(resolved: Resolved) -> Self {
        Self { resolved }
    }

    /// Whether the report has any of these rules. A report without rules is taken for one of this config.
    pub(super) fn has_rules_of(&self, run: &Facts) -> bool {
        let rules = self.resolved.rules.iter().map(|rule| &rule.written);
        let patterns = self.resolved.patterns.iter().map(|pattern| &pattern.written);
        let is_same = |written: &WrittenRule, rule: &ReportedRule| {
            written.name == rule.name && written.source == rule.source
        };
        // `copy` has its rule on the command line; the rules of `apply` may only be in the plan.
        let are_typed = matches!(run.head.command.as_str(), "copy" | "apply");
        are_typed
            || run.head.rules.is_empty()
            || run.head.rules.iter().any(|rule| self.has_whole_of(rule))
            || rules.chain(patterns).any(|written| run.head.rules.iter().any(|rule| is_same(written, rule)))
    }

    /// Whether a rule of a report is a part of one of these rules, as a retry takes it up.
    fn has_whole_of(&self, part: &ReportedRule) -> bool {
        let Some(label) = &part.part_of else { return false };
        let Ok(SourceText::One(source)) = parse_from(&part.source) else { return false };
        let (registry, repository) = (source.registry, source.repository);
        let place = Reference { registry, repository, tag: None, digest: None };
        self.about(&place).iter().any(|known| known.label == **label && known.is_from(&place))
    }

    /// The end of a name as full names: in the repositories that single rules read or write, and that lists which failed are copied to.
    pub(super) fn completed(&self, end: &str, run: &Facts) -> Vec<String> {
        let patterns = self.resolved.patterns.iter().map(|pattern| &pattern.rule);
        let made_for = |source| patterns.clone().filter_map(move |pattern| made(pattern, source));
        let failed: Vec<_> =
            run.tail.failed_rules.iter().flat_map(|failed| made_for(&failed.source)).collect();
        let single = self.resolved.rules.iter().map(|rule| &rule.rule);
        let mut names = Vec::new();
        for rule in single.chain(&failed) {
            let targets = rule.targets.iter().map(|target| target.target.name());
            let repositories = std::iter::once(rule.source.name()).chain(targets);
            names.extend(repositories.filter_map(|repository| completed(end, repository)));
        }
        names
    }

    /// The login that is used for this name.
    pub(super) fn login(&self, name: &str) -> Option<LoginOrigin> {
        let place: Reference = name.parse().ok()?;
        self.resolved.registries.lock().login_origin(&place.registry, &place.repository)
    }

    /// What the rule with that label does with an image; `None` if the config has no such rule about its repository.
    pub(super) fn stage(&self, label: &str, source: &str) -> Option<Stage> {
        let place: Reference = source.parse().ok()?;
        let image = image(&place)?;
        let rules = self.about(&place);
        let rule = rules.iter().find(|known| known.label == label && known.is_from(&place))?;
        Some(stage(&rule.rule.selection, &image))
    }

    /// For each rule about the image's repository: why the image is not in the report. Lists that may have an image named `typed` are told
    /// already.
    pub(super) fn unlisted(&self, name: &str, typed: &str, run: &Facts) -> Vec<String> {
        let Ok(place) = name.parse::<Reference>() else { return Vec::new() };
        let image = image(&place);
        let told = |rule: &KnownRule| rule.unlisted(&place, image.as_ref(), (run, typed));
        self.about(&place).iter().flat_map(told).collect()
    }

    /// Rules that read or write a repository.
    fn about(&self, place: &Reference) -> Vec<KnownRule> {
        let name = repository(place);
        let is_about = |rule: &Rule| {
            rule.source.name() == name || rule.targets.iter().any(|target| target.target.name() == name)
        };
        let single = self.resolved.rules.iter().filter(|rule| is_about(&rule.rule));
        let single = single.map(|rule| (rule.written.order, rule.written.label(), rule.rule.clone()));
        let many = self.resolved.patterns.iter().filter_map(|pattern| {
            let rule = made(&pattern.rule, &name).or_else(|| writing(&pattern.rule, &name))?;
            Some((pattern.written.order, pattern.written.label(), rule))
        });
        let mut all: Vec<_> = single.chain(many).collect();
        all.sort_by_key(|(order, ..)| *order);
        all.into_iter().map(|(_, label, rule)| KnownRule { label: label.to_owned(), rule }).collect()
    }
}

impl KnownRule {
    fn is_from(&self, place: &Reference) -> bool {
        self.rule.source.name() == repository(place)
    }

    /// Without an image, only what is to be said of its repository.
    fn unlisted(
        &self,
        place: &Reference,
        image: Option<&TagOrDigest>,
        (run, typed): (&Facts, &str),
    ) -> Vec<String> {
        let (label, lack) = (&self.label, lack(run, &self.label, self.rule.source.name()));
        let lacking = |suffix: &str, lack: &Lack<'_>| {
            if lack.is_about(typed) { Vec::new() } else { self.lacking(suffix, lack) }
        };
        if self.is_from(place) {
            let image = image.filter(|image| lack.is_none() || !self.may_select(image));
            return image
                .map(|image| format!("  rule {label}: {}", self.words(image, run)))
                .into_iter()
                .collect();
        }
        let Some(image) = image else {
            return lack.map(|lack| lacking("", &lack)).unwrap_or_default();
        };
        let name = repository(place);
        let targets = self.rule.targets.iter().filter(|target| target.target.name() == name);
        let sources = targets.filter_map(|target| match image {
            TagOrDigest::Tag(tag) => target.naming.source_tag(tag).map(TagOrDigest::Tag),
            TagOrDigest::Digest(_) => Some(image.clone()),
        });
        let told = sources.flat_map(|own| match lack.as_ref().filter(|_| self.may_select(&own)) {
            Some(lack) => lacking(&own.suffix(), lack),
            None => vec![format!("{}: {}", self.copying(&own.suffix()), self.words(&own, run))],
        });
        told.collect()
    }

    /// Why nothing of its source, or not this image of it, came to a target.
    fn lacking(&self, image: &str, lack: &Lack<'_>) -> Vec<String> {
        [vec![format!("{}, {}", self.copying(image), lack.words())], lack.details()].concat()
    }

    fn copying(&self, image: &str) -> String {
        format!("  rule {}, which would copy {}{image} there", self.label, self.rule.source.name())
    }

    fn may_select(&self, image: &TagOrDigest) -> bool {
        !matches!(stage(&self.rule.selection, image), Stage::LeftOut(_))
    }

    /// Explains why the rule did not bring an image into the report.
    fn words(&self, image: &TagOrDigest, run: &Facts) -> String {
        let Rule { source, selection, .. } = &self.rule;
        let told = told_of(run, source.name(), &image.to_string());
        match stage(selection, image) {
            Stage::LeftOut(why) => format!("leaves it out by its name ({why})"),
            Stage::Open(by) | Stage::Selected(by) if matches!(told, Told::NotAsked) => format!(
                "selects its name ({by}), and the plan that was applied has no step for it that was carried out: the plan itself says what it found, and `image-syncer plan` what there is now"
            ),
            Stage::Open(by) => match told {
                Told::LeftOut(why) => format!("selects its name ({by}), and left it out: {why}"),
                Told::NotListed => format!(
                    "selects its name ({by}), so that it was not there when the run listed it, or the run was narrowed, or stopped before"
                ),
                Told::Unknown | Told::NotAsked => format!(
                    "selects its name ({by}), so that its age or what is newer left it out, or it was not there when the run listed it; `image-syncer tags {}` shows what is there now",
                    source.name()
                ),
            },
            Stage::Selected(by) if selection.named().is_none() => format!(
                "selects it ({by}), so that it was not there when the run listed it, or the run was narrowed, or stopped before"
            ),
            Stage::Selected(by) => {
                format!("selects it ({by}), so that the run was narrowed, or stopped before")
            }
        }
    }
}

/// The rule that a pattern makes for the repository that it copies to this one.
fn writing(pattern: &PatternRule, name: &str) -> Option<Rule> {
    pattern.targets.iter().find_map(|target| {
        let path = name.strip_prefix(target.listing.name())?.strip_prefix('/')?;
        pattern.rule_to(target, &path.parse().ok()?, name)
    })
}

fn repository(place: &Reference) -> String {
    format!("{}/{}", place.registry, place.repository)
}

fn image(place: &Reference) -> Option<TagOrDigest> {
    let digest = place.digest.clone().map(TagOrDigest::Digest);
    digest.or_else(|| place.tag.clone().map(TagOrDigest::Tag))
}
