//! Rules of `sync`: what their texts mean, and which of their keys can be carried out.

use sync::ReferrerPolicy;

use super::{Checked, Resolver};
use crate::config::config_file::ConfigFile;
use crate::config::error::ConfigError;
use crate::config::image_text::{ImageTextError, SourceText};
use crate::config::images::{Section, WrittenRule};
use crate::config::rule_error::RuleError;
use crate::config::sync_rules::{SourceSlip, SyncRule, WrittenReferrers, not_yet, parse_from};

impl Resolver<'_> {
    /// Checks a rule whose keys are right by themselves.
    pub(super) fn sync_rule(
        &mut self,
        rule: &SyncRule,
        order: usize,
        file: &ConfigFile,
    ) -> Result<Checked, Vec<ConfigError>> {
        let slips: Vec<_> = not_yet(&rule.policies)
            .into_iter()
            .map(|(problem, place)| file.error_at(problem, place))
            .collect();
        if !slips.is_empty() {
            return Err(slips);
        }
        let source = parse_from(&rule.from.text).map_err(|SourceSlip { problem, help }| {
            let error = file.error_at(problem, rule.from.place);
            vec![if let Some(help) = help { error.help(help) } else { error }]
        })?;
        check_variables(rule, &source, file)?;
        let written = WrittenRule {
            order,
            section: Section::Sync,
            line: rule.place.line,
            name: rule.name.as_ref().map(|name| name.text.clone()),
            source: rule.from.text.clone(),
            targets: rule.to.iter().map(|text| text.text.clone()).collect(),
        };
        let referrers = self.referrers(rule);
        self.read(&written, source, Some(referrers)).map_err(|error| vec![placed(&error, rule, file)])
    }

    /// What the command line leaves behind no rule brings along; what it brings along does not widen a rule.
    fn referrers(&self, rule: &SyncRule) -> ReferrerPolicy {
        let is_left = self.defaults.referrers == Some(ReferrerPolicy::Leave);
        match rule.policies.referrers.as_ref().map(|referrers| &referrers.value) {
            _ if is_left => ReferrerPolicy::Leave,
            Some(WrittenReferrers::None) => ReferrerPolicy::Leave,
            Some(WrittenReferrers::All | WrittenReferrers::ByType(_)) | None => ReferrerPolicy::Copy,
        }
    }
}

/// `$NAME` was replaced in targets of `images`, and is not here.
fn check_variables(rule: &SyncRule, source: &SourceText, file: &ConfigFile) -> Result<(), Vec<ConfigError>> {
    let has_groups = matches!(source, SourceText::Many(many) if many.pattern.has_groups());
    let slip = rule.to.iter().find(|to| to.text.contains('$') && !has_groups);
    slip.map_or(Ok(()), |to| {
        let problem = format!("`{}` has a `$`, but variables are not replaced in `sync`", to.text);
        let help = "write what is meant; `$1` stands for a group of a source such as `quay.io/(team/(.+))/`";
        Err(vec![file.error_at(problem, to.place).help(help)])
    })
}

/// An error at the text that it is about.
fn placed(error: &RuleError, rule: &SyncRule, file: &ConfigFile) -> ConfigError {
    let target = error.target_text().and_then(|text| rule.to.iter().find(|to| to.text == text));
    let place =
        target.unwrap_or(if let RuleError::Source(_) = error { &rule.from } else { &rule.to[0] }).place;
    let shown = file.error_at(error.to_string(), place);
    match error.help() {
        // It speaks of the older form.
        Some(_) if matches!(error, RuleError::Source(ImageTextError::Exclusion { .. })) => {
            shown.help("what is left out stands in `repositories` or `tags` as `exclude`")
        }
        Some(help) => shown.help(help),
        None => shown,
    }
}
