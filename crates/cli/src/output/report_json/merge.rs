//! Merges reports of several runs, as if one run had done everything: shards of a config, or a run and its retries.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sync::select::Counts;

use super::facts::{Facts, FailedRule, Head, Part, Rule, Stopped, Tail, Totals};
use super::images::{joined, name};
use super::mended::{Refused, Runs, Unlisted};
use super::read::{Unreadable, read};
use super::registries::by_host;
use super::regroup::Regrouped;
use super::status::status;
use super::timeline::{self, Point};
use crate::output::record::ImageRecord;
use crate::output::records::{Gathered, Records};
use crate::output::selected::{LeftOutTag, MOST_NAMED};
use crate::output::sorted::{Sorted, Sorter};

/// Takes reports in any order. Images are sorted in a temporary file.
pub(crate) struct Merger<'a> {
    folder: Option<&'a Path>,
    facts: Vec<Facts>,
    images: Sorter,
    /// Referrers that were not copied and belong to no image of a report.
    left_beside: u64,
}

impl<'a> Merger<'a> {
    /// `folder` is for temporary files.
    pub(crate) fn new(folder: Option<&'a Path>) -> Self {
        Self { folder, facts: Vec::new(), images: Sorter::new(folder), left_beside: 0 }
    }

    /// Adds a file; `-` is stdin.
    ///
    /// # Errors
    /// The file is not a report.
    pub(crate) fn add(&mut self, path: &Path) -> Result<(), Unreadable> {
        let (number, images, mut left) = (self.facts.len(), &mut self.images, 0_u64);
        let facts = read(path, &mut |image| {
            left = left.saturating_add(image.referrers_left);
            // The number keeps equal entries of one image distinct: their amounts must be summed.
            images.add((name(&image), format!("{number:010}{}", serde_json::to_string(&image)?)))
        })?;
        self.left_beside += facts.head.totals.referrers_left.saturating_sub(left);
        self.facts.push(facts);
        Ok(())
    }

    /// The merged report.
    pub(crate) fn finish(self) -> std::io::Result<(Facts, Records)> {
        let (facts, images) = (self.facts, self.images.finish()?);
        let mut totals = Totals { referrers_left: self.left_beside, ..Totals::default() };
        let (mut failures, mut records) = (Regrouped::default(), Gathered::new(self.folder));
        let runs = Runs::of(&facts);
        let failed_rules = failed_rules(&runs);
        for rule in &failed_rules {
            failures.add_rule(rule);
        }
        each_once(&images, |image| {
            totals.add(&image);
            failures.add_image(&image);
            records.add(&image)
        })?;
        let mut records = records.finish();
        for one in &facts {
            records.add_losses(&one.tail.workers);
        }
        let registries = by_host(facts.iter().flat_map(|one| &one.tail.registries));
        totals.requests = registries.iter().fold(0, |sum, registry| sum.saturating_add(registry.requests));
        totals.failed_rules = failed_rules.len() as u64;
        let Unlisted { named, more } = runs.unlisted_rules();
        let unlisted_rules: Vec<_> = named.into_iter().cloned().collect();
        totals.unlisted_rules = (unlisted_rules.len() as u64).saturating_add(more);
        let are_all_by_login = failures.are_all_by_login();
        let refused = runs.refused_rules();
        let refused_rules = refused_rules(&refused);
        totals.refused = (refused_rules.len() as u64).saturating_add(more_refused(&refused));
        let (left_out, left_out_more) = left_out(&facts);
        let tail = Tail {
            left_out,
            left_out_more,
            failed_rules,
            unlisted_rules,
            refused_rules,
            registries,
            failures: failures.finish(),
            timeline: curve(&facts),
            workers: records.shares.entries(),
            parts: parts(&facts),
        };
        // Not those of merged reports, which also tell of shards that were missing then.
        let codes: Vec<u8> = tail.parts.iter().map(|part| part.exit_code).collect();
        let exit_code = status(&totals, are_all_by_login, &codes);
        let stopped = Stopped::of_parts(&tail.parts, totals.is_left());
        let head = Head { exit_code, totals, stopped, rules: rules(&facts), ..head(&tail.parts) };
        Ok((Facts { head, tail }, records))
    }
}

/// Each image, merged from all its entries.
fn each_once(
    images: &Sorted,
    mut each: impl FnMut(ImageRecord) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut last: Option<ImageRecord> = None;
    for pair in images.pairs() {
        let (_, text) = pair?;
        let image: ImageRecord = serde_json::from_str(&text[10..])?;
        last = Some(match last {
            Some(before) if name(&before) == name(&image) => joined(before, image),
            before => {
                before.map_or(Ok(()), &mut each)?;
                image
            }
        });
    }
    last.map_or(Ok(()), each)
}

