//! Checks the repositories of a rule: reads from the source, tries the targets.

use ::sync::{Cause, PatternTargets, Rule, Selection};
use oci::RepositoryName;

use super::finding::{Finding, Step};
use super::holdings::Holdings;
use super::limit::{NO_ANSWER, asked};
use super::namespace::{self, Seen};
use super::plan::{Many, One, Planned, PlannedRule, Spot, is_same, spots};
use super::push::{self, Circumstances, Namespace};
use super::show::CheckResult;
use super::speed::LargestBlobs;
use super::standing::Standing;
use super::{content, source};
use crate::config::{KnownRegistry, SharedRegistries};
use crate::diagnostic::why;

/// Checks repositories, with the results of their registries.
pub(super) struct Visitor<'a> {
    pub(super) registries: &'a SharedRegistries,
    pub(super) standings: Vec<(&'a KnownRegistry, &'a Standing)>,
    /// The blobs for the speed measurement.
    pub(super) largest: LargestBlobs,
}

impl Visitor<'_> {
    pub(super) async fn visit(&self, rule: &PlannedRule) -> CheckResult {
        let mut outcome = CheckResult::default();
        match &rule.planned {
            Planned::One(one) => self.visit_one(one, &mut outcome).await,
            Planned::Many(many) => self.visit_many(many, &mut outcome).await,
        }
        for finding in &mut outcome.findings {
            finding.rule.clone_from(&rule.name);
        }
        outcome
    }

    async fn visit_one(&self, one: &One, outcome: &mut CheckResult) {
        let holdings = self.visit_source(&one.source, &one.selection, outcome).await;
        for target in &one.targets {
            let edition = self.standing(&target.known).and_then(|standing| standing.edition);
            let host = target.known.registry.host();
            outcome.findings.extend(content::judge(&one.source.place(), &holdings, host, edition));
            self.visit_target(target, outcome).await;
        }
    }

    /// Lists all repositories, as a copy does, and checks the first one.
    async fn visit_many(&self, many: &Many, outcome: &mut CheckResult) {
        let place = format!("{}/{}", many.source.known.registry.host(), many.rule.pattern);
        if !self.is_usable(&many.source.known) {
            outcome.not_checked.push(place);
            return;
        }
        let listed = match list(many, &place).await {
            Ok(listed) => listed,
            Err(Unlisted::NoList(why)) => {
                let finding =
                    Finding::problem(&place, Step::Repositories, "its repositories cannot be listed");
                let next = "check the project's or namespace's name, and that the login may see it";
                outcome.findings.push(finding.why(why).next(next));
                return;
            }
            Err(Unlisted::NoPlace(cause)) => {
                let what = "two of its repositories have one place at the target, or one has none";
                let finding = Finding::problem(&place, Step::Repositories, what);
                outcome.findings.push(finding.why(why(&cause)).next("give the pattern another target"));
                return;
            }
        };
        let Some((name, rule)) = listed.first else {
            let what = match listed.repositories {
                1 => "its only repository does not match".to_owned(),
                number => format!("none of its {number} repositories matches"),
            };
            let finding = Finding::warning(&place, Step::Repositories, what);
            let next = "check the pattern, and that the login may see what it is meant for";
            outcome.findings.push(finding.next(next));
            return;
        };
        let (repositories, matching) = (listed.repositories, listed.matching);
        let what = format!("repositories: {repositories}, matching: {matching}; `{name}` is looked at");
        outcome.findings.push(Finding::ok(&place, Step::Repositories, what));
        if let Some(one) = spots(self.registries, &rule) {
            self.visit_one(&one, outcome).await;
        }
    }

    async fn visit_source(
        &self,
        source: &Spot,
        selection: &Selection,
        outcome: &mut CheckResult,
    ) -> Holdings {
        if !self.is_usable(&source.known) {
            outcome.not_checked.push(source.place());
            return Holdings::default();
        }
        let (findings, holdings) = source::look(&source.known, &source.repository, selection).await;
        outcome.findings.extend(findings);
        if let Some(largest) = &holdings.largest {
            self.largest.note(source, largest.clone());
        }
        holdings
    }

    async fn visit_target(&self, target: &Spot, outcome: &mut CheckResult) {
        let standing = self.standing(&target.known);
        if standing.is_some_and(|standing| !standing.is_usable()) {
            outcome.not_checked.push(target.place());
            return;
        }
        let usage = standing.and_then(|standing| standing.usage.as_ref());
        let namespace = match namespace::look(&target.known, &target.repository, usage).await {
            Seen::Ready(finding) => {
                outcome.findings.push(finding);
                Namespace::Ready
            }
            Seen::Unclear(finding) => {
                outcome.findings.extend(finding);
                Namespace::Unclear
            }
            Seen::Later(finding) | Seen::Wrong(finding) => {
                outcome.findings.push(finding);
                return;
            }
        };
        let edition = standing.and_then(|standing| standing.edition);
        let circumstances = Circumstances { namespace, edition };
        outcome.findings.push(push::look(&target.known, &target.repository, circumstances).await);
    }

    fn standing(&self, known: &KnownRegistry) -> Option<&Standing> {
        let found = self.standings.iter().find(|(other, _)| is_same(other, known));
        found.map(|(_, standing)| *standing)
    }

    fn is_usable(&self, known: &KnownRegistry) -> bool {
        self.standing(known).is_none_or(Standing::is_usable)
    }
}

/// The repositories that a pattern matches.
#[derive(Default)]
struct Listed {
    repositories: usize,
    matching: usize,
    first: Option<(RepositoryName, Rule)>,
}

/// Why a pattern cannot be carried out.
enum Unlisted {
    NoList(String),
    NoPlace(Cause),
}

/// Reads the whole list, and derives the targets of all matching repositories, as a copy does.
async fn list(many: &Many, place: &str) -> Result<Listed, Unlisted> {
    let (registry, rule, mut listed) = (&many.source.known.registry, &many.rule, Listed::default());
    let mut pages = rule.listing.repositories(&rule.pattern.literal_front());
    let mut targets = PatternTargets::new(rule);
    loop {
        let page = match asked(registry, place, async || pages.next().await).await {
            Some(Ok(page)) => page,
            Some(Err(error)) => return Err(Unlisted::NoList(why(&error.into()))),
            None => return Err(Unlisted::NoList(NO_ANSWER.to_owned())),
        };
        let Some(page) = page else { return Ok(listed) };
        listed.repositories += page.len();
        for repository in page {
            if let Some(made) = targets.rule_of(rule, &repository).map_err(Unlisted::NoPlace)? {
                listed.matching += 1;
                listed.first.get_or_insert((repository, made));
            }
        }
    }
}
