//! Rules of `sync`: their texts, and keys that contradict each other.

use sync::{AttestationPolicy, IndexPolicy, OnCollision, OnConflict, PlatformFilter, Policy, ReferrerPolicy};

use super::Checked;
use crate::config::config_file::ConfigFile;
use crate::config::error::ConfigError;
use crate::config::image_text::{ImageTextError, SourceText, Which, is_registry};
use crate::config::images::{Section, WrittenRule};
use crate::config::resolver::Resolver;
use crate::config::rule_error::RuleError;
use crate::config::sync_rules::{
    Key, Policies, SourceSlip, SyncRule, WrittenAttestations, WrittenIndex, WrittenOnConflict, parse_from,
};
use crate::config::terms::Terms;

impl Resolver<'_> {
    /// Checks a rule whose keys are each valid.
    pub(super) fn sync_rule(
        &mut self,
        rule: &SyncRule,
        order: usize,
        file: &ConfigFile,
    ) -> Result<Checked, Vec<ConfigError>> {
        let source = parse_from(&rule.from.text).map_err(|SourceSlip { problem, help }| {
            let error = file.error_at(problem, rule.from.place);
            vec![if let Some(help) = help { error.help(help) } else { error }]
        })?;
        check_variables(rule, &source, file)?;
        check_keys(rule, &source, file)?;
        check_targets(rule, &source).map_err(|error| vec![placed(&error, rule, file)])?;
        let written = WrittenRule {
            order,
            section: Section::Sync,
            line: rule.place.line,
            name: rule.name.as_ref().map(|name| name.text.clone()),
            source: rule.from.text.clone(),
            targets: rule.to.iter().map(|text| text.text.clone()).collect(),
            retried: None,
        };
        let policy = self.policy(rule);
        if policy.platforms.leaves_nothing() {
            self.warnings.push(format!(
                "no platform is left of the rule {}: it wants {}",
                written.shown(),
                policy.platforms
            ));
        }
        let told = self.warnings.len();
        let terms = Terms { policy: policy.into(), tags: rule.tags.clone().into() };
        let mut checked =
            self.read(&written, source, terms).map_err(|error| vec![placed(&error, rule, file)])?;
        if written.name.is_some() {
            for warning in &mut self.warnings[told..] {
                *warning = format!("rule {}: {warning}", written.shown());
            }
        }
        if let Checked::Pattern(pattern) = &mut checked {
            pattern.rule.repositories = rule.repositories.narrowed(&self.defaults.repositories);
        }
        Ok(checked)
    }

    /// The policy of the rule. The command line narrows it, and never widens it.
    fn policy(&self, rule: &SyncRule) -> Policy {
        let Policies { platforms, on_conflict, attestations, .. } = &rule.policies;
        let index = platforms.as_ref().map(|platforms| platforms.value.index);
        let only = platforms.as_ref().map(|platforms| &platforms.value.only);
        let only = only.map(|only| only.iter().map(|name| name.0.clone()).collect::<Vec<_>>());
        let platforms = PlatformFilter::new(&[], &only.unwrap_or_default());
        Policy {
            referrers: self.referrers(rule),
            platforms: platforms.and(&self.defaults.platforms),
            index: match index {
                None | Some(WrittenIndex::Auto) => IndexPolicy::Auto,
                Some(WrittenIndex::Sparse) => IndexPolicy::Sparse,
                Some(WrittenIndex::Rewrite) => IndexPolicy::Rewrite,
            },
            attestations: match attestations.as_ref().map(|written| written.value) {
                None | Some(WrittenAttestations::Keep) => AttestationPolicy::Keep,
                Some(WrittenAttestations::Drop) => AttestationPolicy::Drop,
            },
            rewrite: self.defaults.rewrite,
            on_conflict: match on_conflict.as_ref().map(|written| written.value) {
                None | Some(WrittenOnConflict::Overwrite) => OnConflict::Overwrite,
                Some(WrittenOnConflict::Keep) => OnConflict::Keep,
                Some(WrittenOnConflict::Fail) => OnConflict::Fail,
            },
            on_collision: OnCollision::Refuse,
        }
    }

    /// The command line can turn referrers off for all rules, but does not turn them on for a rule that leaves them.
    fn referrers(&self, rule: &SyncRule) -> ReferrerPolicy {
        match &rule.policies.referrers {
            _ if self.defaults.referrers == Some(ReferrerPolicy::Leave) => ReferrerPolicy::Leave,
            Some(written) => written.value.policy(),
            None => ReferrerPolicy::Copy,
        }
    }
}