/// The runs, the earliest first. A merged report contributes its own parts.
fn parts(facts: &[Facts]) -> Vec<Part> {
    let own = |one: &Facts| {
        let Head { started_at, finished_at, run, command, exit_code, shard, stopped, .. } = one.head.clone();
        vec![Part { started_at, finished_at, run, command, exit_code, shard, stopped }]
    };
    let of = |one: &Facts| if one.tail.parts.is_empty() { own(one) } else { one.tail.parts.clone() };
    let mut parts: Vec<_> = facts.iter().flat_map(of).collect();
    parts.sort();
    parts
}

/// A single run from the first beginning to the last end.
fn head(parts: &[Part]) -> Head {
    let commands: BTreeSet<_> = parts.iter().map(|part| part.command.as_str()).collect();
    Head {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        run: parts.first().map(|part| part.run.clone()).unwrap_or_default(),
        command: commands.into_iter().collect::<Vec<_>>().join(", "),
        started_at: parts.first().map(|part| part.started_at.clone()).unwrap_or_default(),
        finished_at: parts.iter().map(|part| part.finished_at.clone()).max().unwrap_or_default(),
        ..Head::default()
    }
}

/// The selections of each rule, summed over the shards.
fn rules(facts: &[Facts]) -> Vec<Rule> {
    let mut rules: BTreeMap<_, Rule> = BTreeMap::new();
    for rule in facts.iter().flat_map(|one| &one.head.rules) {
        let key = (rule.name.clone(), rule.source.clone(), rule.part_of.clone());
        let new = Rule { selection: Counts::default(), ..rule.clone() };
        rules.entry(key).or_insert(new).selection += rule.selection;
    }
    rules.into_values().collect()
}

/// As many tags as a single run lists, and the number of further ones.
fn left_out(facts: &[Facts]) -> (Vec<LeftOutTag>, Option<usize>) {
    let all: BTreeSet<_> = facts.iter().flat_map(|one| one.tail.left_out.iter().cloned()).collect();
    let more: Option<usize> = facts.iter().map(|one| one.tail.left_out_more).sum();
    let not_named = all.len().saturating_sub(MOST_NAMED);
    (all.into_iter().take(MOST_NAMED).collect(), more.map(|more| more + not_named))
}

/// A list that failed in several shards counts once.
fn failed_rules(runs: &Runs<'_>) -> Vec<FailedRule> {
    let mut rules: BTreeMap<_, FailedRule> = BTreeMap::new();
    for failed in runs.failed_rules() {
        let known =
            rules.entry((failed.rule.clone(), failed.source.clone())).or_insert_with(|| failed.clone());
        if failed.error < known.error {
            known.error = failed.error.clone();
        }
    }
    rules.into_values().collect()
}

/// Each shard repeats the refusals of its config: they count once. Equal texts within one file are separate refusals.
fn refused_rules(refused: &[Refused<'_>]) -> Vec<String> {
    let mut most = BTreeMap::<&str, usize>::new();
    for one in refused {
        let mut times = BTreeMap::<&str, usize>::new();
        for words in &one.words {
            *times.entry(words).or_default() += 1;
        }
        for (words, times) in times {
            let most = most.entry(words).or_default();
            *most = times.max(*most);
        }
    }
    most.into_iter().flat_map(|(words, times)| std::iter::repeat_n(words.to_owned(), times)).collect()
}

/// The number of refusals beyond one for each text. In a config each refusal stands for one rule; in a plan it may stand for several, and
/// only the first shard reports it. Reports with equal refusals, such as two runs of one plan, count once.
fn more_refused(refused: &[Refused<'_>]) -> u64 {
    let mut most = BTreeMap::<_, u64>::new();
    for Refused { facts, .. } in refused.iter().filter(|one| !one.words.is_empty()) {
        let mut words: Vec<_> = facts.tail.refused_rules.iter().collect();
        words.sort();
        let more = facts.head.totals.refused.saturating_sub(words.len() as u64);
        let most = most.entry(words).or_default();
        *most = more.max(*most);
    }
    most.into_values().fold(0, u64::saturating_add)
}

/// The merged curve, beginning with the earliest run.
fn curve(facts: &[Facts]) -> Vec<Point> {
    let begun = |one: &Facts| one.head.started_at.parse::<jiff::Timestamp>().ok();
    let first = facts.iter().filter_map(begun).min();
    let curves = facts.iter().map(|one| {
        let after = begun(one)
            .zip(first)
            .map_or(0.0, |(begun, first)| (begun - first).total(jiff::Unit::Second).unwrap_or(0.0));
        (after.max(0.0), &*one.tail.timeline)
    });
    timeline::together(&curves.collect::<Vec<_>>())
}
