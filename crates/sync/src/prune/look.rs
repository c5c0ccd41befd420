//! Reads sources and targets, and decides what to delete.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _};
use tokio_util::sync::CancellationToken;

use super::candidate::Candidate;
use super::examine::{Examination, Examined, Unread};
use super::guards::Guards;
use super::progress::PruneProgress;
use super::refusal::Refusal;
use super::repository::Repository;
use crate::plan::listings::{AtTarget, Listings, RepositoryPlace, SourceTags};
use crate::{Observer, Options, Report, State, Sync, Work};

/// How many repositories are read in parallel.
const AT_ONCE: usize = 4;

/// The rules, with the limits of those that delete.
pub struct Prune {
    /// All rules of a config: what any of them selects stays. `None` for rules that do not delete.
    pub rules: Vec<(Work, Option<Guards>)>,
    /// How often a step is retried after a passing error, and how many listings run in parallel.
    pub options: Options,
    /// What earlier runs have seen missing.
    pub state: State,
}

/// What would be deleted, and why the rest stays.
pub struct PrunePlan {
    /// Why nothing is deleted at all.
    pub refused: Option<Refusal>,
    /// Repositories that could not be read, so that nothing is deleted there; sorted.
    pub unread: Vec<Unread>,
    pub(super) repositories: Vec<Repository>,
    pub(super) retries: u32,
    /// The progress of the deletion.
    pub progress: PruneProgress,
}

impl Prune {
    /// Lists, reads and decides. Deletes nothing; records in the state what is missing.
    pub async fn look(self, observer: Arc<dyn Observer>, cancel: CancellationToken) -> PrunePlan {
        let Self { rules, options, state } = self;
        let mut plan = PrunePlan::refused_or_empty(None, options.retries);
        let (works, guards): (Vec<_>, Vec<_>) = rules.into_iter().unzip();
        let patterns: Vec<Option<String>> = works.iter().map(pattern_of).collect();
        let sync = Sync::new(works, options, observer).remembering(state.clone());
        let (report, listings) = sync.list(cancel.clone()).await;
        plan.refused = not_listed(&report).or_else(|| without_tags(&listings, &patterns, &guards));
        if plan.refused.is_none() {
            let examined = plan.examine(&listings, &guards, &state);
            if cancel.run_until_cancelled(examined).await.is_none() {
                return PrunePlan::refused_or_empty(Some(Refusal::Stopped), plan.retries);
            }
        }
        plan
    }
}

impl PrunePlan {
    fn refused_or_empty(refused: Option<Refusal>, retries: u32) -> Self {
        let (unread, repositories, progress) = Default::default();
        Self { refused, unread, repositories, retries, progress }
    }

    /// All candidates with their reasons, sorted by name.
    pub fn candidates(&self) -> Vec<&Candidate> {
        let all = self.repositories.iter().flat_map(|repository| &repository.candidates);
        let mut all: Vec<_> = all.collect();
        all.sort_by_cached_key(|candidate| candidate.target());
        all
    }

    /// What a successful deletion removes, a line `NAME DIGEST` for each: enough to restore every reference.
    pub fn undo_lines(&self) -> Vec<String> {
        let due = self.candidates().into_iter().filter(|candidate| candidate.is_due());
        due.map(|candidate| format!("{} {}", candidate.target(), candidate.digest)).collect()
    }

    async fn examine(&mut self, listings: &Listings, guards: &[Option<Guards>], state: &State) {
        let mut by_place: BTreeMap<RepositoryPlace, Vec<(&AtTarget, Option<Guards>)>> = BTreeMap::new();
        for found in &listings.at_targets {
            let guards = guards.get(found.rule).copied().flatten();
            by_place.entry(RepositoryPlace::of(found.target.name())).or_default().push((found, guards));
        }
        let (nothing, retries) = (HashSet::new(), self.retries);
        let examinations = by_place.into_iter().filter_map(|(place, found)| {
            let selected = listings.selected(&place).unwrap_or(&nothing);
            Some(Examination::new(found, selected, (state, retries))?.examine())
        });
        // In the order of their names, whichever is ready first.
        let mut examined = stream::iter(examinations.collect::<Vec<_>>()).buffered(AT_ONCE);
        let mut too_much = Vec::new();
        while let Some(examined) = examined.next().await {
            match examined {
                Ok(Examined { repository, too_much: more }) => {
                    self.repositories.extend(repository);
                    too_much.extend(more);
                }
                Err(unread) => self.unread.push(unread),
            }
        }
        self.refused = (!too_much.is_empty()).then_some(Refusal::TooMuch(too_much));
    }
}

/// The refusal if a rule could not be listed.
fn not_listed(report: &Report) -> Option<Refusal> {
    if !report.unfinished_rules.is_empty() {
        return Some(Refusal::Stopped);
    }
    (!report.failed_rules.is_empty()).then(|| Refusal::NotListed(report.failed_rules.clone()))
}

/// What a rule about many repositories lists.
fn pattern_of(work: &Work) -> Option<String> {
    match work {
        Work::Pattern(rule) => Some(format!("{}/{}", rule.listing.name(), rule.pattern)),
        Work::Repository(_) | Work::Tasks(_) | Work::Assignments(_) => None,
    }
}

/// The refusal if a named source has no tags, or a pattern no repositories.
fn without_tags(
    listings: &Listings,
    patterns: &[Option<String>],
    guards: &[Option<Guards>],
) -> Option<Refusal> {
    let is_written = |rule: usize| patterns.get(rule).is_some_and(Option::is_none);
    let lacks = |found: &AtTarget| match found.tags {
        SourceTags::Some => None,
        // The source of a rule that does not delete may still be empty.
        SourceTags::NoImages if guards.get(found.rule).is_none_or(Option::is_none) => None,
        SourceTags::NoImages => Some("has none of the images that its rule selects"),
        SourceTags::None => Some("has no tags"),
    };
    let mut written = listings.at_targets.iter().filter(|found| is_written(found.rule));
    if let Some((empty, lacks)) = written.find_map(|found| Some((found, lacks(found)?))) {
        let why = format!("{} {lacks}: an empty source deletes nothing", empty.source.name());
        return Some(Refusal::Empty(why));
    }
    let listed: BTreeSet<usize> = listings.at_targets.iter().map(|found| found.rule).collect();
    let silent =
        patterns.iter().enumerate().find(|(rule, pattern)| pattern.is_some() && !listed.contains(rule));
    let pattern = silent?.1.as_deref()?;
    Some(Refusal::Empty(format!("no repository matches {pattern}: an empty source deletes nothing")))
}
