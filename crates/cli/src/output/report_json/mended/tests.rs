use serde_json::{Value, json};

use super::super::facts::SCHEMA;
use super::super::{Merger, write};

/// The report of a run in this hour of a day, which copied an image.
fn run(hour: u8, rules: &[(Option<&str>, &str)], more: Value) -> Value {
    let rules: Vec<_> = rules.iter().map(|(name, source)| json!({"name": name, "source": source})).collect();
    let mut report = json!({
        "schema": SCHEMA,
        "run": format!("r{hour}"),
        "command": "sync",
        "startedAt": format!("2026-11-30T{hour:02}:00:00.000Z"),
        "finishedAt": format!("2026-11-30T{hour:02}:59:59.999Z"),
        "rules": rules,
        "images": [{"source": "q.io/a:v1", "target": "r.io/a:v1", "outcome": "copied"}],
    });
    let Value::Object(more) = more else { panic!("{more}") };
    for (key, value) in more {
        report[key] = value;
    }
    report
}

fn failed(rules: &[(&str, &str)]) -> Value {
    let rules = rules.iter().map(|(rule, source)| json!({"rule": rule, "source": source}));
    json!({"failedRules": rules.collect::<Vec<_>>(), "exitCode": 1})
}

fn merged(reports: &[&Value]) -> Value {
    let of = |reports: &[&Value]| -> Value {
        let folder = tempfile::tempdir().unwrap();
        let mut merger = Merger::new(None);
        for (number, report) in reports.iter().enumerate() {
            let path = folder.path().join(format!("{number}.json"));
            std::fs::write(&path, report.to_string()).unwrap();
            merger.add(&path).unwrap();
        }
        let (facts, records) = merger.finish().unwrap();
        let mut text = Vec::new();
        write(&facts, &records, &mut text).unwrap();
        serde_json::from_slice(&text).unwrap()
    };
    let report = of(reports);
    let reversed: Vec<_> = reports.iter().rev().copied().collect();
    assert_eq!(report, of(&reversed), "in any order");
    report
}

/// The exit status, and the sources of the rules that have failed.
fn left(reports: &[&Value]) -> (u64, Vec<String>) {
    let report = merged(reports);
    let failed = report["failedRules"].as_array().unwrap().iter();
    let mut sources: Vec<_> = failed.map(|failed| failed["source"].as_str().unwrap().to_owned()).collect();
    sources.sort_unstable();
    (report["exitCode"].as_u64().unwrap(), sources)
}

fn is(code: u64, sources: &[&str]) -> (u64, Vec<String>) {
    (code, sources.iter().map(|source| (*source).to_owned()).collect())
}

const APPS: (Option<&str>, &str) = (Some("apps"), "q.io/lib/**");
const APP: (Option<&str>, &str) = (None, "q.io/app");
const C: (Option<&str>, &str) = (None, "q.io/lib/c");

#[test]
fn c1_a_retry_mends_the_rules_that_it_names() {
    let first = run(1, &[APPS, APP], failed(&[("apps", "q.io/lib/c"), ("q.io/app", "q.io/app")]));
    assert_eq!(left(&[&first]), is(1, &["q.io/app", "q.io/lib/c"]));
    let retry = |hour, more| run(hour, &[C, APP], more);
    assert_eq!(left(&[&first, &retry(2, json!({}))]), is(0, &[]));
    assert_eq!(left(&[&first, &run(2, &[C], json!({}))]), is(1, &["q.io/app"]), "it was not tried again");
    let again = retry(2, failed(&[("q.io/lib/c", "q.io/lib/c")]));
    assert_eq!(left(&[&first, &again]), is(1, &["q.io/lib/c"]));
    assert_eq!(left(&[&first, &again, &run(3, &[C], json!({}))]), is(0, &[]));
    let before = retry(0, json!({}));
    assert_eq!(left(&[&first, &before]).0, 1, "what went well before has failed since");
    let stopped = retry(2, json!({"totals": {"unlistedRules": 1}, "exitCode": 130}));
    assert_eq!(left(&[&first, &stopped]), is(130, &["q.io/app", "q.io/lib/c"]));
    let dry = retry(2, json!({"totals": {"wouldCopy": 1}}));
    assert_eq!(left(&[&first, &dry]).1.len(), 2, "a run that only looks mends nothing");
}

#[test]
fn c1_the_same_run_again_mends_what_does_not_fail_again() {
    let first = run(1, &[APPS, APP], failed(&[("apps", "q.io/lib/c")]));
    assert_eq!(left(&[&first, &run(2, &[APPS, APP], json!({}))]), is(0, &[]));
    assert_eq!(left(&[&first, &run(2, &[APP], json!({}))]), is(1, &["q.io/lib/c"]));
    let other = run(2, &[APPS, APP], failed(&[("apps", "q.io/lib/d")]));
    assert_eq!(left(&[&first, &other]), is(1, &["q.io/lib/d"]));
    let whole = run(2, &[APPS, APP], failed(&[("apps", "q.io/lib/**")]));
    assert_eq!(left(&[&first, &whole]), is(1, &["q.io/lib/**", "q.io/lib/c"]), "it was not looked at");
    assert_eq!(left(&[&first, &whole, &run(3, &[APPS], json!({}))]), is(0, &[]));
}

