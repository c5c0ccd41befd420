//! What is left of the failures and refusals of rules, and of the rules that were not listed, after later runs did that work.
//!
//! A report says of a rule only what went wrong. So a later run has mended a rule if its report names the rule and says nothing of the kind.
//! Runs of different shards have different images of a rule: they mend nothing of each other.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashSet};

use oci::RepositoryName;

use super::facts::{Facts, FailedRule, Rule, ShardEntry};

/// Reports of runs, in any order.
pub(super) struct Runs<'a>(Vec<Run<'a>>);

/// A report, with what tells whether its run came after another one and did all that the other had to do.
struct Run<'a> {
    facts: &'a Facts,
    begun: Option<jiff::Timestamp>,
    ended: Option<jiff::Timestamp>,
    share: Share,
    /// Collected when it is needed first.
    rules: OnceCell<Rules<'a>>,
}

/// Which of its rules' images a run had.
enum Share {
    All,
    /// Shards, each with its number and their count.
    Shards(BTreeSet<(u64, u64)>),
}

/// What a report says of rules.
struct Rules<'a> {
    all: HashSet<(Option<&'a str>, &'a str)>,
    /// The names, or else sources, of all.
    labels: HashSet<&'a str>,
    /// Sources of failures.
    failed: HashSet<&'a str>,
    /// Labels of rules that failed as a whole.
    failed_whole: HashSet<&'a str>,
    /// The words of refusals.
    refused: HashSet<&'a str>,
}

/// The refusals of one report that no later run has mended.
pub(super) struct Refused<'a> {
    pub(super) words: Vec<&'a str>,
    pub(super) facts: &'a Facts,
}

impl<'a> Runs<'a> {
    pub(super) fn of(facts: &'a [Facts]) -> Self {
        Self(facts.iter().map(Run::of).collect())
    }

    pub(super) fn failed_rules(&self) -> impl Iterator<Item = &'a FailedRule> {
        self.0.iter().flat_map(move |run| {
            let failed = &run.facts.tail.failed_rules;
            let later = self.after(run, !failed.is_empty());
            failed.iter().filter(move |failed| !later.iter().any(|later| later.has_settled(failed)))
        })
    }

    pub(super) fn unlisted_rules(&self) -> u64 {
        let left = |run: &Run<'_>| {
            let unlisted = run.facts.head.totals.unlisted_rules;
            let is_done = self.after(run, unlisted > 0).iter().any(|later| later.has_listed_all_of(run));
            if is_done { 0 } else { unlisted }
        };
        self.0.iter().map(left).fold(0, u64::saturating_add)
    }

    pub(super) fn refused_rules(&self) -> Vec<Refused<'a>> {
        let left = |run: &Run<'a>| {
            let refused = &run.facts.tail.refused_rules;
            let mut later = self.after(run, !refused.is_empty());
            later.retain(|later| later.has_room_for_refused(run));
            let is_left = |words: &&str| later.iter().all(|later| later.rules().refused.contains(words));
            Refused {
                words: refused.iter().map(|words| &**words).filter(is_left).collect(),
                facts: run.facts,
            }
        };
        self.0.iter().map(left).collect()
    }

    /// The runs that began after this one had ended, and had all its images to do. A run that only looked has mended nothing.
    fn after(&self, run: &Run<'_>, is_asked: bool) -> Vec<&Run<'a>> {
        let is_after = |later: &&Run<'a>| {
            is_asked
                && later.begun.zip(run.ended).is_some_and(|(begun, ended)| begun >= ended)
                && later.share.includes(&run.share)
                && later.facts.head.totals.would_copy == 0
        };
        self.0.iter().filter(is_after).collect()
    }
}

impl<'a> Run<'a> {
    fn of(facts: &'a Facts) -> Self {
        let (begun, ended) = (facts.head.started_at.parse().ok(), facts.head.finished_at.parse().ok());
        Self { facts, begun, ended, share: Share::of(facts), rules: OnceCell::new() }
    }

