//! A rule for display: programs get all of it, people only what differs from the default.

use serde::Serialize;
use serde_json::Value;
use sync::{AttestationPolicy, IndexPolicy, OnConflict, Policy, ReferrerPolicy};

use super::words::{ALL_TAGS, kinds, names, pattern_lists, selected};
use crate::config::{LoginOrigin, ResolvedPattern, ResolvedRule, Section, WrittenRule};

/// One rule, for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown<'a> {
    /// Only rules of `sync` have a name.
    name: Option<&'a str>,
    source: &'a str,
    selection: String,
    /// The selection among the repositories of a pattern; `None` selects all of them.
    repositories: Option<ShownRepositories>,
    tags: String,
    /// `None` selects all platforms.
    platforms: Option<String>,
    /// How an index is stored at the target if some of its platforms are left out.
    index: IndexPolicy,
    attestations: AttestationPolicy,
    /// All, none, or the kinds that are copied.
    referrers: Value,
    on_conflict: OnConflict,
    /// For a pattern: the login of any repository that matches.
    login: Option<&'a str>,
    /// The kind of the login, and the place of its definition.
    login_place: Option<&'a str>,
    targets: Vec<ShownTarget<'a>>,
    /// The referrers in words, if they differ from the default of such rules.
    #[serde(skip)]
    unusual_referrers: Option<String>,
}

/// A repository must match one pattern of each list in `include`.
#[derive(Serialize)]
struct ShownRepositories {
    include: Vec<Vec<String>>,
    exclude: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownTarget<'a> {
    target: &'a str,
    names: String,
    login: Option<&'a str>,
    login_place: Option<&'a str>,
}

impl<'a> ShownTarget<'a> {
    fn new(target: &'a str, names: String, login: Option<&'a LoginOrigin>) -> Self {
        let (login, login_place) = parts(login);
        Self { target, names, login, login_place }
    }
}

fn parts(login: Option<&LoginOrigin>) -> (Option<&str>, Option<&str>) {
    (login.map(|login| login.key.as_str()), login.map(|login| login.place.as_str()))
}

/// Whether a rule is about one repository or many.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Breadth {
    One,
    Many,
}

/// A rule about one repository or many.
#[derive(Clone, Copy)]
pub(super) enum AnyRule<'a> {
    One(&'a ResolvedRule),
    Many(&'a ResolvedPattern),
}

impl<'a> Shown<'a> {
    pub(super) fn of(rule: AnyRule<'a>) -> Self {
        match rule {
            AnyRule::One(rule) => Self::of_rule(rule),
            AnyRule::Many(pattern) => Self::of_pattern(pattern),
        }
    }

    fn of_rule(resolved: &'a ResolvedRule) -> Self {
        let ResolvedRule { written, rule, logins } = resolved;
        let targets = rule.targets.iter().zip(&logins.targets).map(|(target, login)| {
            ShownTarget::new(target.target.name(), names(&target.naming), login.as_ref())
        });
        let tags = selected(&rule.selection);
        Self {
            source: rule.source.name(),
            selection: tags.clone(),
            tags,
            targets: targets.collect(),
            ..Self::new(written, &rule.policy, Breadth::One, logins.source.as_ref())
        }
    }

    /// A rule about many repositories, as written: only the registry knows the repositories.
    fn of_pattern(pattern: &'a ResolvedPattern) -> Self {
        let ResolvedPattern { written, rule, logins, tags } = pattern;
        let targets = written.targets.iter().zip(&logins.targets).map(|(target, login)| {
            ShownTarget::new(target, "each at a place of its own".to_owned(), login.as_ref())
        });
        let repositories = (!rule.repositories.is_all()).then(|| ShownRepositories {
            include: pattern_lists(&rule.repositories.include),
            exclude: rule.repositories.exclude.iter().map(ToString::to_string).collect(),
        });
        Self {
            source: &written.source,
            selection: "every repository that matches".to_owned(),
            repositories,
            tags: selected(tags),
            targets: targets.collect(),
            ..Self::new(written, &rule.policy, Breadth::Many, logins.source.as_ref())
        }
    }

    fn new(
        written: &'a WrittenRule,
        policy: &Policy,
        breadth: Breadth,
        login: Option<&'a LoginOrigin>,
    ) -> Self {
        let (login, login_place) = parts(login);
        let usual = match (written.section, breadth) {
            (Section::Images, Breadth::One) => ReferrerPolicy::Leave,
            (Section::Sync, _) | (_, Breadth::Many) => ReferrerPolicy::Copy,
        };
        let (source, selection, repositories, tags, targets) = Default::default();
        Self {
            name: written.name.as_deref(),
            source,
            selection,
            repositories,
            tags,
            platforms: policy.platforms.is_active().then(|| policy.platforms.to_string()),
            index: policy.index,
            attestations: policy.attestations,
            referrers: kinds(&policy.referrers),
            on_conflict: policy.on_conflict,
            login,
            login_place,
            targets,
            unusual_referrers: (policy.referrers != usual).then(|| policy.referrers.to_string()),
        }
    }

    /// A rule, for people.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> + use<> {
        let name = self.name.map_or_else(String::new, |name| format!("{name}: "));
        let login_text = login(self.login, self.login_place);
        let mut lines = vec![format!("{name}{} ({login_text}): {}", self.source, self.selection)];
        lines.extend(self.repositories.as_ref().map(|which| format!("  repositories: {which}")));
        if self.repositories.is_some() || self.selection != self.tags {
            lines.extend((self.tags != ALL_TAGS).then(|| format!("  tags: {}", self.tags)));
        }
        lines.extend(
            self.platforms.as_ref().map(|platforms| format!("  platforms: {platforms}{}", form(self.index))),
        );
        lines.extend(match self.attestations {
            AttestationPolicy::Keep => None,
            AttestationPolicy::Drop => {
                Some("  attestations: left out where the target refuses them".to_owned())
            }
        });
        lines.extend(self.unusual_referrers.as_ref().map(|referrers| format!("  referrers: {referrers}")));
        lines.extend(match self.on_conflict {
            OnConflict::Overwrite => None,
            OnConflict::Keep => Some("  where the target has another image: that stays".to_owned()),
            OnConflict::Fail => Some("  where the target has another image: a failure".to_owned()),
        });
        lines.extend(self.targets.iter().map(|target| {
            let login = login(target.login, target.login_place);
            format!("  -> {} ({login}): {}", target.target, target.names)
        }));
        lines.into_iter()
    }
}

impl std::fmt::Display for ShownRepositories {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let include = self.include.iter().map(|any_of| any_of.join(", "));
        let exclude = (!self.exclude.is_empty()).then(|| format!("not {}", self.exclude.join(", ")));
        formatter.write_str(&include.chain(exclude).collect::<Vec<_>>().join("; "))
    }
}

/// The form of the index in words, if it differs from the default.
fn form(index: IndexPolicy) -> &'static str {
    match index {
        IndexPolicy::Auto | IndexPolicy::Cut => "",
        IndexPolicy::Sparse => " (indexes keep their digest)",
        IndexPolicy::Rewrite => " (indexes are rewritten)",
    }
}

fn login(key: Option<&str>, place: Option<&str>) -> String {
    match (key, place) {
        (Some(key), Some(place)) => format!("login `{key}`, {place}"),
        _ => "no login".to_owned(),
    }
}