#[test]
fn c1_shards_mend_nothing_of_each_other() {
    let shard = |number: u64| json!({"number": number, "of": 2, "split": "s"});
    let of = |hour, number, mut more: Value| {
        more["shard"] = shard(number);
        run(hour, &[APPS], more)
    };
    let first = of(1, 1, failed(&[("apps", "q.io/lib/c")]));
    let (second, again) = (of(2, 2, json!({})), of(3, 1, json!({})));
    assert_eq!(left(&[&first, &second]), is(1, &["q.io/lib/c"]));
    assert_eq!(left(&[&first, &second, &again]), is(0, &[]));
    assert_eq!(left(&[&first, &second, &run(3, &[APPS], json!({}))]), is(0, &[]), "all shards' images");
    let whole = run(1, &[APPS], failed(&[("apps", "q.io/lib/c")]));
    assert_eq!(left(&[&whole, &second]).0, 1);
    assert_eq!(left(&[&whole, &second, &again]).0, 1, "neither of them is the whole");
    let both = merged(&[&second, &again]);
    assert_eq!(left(&[&whole, &both]).0, 0, "together they are");
    let stopped = of(1, 1, json!({"totals": {"unlistedRules": 1}, "exitCode": 130}));
    assert_eq!(left(&[&stopped, &second]).0, 130);
    assert_eq!(left(&[&stopped, &second, &again]).0, 0);
}

#[test]
fn c1_a_rule_that_was_not_listed_is_done_by_a_run_of_all_rules() {
    let stopped = json!({"totals": {"unlistedRules": 1}, "exitCode": 130});
    let first = run(1, &[APPS, APP], stopped.clone());
    assert_eq!(left(&[&first]).0, 130);
    assert_eq!(left(&[&first, &run(2, &[APPS, APP], json!({}))]).0, 0);
    assert_eq!(merged(&[&first, &run(2, &[APPS, APP, C], json!({}))])["totals"]["unlistedRules"], 0);
    assert_eq!(
        left(&[&first, &run(2, &[APP], json!({}))]).0,
        130,
        "it is not known which one was not listed"
    );
    assert_eq!(merged(&[&first, &run(2, &[APPS, APP], stopped)])["totals"]["unlistedRules"], 2);
}

/// What a stopped run reports of rules that it did not list.
fn unlisted(rules: &[(&str, &str)]) -> Value {
    let named: Vec<_> = rules.iter().map(|(rule, source)| json!({"rule": rule, "source": source})).collect();
    json!({"unlistedRules": named, "totals": {"unlistedRules": rules.len()}, "exitCode": 130})
}

/// The exit status, and the labels and sources of the rules that are not listed.
fn open(reports: &[&Value]) -> (u64, Vec<(String, String)>) {
    let report = merged(reports);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rules = report["unlistedRules"].as_array().unwrap().iter();
    let rules: Vec<_> = rules.map(|rule| (text(&rule["rule"]), text(&rule["source"]))).collect();
    assert_eq!(report["totals"]["unlistedRules"], rules.len());
    (report["exitCode"].as_u64().unwrap(), rules)
}

fn stays(rules: &[(&str, &str)]) -> (u64, Vec<(String, String)>) {
    let rules = rules.iter().map(|(rule, source)| ((*rule).to_owned(), (*source).to_owned()));
    (if rules.len() == 0 { 0 } else { 130 }, rules.collect())
}

/// A run with a part of a rule, as a retry takes it up.
fn part(hour: u8, (label, source): (&str, &str), more: Value) -> Value {
    let mut report = run(hour, &[(None, source)], more);
    report["rules"][0]["partOf"] = label.into();
    report
}

#[test]
fn c1_a_rule_that_is_named_as_not_listed_is_done_by_a_run_that_lists_it() {
    let (apps, app) = (("apps", "q.io/lib/**"), ("q.io/app", "q.io/app"));
    let first = run(1, &[APPS, APP, C], unlisted(&[apps, app]));
    assert_eq!(open(&[&first]), stays(&[apps, app]));
    let only = |hour, rules: &[(Option<&str>, &str)]| run(hour, rules, json!({}));
    assert_eq!(open(&[&first, &only(2, &[APPS, APP])]), stays(&[]), "the others were listed");
    assert_eq!(open(&[&first, &only(2, &[APPS])]), stays(&[app]));
    assert_eq!(open(&[&first, &only(2, &[APPS]), &only(3, &[APP])]), stays(&[]));
    assert_eq!(open(&[&first, &only(0, &[APPS, APP])]), stays(&[apps, app]), "it was before");
    let again = run(2, &[APPS, APP], unlisted(&[apps]));
    assert_eq!(open(&[&first, &again]), stays(&[apps]), "it counts once");
    assert_eq!(open(&[&first, &again, &only(3, &[APPS])]), stays(&[]));
    let half = merged(&[&first, &only(2, &[APPS])]);
    assert_eq!(open(&[&half, &only(3, &[APP])]), stays(&[]), "merged reports can be merged again");
    let older = run(2, &[APPS, APP], json!({"totals": {"unlistedRules": 1}, "exitCode": 130}));
    assert_eq!(merged(&[&first, &older])["totals"]["unlistedRules"], 3, "which one is not known");
}