    fn rules(&self) -> &Rules<'a> {
        self.rules.get_or_init(|| Rules::of(self.facts))
    }

    /// Whether an earlier failure is over: this run has done that rule, or its own failure stands for it. A retry may name the rule
    /// differently.
    fn has_settled(&self, failed: &FailedRule) -> bool {
        let (rules, label) = (self.rules(), failed.rule.as_deref());
        // A retry names the repository that failed, in a rule without a name.
        let is_named = label.is_some_and(|label| rules.labels.contains(label))
            || rules.all.contains(&(None, &*failed.source));
        // A rule that was not listed is named, too, and which ones these are is not known.
        let is_all_listed = self.facts.head.totals.unlisted_rules == 0;
        let has_failed_whole = label.is_some_and(|label| rules.failed_whole.contains(label));
        rules.failed.contains(&*failed.source) || (is_named && is_all_listed && !has_failed_whole)
    }

    fn has_listed_all_of(&self, run: &Run<'_>) -> bool {
        self.facts.head.totals.unlisted_rules == 0 && self.has_all_rules_of(run)
    }

    fn has_all_rules_of(&self, run: &Run<'_>) -> bool {
        let own = &self.rules().all;
        run.rules().all.iter().all(|rule| own.contains(rule))
    }

    /// Whether what `run` refused, and this run did not, may be among this run's rules. A refused rule is not among the rules of a report,
    /// so this run must have as many more; but what `apply` refuses are images of a plan.
    fn has_room_for_refused(&self, run: &Run<'_>) -> bool {
        let (own, theirs) = (self.rules(), run.rules());
        let is_of_plan = |run: &Run<'_>| run.facts.head.command == "apply";
        let refused = run.facts.tail.refused_rules.iter();
        let accepted = refused.filter(|words| !own.refused.contains(&***words)).count();
        self.has_all_rules_of(run)
            && ((is_of_plan(self) && is_of_plan(run)) || own.all.len() >= theirs.all.len() + accepted)
    }
}

impl Share {
    /// Merged reports have the shards of their runs.
    fn of(facts: &Facts) -> Self {
        let of_runs: Vec<Option<&ShardEntry>> = match &facts.tail.parts[..] {
            [] => vec![facts.head.shard.as_ref()],
            runs => runs.iter().map(|run| run.shard.as_ref()).collect(),
        };
        let shards = of_runs.into_iter().map(|shard| shard.map(|shard| (shard.number, shard.of)));
        let Some(shards) = shards.collect::<Option<BTreeSet<_>>>() else { return Self::All };
        let is_whole = |of: u64| of > 0 && (1..=of).all(|number| shards.contains(&(number, of)));
        if shards.iter().any(|(_, of)| is_whole(*of)) { Self::All } else { Self::Shards(shards) }
    }

    fn includes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::Shards(own), Self::Shards(others)) => others.is_subset(own),
            (Self::Shards(_), Self::All) => false,
        }
    }
}

impl<'a> Rules<'a> {
    fn of(facts: &'a Facts) -> Self {
        let rules = &facts.head.rules;
        let failed = &facts.tail.failed_rules;
        let is_whole = |failed: &&FailedRule| !is_repository(&failed.source);
        Self {
            all: rules.iter().map(|rule| (rule.name.as_deref(), &*rule.source)).collect(),
            labels: rules.iter().map(label).collect(),
            failed: failed.iter().map(|failed| &*failed.source).collect(),
            failed_whole: failed
                .iter()
                .filter(is_whole)
                .filter_map(|failed| failed.rule.as_deref())
                .collect(),
            refused: facts.tail.refused_rules.iter().map(|words| &**words).collect(),
        }
    }
}

fn label(rule: &Rule) -> &str {
    rule.name.as_deref().unwrap_or(&rule.source)
}

/// Whether a source is one repository, and not a pattern.
fn is_repository(source: &str) -> bool {
    source.split_once('/').is_some_and(|(_, path)| path.parse::<RepositoryName>().is_ok())
}

#[cfg(test)]
mod tests;
