//! The goals, in figures that every machine can measure.

use super::large_layer::{CURL, TEN};
use super::network::{CAPPED, WAN, WAN_LAYERS};
use super::null::{self, NULL, SHA256, tags_scenario};
use super::pipes;
use super::result::{Results, Row, float};
use super::tool::{CRANE, OCYNC, OURS};
use super::{corpora, expand, fleet};

/// The entries that are no programs for copying images.
const YARDSTICKS: [&str; 4] = [CURL, SHA256, pipes::HASHING, pipes::PLAIN];

/// A goal and its result.
pub(super) struct Judged {
    pub(super) what: String,
    pub(super) limit: String,
    pub(super) measured: String,
    pub(super) reached: bool,
}

/// All goals with figures.
pub(super) fn judge(results: &Results) -> Vec<Judged> {
    let mut judged = Vec::new();
    for (scenario, requests) in [("big cold", 1.03), ("tiny cold", 1.03), ("tiny unchanged", 1.01)] {
        let Some(ours) = results.row(scenario, OURS) else { continue };
        judged.push(all_right(scenario, ours));
        if let Some(ratio) = ours.to_floor() {
            judged.push(at_most(&format!("{scenario}: requests by the fewest possible"), requests, ratio));
        }
    }
    judged.extend(mixed(results));
    judged.extend(beside_ocync(results));
    if let Some(ours) = results.row(corpora::TINY_VERIFIED, OURS)
        && let Some(ratio) = ours.to_floor()
    {
        let what = format!("{}: requests by the fewest possible", corpora::TINY_VERIFIED);
        judged.push(at_most(&what, 1.01, ratio));
    }
    if let Some(ours) = results.row("big cold", OURS) {
        let mebibytes = ours.median(|sample| float(sample.usage.peak_kib)) / 1024.0;
        judged.push(at_most("big cold: peak memory in MiB", 32.0, mebibytes));
    }
    if let Some(ten) = results.rows.iter().find(|row| row.scenario == TEN) {
        let mebibytes = ten.median(|sample| float(sample.usage.peak_kib)) / 1024.0;
        judged.push(at_most(&format!("{TEN}: peak memory in MiB"), 32.0, mebibytes));
    }
    if let Some(ours) = results.row(&expand::scenario(20_000), OURS) {
        judged.push(all_right(expand::EXPAND, ours));
        let seconds = ours.median(|sample| sample.usage.cpu_seconds);
        judged.push(at_most("20,000 rules: seconds of CPU", 0.5, seconds));
    }
    judged.extend(with_delay(results));
    judged.extend(large_layer(results));
    judged.extend(networks(results));
    judged.extend(many_tags(results));
    judged.extend(fleet_of_four(results));
    judged
}

/// The goal for cold copies of many small images.
fn mixed(results: &Results) -> Option<Judged> {
    let ours = results.row("tiny cold", OURS)?.wall_seconds();
    let peer = best_peer(results, "tiny cold")?;
    Some(at_most("tiny cold: wall time by that of the best peer", 0.55, ours / peer))
}

/// The fastest peer that copied everything.
fn best_peer(results: &Results, scenario: &str) -> Option<f64> {
    let peers = results.rows.iter().filter(|row| row.scenario == scenario && is_peer(row));
    peers.map(Row::wall_seconds).min_by(f64::total_cmp)
}

fn is_peer(row: &Row) -> bool {
    !row.tool.starts_with(OURS) && !YARDSTICKS.contains(&row.tool.as_str()) && row.is_complete()
}

/// No package registry has ocync. If it is not installed, its time relative to crane is taken from 2026-11-29.
fn beside_ocync(results: &Results) -> Vec<Judged> {
    let scenario = "big cold";
    let cpu = |row: &Row| row.median(|sample| sample.usage.cpu_seconds);
    let Some(ours) = results.row(scenario, OURS) else { return Vec::new() };
    let (name, wall, seconds) = match (results.row(scenario, OCYNC), results.row(scenario, CRANE)) {
        (Some(ocync), _) => (OCYNC, ocync.wall_seconds(), cpu(ocync)),
        (None, Some(crane)) => ("ocync (from crane's)", 0.74 * crane.wall_seconds(), 0.50 * cpu(crane)),
        (None, None) => return Vec::new(),
    };
    vec![
        at_most(&format!("{scenario}: wall time by that of {name}"), 0.9, ours.wall_seconds() / wall),
        at_most(&format!("{scenario}: CPU by that of {name}"), 1.0, cpu(ours) / seconds),
    ]
}