/// Rejects `$NAME`: it is replaced in targets of `images`, but not in `sync`.
fn check_variables(rule: &SyncRule, source: &SourceText, file: &ConfigFile) -> Result<(), Vec<ConfigError>> {
    let has_groups = matches!(source, SourceText::Many(many) if many.pattern.has_groups());
    let slip = rule.to.iter().find(|to| to.text.contains('$') && !has_groups);
    slip.map_or(Ok(()), |to| {
        let problem = format!("`{}` has a `$`, but variables are not replaced in `sync`", to.text);
        let help = "write what is meant; `$1` stands for a group of a source such as `quay.io/(team/(.+))/`";
        Err(vec![file.error_at(problem, to.place).help(help)])
    })
}

/// Rejects keys that contradict `from`: if `from` itself selects images, the rule must have no `tags` (its selection replaces that of the
/// defaults); `repositories` needs a pattern.
fn check_keys(rule: &SyncRule, source: &SourceText, file: &ConfigFile) -> Result<(), Vec<ConfigError>> {
    let (is_one, which) = match source {
        SourceText::One(one) => (true, &one.which),
        SourceText::Many(many) => (false, &many.which),
    };
    let mut slips = Vec::new();
    if let Some(place) = rule.own_place(Key::Repositories).filter(|_| is_one) {
        let problem = "`repositories` chooses among those of a pattern, but `from` names one".to_owned();
        slips.push(file.error_at(problem, place).help("leave the key out, or write * or ** in `from`"));
    }
    let names_tags = !matches!(which, Which::Unsaid);
    match rule.own_place(Key::Tags) {
        Some(place) if names_tags => {
            let problem = "both `from` and `tags` say which tags are meant".to_owned();
            slips.push(
                file.error_at(problem, place).help("leave out what stands behind the repository in `from`"),
            );
        }
        _ => {}
    }
    if slips.is_empty() { Ok(()) } else { Err(slips) }
}

/// Rejects targets without a registry. In `images` these go to Docker Hub, as in the Go tool, but a user who writes `mirror/app` does not
/// mean that.
fn check_targets(rule: &SyncRule, source: &SourceText) -> Result<(), RuleError> {
    let is_one = matches!(source, SourceText::One(_));
    for to in rule.to.iter().map(|to| &to.text).filter(|text| !text.is_empty()) {
        let text = to.clone();
        match to.split_once('/') {
            Some((host, _)) if is_registry(host) => {}
            None if is_lone_registry(to) && is_one => return Err(RuleError::NoRepository { text }),
            None if is_lone_registry(to) => {}
            _ => return Err(RuleError::NoRegistry { text }),
        }
    }
    Ok(())
}

/// Whether a text without a slash is a registry's host rather than an image with a tag.
fn is_lone_registry(text: &str) -> bool {
    let (name, port) = text.split_once(':').unwrap_or((text, ""));
    let has_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    is_registry(name) || has_port
}

/// Attaches the place of the text that the error is about.
fn placed(error: &RuleError, rule: &SyncRule, file: &ConfigFile) -> ConfigError {
    let target = error.target_text().and_then(|text| rule.to.iter().find(|to| to.text == text));
    let place =
        target.unwrap_or(if let RuleError::Source { .. } = error { &rule.from } else { &rule.to[0] }).place;
    let shown = file.error_at(error.to_string(), place);
    match error.help() {
        // This error's own help is about `images`.
        Some(_) if matches!(error, RuleError::Source { reason: ImageTextError::Exclusion { .. }, .. }) => {
            shown.help("what is left out stands in `repositories` or `tags` as `exclude`")
        }
        Some(help) => shown.help(help),
        None => shown,
    }
}
