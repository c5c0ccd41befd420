//! What the config says of an image: its rule, and the logins for it.

use ::sync::Rule;
use oci::{Reference, TagOrDigest};

use super::left_out::{Told, told_of};
use super::stage::{Stage, stage};
use crate::config::{LoginOrigin, Resolved, WrittenRule};
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
            || rules.chain(patterns).any(|written| run.head.rules.iter().any(|rule| is_same(written, rule)))
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

    /// For each rule about the image's repository: why the image is not in the report.
    pub(super) fn unlisted(&self, name: &str, run: &Facts) -> Vec<String> {
        let Ok(place) = name.parse::<Reference>() else { return Vec::new() };
        let Some(image) = image(&place) else { return Vec::new() };
        self.about(&place).iter().flat_map(|rule| rule.unlisted(&place, &image, run)).collect()
    }

    /// Rules that read a repository, and rules about one repository that write it.
    fn about(&self, place: &Reference) -> Vec<KnownRule> {
        let name = repository(place);
        let is_about = |rule: &Rule| {
            rule.source.name() == name || rule.targets.iter().any(|target| target.target.name() == name)
        };
        let single = self.resolved.rules.iter().filter(|rule| is_about(&rule.rule));
        let single = single.map(|rule| (rule.written.order, rule.written.label(), rule.rule.clone()));
        let many = self.resolved.patterns.iter().filter_map(|pattern| {
            Some((pattern.written.order, pattern.written.label(), made(&pattern.rule, &name)?))
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

    fn unlisted(&self, place: &Reference, image: &TagOrDigest, run: &Facts) -> Vec<String> {
        let label = &self.label;
        if self.is_from(place) {
            return vec![format!("  rule {label}: {}", self.words(image, run))];
        }
        let name = repository(place);
        let targets = self.rule.targets.iter().filter(|target| target.target.name() == name);
        let sources = targets.filter_map(|target| match image {
            TagOrDigest::Tag(tag) => target.naming.source_tag(tag).map(TagOrDigest::Tag),
            TagOrDigest::Digest(_) => Some(image.clone()),
        });
        let told = sources.map(|own| {
            let (source, why) = (self.rule.source.name(), self.words(&own, run));
            format!("  rule {label}, which would copy {source}{} there: {why}", own.suffix())
        });
        told.collect()
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

fn repository(place: &Reference) -> String {
    format!("{}/{}", place.registry, place.repository)
}

fn image(place: &Reference) -> Option<TagOrDigest> {
    let digest = place.digest.clone().map(TagOrDigest::Digest);
    digest.or_else(|| place.tag.clone().map(TagOrDigest::Tag))
}