/// Four workers must take little more than a quarter of one's time, if each has its own limit.
fn fleet_of_four(results: &Results) -> Option<Judged> {
    let [one, four] = [1, 4].map(|workers| results.row(fleet::FLEET, &fleet::tool(workers)));
    let ratio = four?.wall_seconds() / one?.wall_seconds();
    Some(at_most("fleet: time of four workers by that of one", 0.32, ratio))
}

/// The goals for lines and capped sources.
fn networks(results: &Results) -> Vec<Judged> {
    let wall = |rows: &mut dyn Iterator<Item = &Row>| rows.map(Row::wall_seconds).min_by(f64::total_cmp);
    let find = |scenario: &str, is_wanted: &dyn Fn(&Row) -> bool| {
        let rows = results.rows.iter().filter(|row| row.scenario.starts_with(scenario));
        wall(&mut rows.filter(|row| is_wanted(row)))
    };
    let ours = |row: &Row| row.tool.starts_with(OURS);
    let peer = is_peer;
    let mut judged = Vec::new();
    if let (Some(ours), Some(pipes)) = (find(NULL, &ours), find(NULL, &|row| row.tool == pipes::HASHING)) {
        judged.push(at_least(
            &format!("{NULL}: throughput by that of {}", pipes::HASHING),
            0.85,
            pipes / ours,
        ));
    }
    judged.extend(cpu_of_hashing(results));
    if let (Some(ours), Some(peer)) = (find(WAN, &ours), find(WAN, &peer)) {
        judged.push(at_most(&format!("{WAN}: wall time by that of the best peer"), 0.6, ours / peer));
    }
    // In `wan` the curls copy only the layers, and ours also hundreds of images.
    for scenario in [WAN, WAN_LAYERS] {
        let curls = find(scenario, &|row| row.tool == pipes::PLAIN);
        if let (Some(ours), Some(curls)) = (find(scenario, &ours), curls) {
            let what = format!("{scenario}: throughput by that of {}", pipes::PLAIN);
            judged.push(at_least(&what, 0.9, curls / ours));
        }
    }
    if let (Some(ours), Some(single)) = (find(CAPPED, &ours), find(CAPPED, &|row| row.tool == pipes::PLAIN)) {
        judged.push(at_least(
            &format!("{CAPPED}: throughput by that of a single stream"),
            3.0,
            single / ours,
        ));
    }
    for unchanged in ["tiny unchanged, 30 ms", null::FAR] {
        if let (Some(ours), Some(peer)) = (find(unchanged, &ours), find(unchanged, &peer)) {
            judged.push(at_most(
                &format!("{unchanged}: wall time by that of the best peer"),
                0.7,
                ours / peer,
            ));
        }
    }
    judged
}

/// Our processor time between null registries, divided by the time of hashing the same bytes.
fn cpu_of_hashing(results: &Results) -> Option<Judged> {
    let hashing = results.rows.iter().find(|row| row.tool == SHA256)?;
    let ours =
        results.rows.iter().find(|row| row.scenario == hashing.scenario && row.tool.starts_with(OURS))?;
    let cpu = |row: &Row| row.median(|sample| sample.usage.cpu_seconds);
    Some(at_most(&format!("{NULL}: CPU by that of SHA-256 alone"), 1.25, cpu(ours) / cpu(hashing)))
}

fn many_tags(results: &Results) -> Vec<Judged> {
    let (Some(few), Some(many)) =
        (results.row(&tags_scenario(10_000), OURS), results.row(&tags_scenario(100_000), OURS))
    else {
        return Vec::new();
    };
    let mebibytes = many.median(|sample| float(sample.usage.peak_kib)) / 1024.0;
    let ratio = many.wall_seconds() / few.wall_seconds();
    vec![
        at_most("100,000 unchanged tags: peak memory in MiB", 96.0, mebibytes),
        at_most("100,000 unchanged tags: wall time by that of 10,000", 13.0, ratio),
    ]
}

