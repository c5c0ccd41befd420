//! What is left of the failures and refusals of rules, and of the rules that were not listed, after later runs did that work.
//!
//! A report says of a rule only what went wrong. So a later run has mended a rule if its report names the rule and says nothing of the kind.
//! Runs of different shards have different images of a rule: they mend nothing of each other.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashSet};

use oci::RepositoryName;

use super::facts::{Facts, FailedRule, Rule, ShardEntry, UnlistedRule};

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
    /// Whole rules.
    all: HashSet<(Option<&'a str>, &'a str)>,
    /// The names, or else sources, of these.
    labels: HashSet<&'a str>,
    /// Parts of rules that a retry took up: the label of the rule, and what it took up.
    parts: HashSet<(&'a str, &'a str)>,
    /// The repositories of these, as far as they were listed to their end.
    repositories: HashSet<&'a str>,
    /// Sources of failures.
    failed: HashSet<&'a str>,
    /// Labels of rules that failed as a whole.
    failed_whole: HashSet<&'a str>,
    /// Labels of whole rules that were not listed to their end, as far as the report names them.
    unlisted: HashSet<&'a str>,
    /// Such parts of rules.
    unlisted_parts: HashSet<(&'a str, &'a str)>,
    /// The words of refusals.
    refused: HashSet<&'a str>,
}

/// The rules that were not listed to their end, and that no later run has listed.
pub(super) struct Unlisted<'a> {
    /// Each once, however many runs were stopped before.
    pub(super) named: BTreeSet<&'a UnlistedRule>,
    /// How many further ones reports of older releases count.
    pub(super) more: u64,
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

    pub(super) fn unlisted_rules(&self) -> Unlisted<'a> {
        let mut left = Unlisted { named: BTreeSet::new(), more: 0 };
        for run in self.0.iter().filter(|run| run.facts.head.totals.unlisted_rules > 0) {
            let later = self.after(run, true);
            let named = run.facts.tail.unlisted_rules.iter();
            left.named.extend(named.filter(|rule| !later.iter().any(|later| later.has_listed(rule, run))));
            if !later.iter().any(|later| later.has_listed_all_of(run)) {
                left.more = left.more.saturating_add(run.unnamed_unlisted());
            }
        }
        left
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
        let (rules, label, source) = (self.rules(), failed.rule.as_deref(), &*failed.source);
        let has_whole = label.is_some_and(|label| rules.has_listed_whole(label))
            && !label.is_some_and(|label| rules.failed_whole.contains(label));
        // A retry takes up the repository that failed once for all rules that copy it: as a part of the first of them, or of older
        // releases, as a rule without a name.
        let has_part = rules.repositories.contains(source)
            || (rules.all.contains(&(None, source)) && rules.has_listed_whole(source));
        rules.failed.contains(source) || (self.unnamed_unlisted() == 0 && (has_whole || has_part))
    }

    /// Whether this run has listed to its end what an earlier one did not.
    fn has_listed(&self, unlisted: &UnlistedRule, run: &Run<'_>) -> bool {
        let (rules, label, source) = (self.rules(), unlisted.label(), &*unlisted.source);
        let is_part = run.rules().parts.contains(&(label, source));
        self.unnamed_unlisted() == 0
            && (rules.has_listed_whole(label) || (is_part && rules.has_listed_part(label, source)))
    }

    fn has_listed_all_of(&self, run: &Run<'_>) -> bool {
        self.facts.head.totals.unlisted_rules == 0 && self.has_all_rules_of(run)
    }

    fn has_all_rules_of(&self, run: &Run<'_>) -> bool {
        let (own, theirs) = (self.rules(), run.rules());
        let has_part = |part: &(&str, &str)| own.parts.contains(part) || own.labels.contains(part.0);
        theirs.all.iter().all(|rule| own.all.contains(rule)) && theirs.parts.iter().all(has_part)
    }

    /// How many rules were not listed to their end, and are not named: older releases only count them.
    fn unnamed_unlisted(&self) -> u64 {
        self.facts.head.totals.unlisted_rules.saturating_sub(self.facts.tail.unlisted_rules.len() as u64)
    }

    /// Whether what `run` refused, and this run did not, may be among this run's rules. A refused rule is not among the rules of a report,
    /// so this run must have as many more; but what `apply` refuses are images of a plan.
    fn has_room_for_refused(&self, run: &Run<'_>) -> bool {
        let (own, theirs) = (self.rules(), run.rules());
        let is_of_plan = |run: &Run<'_>| run.facts.head.command == "apply";
        let refused = run.facts.tail.refused_rules.iter();
        let accepted = refused.filter(|words| !own.refused.contains(&***words)).count();
        self.has_all_rules_of(run)
            && ((is_of_plan(self) && is_of_plan(run)) || own.len() >= theirs.len() + accepted)
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
        let (parts, rules): (Vec<_>, Vec<_>) =
            facts.head.rules.iter().partition(|rule| rule.part_of.is_some());
        let failed = &facts.tail.failed_rules;
        let is_whole = |failed: &&FailedRule| !is_repository(&failed.source);
        let parts: HashSet<_> = parts.iter().filter_map(|rule| part(rule)).collect();
        let unlisted = facts.tail.unlisted_rules.iter().map(|rule| (rule.label(), &*rule.source));
        let (unlisted_parts, unlisted): (HashSet<_>, HashSet<_>) =
            unlisted.partition(|rule| parts.contains(rule));
        let repositories =
            parts.difference(&unlisted_parts).flat_map(|(_, source)| repositories(source)).collect();
        Self {
            all: rules.iter().map(|rule| (rule.name.as_deref(), &*rule.source)).collect(),
            labels: rules.iter().map(|rule| rule.label()).collect(),
            parts,
            repositories,
            failed: failed.iter().map(|failed| &*failed.source).collect(),
            failed_whole: failed
                .iter()
                .filter(is_whole)
                .filter_map(|failed| failed.rule.as_deref())
                .collect(),
            unlisted: unlisted.into_iter().map(|(label, _)| label).collect(),
            unlisted_parts,
            refused: facts.tail.refused_rules.iter().map(|words| &**words).collect(),
        }
    }

    fn len(&self) -> usize {
        self.all.len() + self.parts.len()
    }

    /// Whether the run had the whole rule with this label, and listed it to its end.
    fn has_listed_whole(&self, label: &str) -> bool {
        self.labels.contains(label) && !self.unlisted.contains(label)
    }

    /// Whether the run had this part of that rule, and listed it to its end.
    fn has_listed_part(&self, label: &str, source: &str) -> bool {
        self.parts.contains(&(label, source)) && !self.unlisted_parts.contains(&(label, source))
    }
}

/// The label of the rule of which this is a part, and what was taken up of it.
fn part(rule: &Rule) -> Option<(&str, &str)> {
    Some((rule.part_of.as_deref()?, &rule.source))
}

/// What a source may name: the whole, or a repository whose tags, digests or expression for tags follow.
fn repositories(source: &str) -> impl Iterator<Item = &str> {
    let ends = source.match_indices([':', '@']).map(|(end, _)| end);
    ends.chain([source.len()]).map(|end| &source[..end])
}

/// Whether a source is one repository, and not a pattern.
fn is_repository(source: &str) -> bool {
    source.split_once('/').is_some_and(|(_, path)| path.parse::<RepositoryName>().is_ok())
}

#[cfg(test)]
mod tests;
