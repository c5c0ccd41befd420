//! The report of a run.

use std::collections::HashMap;

use oci::Digest;
use sync::select::Counts;

use super::alike::failure_groups;
use super::facts::{Facts, FailedRule, Head, Rule, ShardEntry, Stopped, Tail, Totals, UnlistedRule};
use super::registries::by_host;
use super::registry_entry::registry_entries;
use crate::config::WrittenRule;
use crate::done::Done;
use crate::output::PlannedRule;
use crate::output::failure::explain;

/// Everything except the images.
pub(crate) fn facts(done: &Done, exit_code: u8) -> Facts {
    let (report, tally) = (&done.report, &done.run.tally);
    let selected = &done.records.selected;
    let own = registry_entries(&done.registries, tally);
    let registries = by_host(own.iter().chain(&done.elsewhere));
    let failed_rules = report.failed_rules.iter().map(|failure| FailedRule {
        rule: done.rule(failure.rule).map(str::to_owned),
        source: failure.source.to_string(),
        error: explain(&failure.error),
    });
    Facts {
        head: Head {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            run: done.run.id.to_string(),
            command: done.run.command.to_owned(),
            config: done.config.clone(),
            started_at: time(done.run.started),
            finished_at: time(jiff::Timestamp::now()),
            exit_code,
            stopped: Stopped::of(done.stopped.as_ref(), exit_code, report.is_left(), done.goes_on),
            rules: rules(done),
            shard: shard_entry(done),
            totals: totals(done),
        },
        tail: Tail {
            left_out: selected.left_out.clone(),
            left_out_more: Some(selected.not_named),
            failed_rules: failed_rules.collect(),
            unlisted_rules: unlisted_rules(done),
            refused_rules: done.refused.iter().map(|refused| refused.error.to_string()).collect(),
            registries,
            failures: failure_groups(&done.failures),
            timeline: tally.timeline(),
            workers: done.records.shares.entries(),
            parts: Vec::new(),
        },
    }
}

/// A rule of the config that lines of a list of failures take up whole stands there once, however many they are.
fn rules(done: &Done) -> Vec<Rule> {
    let (mut rules, mut places) = (Vec::<Rule>::new(), HashMap::<*const WrittenRule, usize>::new());
    for (index, PlannedRule { written, .. }) in done.rules.iter().enumerate() {
        let line = (written.in_documents(), written.part_of(), done.records.selected.counts(index));
        let also = written.retried.iter().flat_map(|retried| &retried.also);
        let also = also.map(|rule| (&**rule, None, Counts::default()));
        for (rule, part_of, selection) in std::iter::once(line).chain(also) {
            let place = *places.entry(std::ptr::from_ref(rule)).or_insert(rules.len());
            if place == rules.len() {
                let (name, source) = (rule.name.clone(), rule.source.clone());
                rules.push(Rule { name, source, part_of, ..Rule::default() });
            }
            rules[place].selection += selection;
        }
    }
    rules
}

fn unlisted_rules(done: &Done) -> Vec<UnlistedRule> {
    let rules = done.report.unfinished_rules.iter().filter_map(|rule| done.rules.get(*rule));
    let unlisted = rules.map(|PlannedRule { written, .. }| UnlistedRule {
        rule: Some(written.label().to_owned()),
        source: written.in_documents().source.clone(),
    });
    unlisted.collect()
}

fn shard_entry(done: &Done) -> Option<ShardEntry> {
    let shard = done.shard?;
    // Where names decide, the division itself is the same for all configs.
    let of_rules = |split: &Digest| match &done.divided {
        Some(rules) => Digest::sha256(format!("{split} {rules}").as_bytes()),
        None => split.clone(),
    };
    let split = done.report.shard.as_ref().map(|(_, split)| of_rules(split).to_string());
    Some(ShardEntry { number: shard.index() as u64 + 1, of: shard.count() as u64, split })
}

/// RFC 3339, to the millisecond.
pub(crate) fn time(time: jiff::Timestamp) -> String {
    format!("{time:.3}")
}

pub(in crate::output) fn totals(done: &Done) -> Totals {
    let report = &done.report;
    let (amounts, number) = (report.amounts(), |count: usize| count as u64);
    let sums = &report.totals;
    let skipped = sums.kept + sums.left_out + sums.not_in_sample;
    Totals {
        copied: number(report.copied()),
        // In the terms of a copy, for a run that verified.
        unchanged: number(sums.unchanged + sums.whole),
        skipped: number(skipped),
        failed: number(sums.failed + sums.different),
        not_done: number(report.not_done()),
        would_copy: number(report.would_copy()),
        unlisted_rules: number(report.unfinished_rules.len()),
        failed_rules: number(report.failed_rules.len()),
        refused: number(done.refused()),
        bytes_moved: amounts.moved_bytes,
        bytes_mounted: amounts.mounted_bytes,
        bytes_present: amounts.present_bytes,
        requests: done.requests(),
        referrers: amounts.referrers,
        referrers_left: report.referrers_left(),
    }
}