fn with_delay(results: &Results) -> Option<Judged> {
    let delayed = || results.rows.iter().filter(|row| row.scenario.ends_with("cold, 30 ms"));
    let best = |rows: &mut dyn Iterator<Item = &Row>| rows.map(Row::wall_seconds).min_by(f64::total_cmp);
    let ours = best(&mut delayed().filter(|row| row.tool.starts_with(OURS)))?;
    let peer = best(&mut delayed().filter(|row| !row.tool.starts_with(OURS) && row.is_complete()))?;
    Some(at_most("with a delay: wall time by that of the best peer", 0.45, ours / peer))
}

fn large_layer(results: &Results) -> Option<Judged> {
    let curl = results.rows.iter().find(|row| row.tool == CURL)?;
    let ours = results.row(&curl.scenario, OURS)?;
    let ratio = curl.wall_seconds() / ours.wall_seconds();
    Some(at_least(&format!("{}: throughput by that of {CURL}", curl.scenario), 0.8, ratio))
}

fn at_least(what: &str, limit: f64, measured: f64) -> Judged {
    Judged {
        what: what.to_owned(),
        limit: format!("≥ {limit:.2}"),
        measured: format!("{measured:.2}"),
        reached: measured >= limit,
    }
}

fn at_most(what: &str, limit: f64, measured: f64) -> Judged {
    Judged {
        what: what.to_owned(),
        limit: format!("≤ {limit:.2}"),
        measured: format!("{measured:.2}"),
        reached: measured <= limit,
    }
}

fn all_right(scenario: &str, row: &Row) -> Judged {
    Judged {
        what: format!("{scenario}: all that was copied is right"),
        limit: "all".to_owned(),
        measured: if row.is_complete() { "all" } else { "not all" }.to_owned(),
        reached: row.is_complete(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::result::tests::results;
    use super::*;

    fn reached(results: &Results, what: &str) -> bool {
        judge(results).iter().find(|judged| judged.what.contains(what)).unwrap().reached
    }

    #[test]
    fn goals_are_judged_by_medians() {
        let good = results(&[("big cold", OURS, &[2.5, 9.0, 2.5]), ("big cold", CRANE, &[4.0])]);
        assert!(reached(&good, "big cold: wall time"));
        assert!(reached(&good, "big cold: requests"));
        let bad = results(&[("big cold", OURS, &[2.8]), ("big cold", CRANE, &[4.0])]);
        assert!(!reached(&bad, "big cold: wall time"));
    }

    #[test]
    fn a_look_that_asks_more_than_once_for_what_is_there_misses_its_goal() {
        for (requests, is_reached) in [(100, true), (102, false)] {
            let mut results = results(&[]);
            let sample = super::super::result::tests::sample(1.0, requests);
            results.note(corpora::TINY_VERIFIED, OURS, Some(100), sample);
            assert_eq!(reached(&results, "tiny verify: requests"), is_reached);
        }
    }

    #[test]
    fn the_best_of_ours_counts_where_a_line_is_slow_and_the_layer_is_compared_with_curl() {
        let rows: &[(&str, &str, &[f64])] = &[
            ("tiny cold, 30 ms", OURS, &[9.0]),
            ("tiny cold, 30 ms", "ours --proc 64", &[4.0]),
            ("tiny cold, 30 ms", CRANE, &[10.0]),
            ("tiny cold", OURS, &[5.0]),
            ("tiny cold", CRANE, &[10.0]),
            ("null unchanged, 30 ms", OURS, &[8.0]),
            ("null unchanged, 30 ms", CRANE, &[10.0]),
            ("one layer of 2048 MiB", OURS, &[2.0]),
            ("one layer of 2048 MiB", CURL, &[1.5]),
        ];
        let results = results(rows);
        assert!(reached(&results, "with a delay"));
        assert!(reached(&results, "tiny cold: wall time by that of the best peer"));
        assert!(!reached(&results, "null unchanged: wall time"));
        assert!(!reached(&results, "throughput"));
    }
}