#[test]
fn c1_a_part_of_a_rule_is_not_the_rule() {
    let (apps, c, d) = (("apps", "q.io/lib/**"), ("apps", "q.io/lib/c"), ("apps", "q.io/lib/d"));
    let first = run(1, &[APPS], unlisted(&[apps]));
    assert_eq!(open(&[&first, &part(2, c, json!({}))]), stays(&[apps]));
    let two = run(1, &[APPS], failed(&[c, d]));
    assert_eq!(left(&[&two]), is(1, &["q.io/lib/c", "q.io/lib/d"]));
    assert_eq!(left(&[&two, &part(2, c, json!({}))]), is(1, &["q.io/lib/d"]), "it is not all of that name");
    assert_eq!(left(&[&two, &part(2, c, json!({})), &part(3, d, json!({}))]), is(0, &[]));
    let stopped = part(2, c, unlisted(&[c]));
    assert_eq!(left(&[&two, &stopped]), is(130, &["q.io/lib/c", "q.io/lib/d"]));
    assert_eq!(open(&[&two, &stopped]), stays(&[c]));
    assert_eq!(left(&[&two, &stopped, &part(3, c, json!({}))]), is(1, &["q.io/lib/d"]));
    assert_eq!(left(&[&two, &stopped, &run(3, &[APPS], json!({}))]), is(0, &[]));
    let both = merged(&[&part(2, c, json!({})), &part(3, d, json!({}))]);
    assert_eq!(left(&[&two, &both]), is(0, &[]));
}

#[test]
fn c1_one_line_of_a_retry_mends_a_repository_for_all_rules_that_copy_it() {
    let (apps, other) = (("apps", "q.io/lib/c"), ("other", "q.io/lib/c"));
    let first = run(1, &[APPS, (Some("other"), "q.io/lib/c*")], failed(&[apps, other]));
    assert_eq!(left(&[&first, &part(2, apps, json!({}))]), is(0, &[]));
    for (source, is_same) in [
        ("q.io/lib/c:/^v1/", true),
        ("q.io/lib/c:v1,v2", true),
        ("q.io/lib/cc", false),
        ("q.io/lib/c/d", false),
    ] {
        let sources = if is_same { &[][..] } else { &["q.io/lib/c", "q.io/lib/c"] };
        assert_eq!(left(&[&first, &part(2, ("apps", source), json!({}))]).1, is(0, sources).1, "{source}");
    }
}

#[test]
fn c1_what_no_shard_could_divide_ends_as_one_run_would() {
    let undivided = |hour: u8, number: u8| {
        let shard = json!({"number": number, "of": 2, "split": null});
        let more = json!({"images": [], "exitCode": 3, "shard": shard, "totals": {"unlistedRules": 1},
            "unlistedRules": [{"rule": "apps", "source": "q.io/lib/**"}],
            "failedRules": [{"rule": "apps", "source": "q.io/lib/c"}]});
        run(hour, &[APPS], more)
    };
    let (one, two) = (undivided(1, 1), undivided(2, 2));
    assert_eq!(left(&[&one, &two]), is(3, &["q.io/lib/c"]));
    let retried = merged(&[&one, &two, &part(3, ("apps", "q.io/lib/c"), json!({}))]);
    assert_eq!((&retried["exitCode"], &retried["totals"]["unlistedRules"]), (&json!(1), &json!(1)));
    assert_eq!(left(&[&one, &two, &run(3, &[APPS], json!({}))]), is(0, &[]));
}

#[test]
fn c1_a_refused_rule_is_mended_by_a_run_of_the_same_rules_that_takes_it() {
    let refused = json!({"refusedRules": ["c.yaml:3: no"], "totals": {"refused": 1}, "exitCode": 1});
    let left = |reports: &[&Value]| {
        let report = merged(reports);
        (report["exitCode"].as_u64().unwrap(), report["totals"]["refused"].as_u64().unwrap())
    };
    let first = run(1, &[APP], refused.clone());
    assert_eq!(left(&[&first, &run(2, &[APP, APPS], json!({}))]), (0, 0));
    assert_eq!(left(&[&first, &run(2, &[APP], json!({}))]), (1, 1), "it is not among the rules");
    assert_eq!(left(&[&first, &run(2, &[APPS, C], json!({}))]), (1, 1), "these are other rules");
    assert_eq!(left(&[&first, &run(2, &[APP, APPS], refused.clone())]), (1, 1));
    let apply = |hour, mut more: Value| {
        more["command"] = "apply".into();
        run(hour, &[APP], more)
    };
    let images = json!({"refusedRules": ["the plan lacks it"], "totals": {"refused": 7}, "exitCode": 1});
    assert_eq!(left(&[&apply(1, images.clone())]), (1, 7));
    assert_eq!(left(&[&apply(1, images), &apply(2, json!({}))]), (0, 0), "of a later plan");
}
