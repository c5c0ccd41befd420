use super::*;

fn read(text: &str) -> Result<PlanFile, String> {
    PlanFile::read_from(text.as_bytes())
}

#[test]
fn what_is_no_plan_is_refused_with_what_it_is() {
    for (text, told) in [
        ("", "no whole JSON document"),
        ("{\"schema\": \"image-syncer/plan/1\"", "no whole JSON document"),
        ("[]", "expected a plan"),
        ("{}", "has no `schema`"),
        ("{\"schema\": 1}", "is no text"),
        ("{\"schema\": \"image-syncer/plan/2\"}", "this release reads image-syncer/plan/1"),
        ("{\"schema\": \"image-syncer/report/1\"}", "a plan's is image-syncer/plan/1"),
        ("{\"schema\": \"image-syncer/plan/1\", \"steps\": {}}", "expected a list of steps"),
        ("{\"schema\": \"image-syncer/plan/1\", \"rules\": []}", "missing field `steps`"),
        ("{\"schema\": \"image-syncer/plan/1\", \"partial\": true, \"steps\": []}", "was stopped"),
        (
            "{\"rules\": [{}], \"steps\": [], \"schema\": \"image-syncer/plan/1\"}",
            "rule 0 in `rules`, counted from 0: missing field",
        ),
    ] {
        let error = read(text).err().unwrap_or_else(|| panic!("{text} was read"));
        assert!(error.contains(told), "{text}: {error}");
    }
}

/// The JSON of a step to this target, with the further fields `more`.
pub(in crate::command::apply) fn step(target: &str, more: &str) -> String {
    format!(r#"{{"rule": 0, "source": "q.io/a:1", "target": "{target}", "action": "create"{more}}}"#)
}

#[test]
fn a_step_that_is_none_keeps_no_other_from_being_read() {
    let digest = Digest::sha256(b"x");
    let source = format!(r#", "sourceDigest": "{digest}""#);
    let steps = [
        step("r.io/a:1", &source),
        step("r.io/a:2", ""),
        step("r.io/a", &source),
        step("r.io/a:3", r#", "sourceDigest": "sha256:0""#),
        step("r.io/a:4", &source.replace("0,", "7,")).replace("\"rule\": 0", "\"rule\": 7"),
        step("r.io/a:5", &source).replace("create", "delete"),
        step("R.io:443/a:1", &source),
        step("r.io/a:6", &format!(r#"{source}, "resultDigest": "{digest}", "targetDigest": null"#))
            .replace("create", "unchanged"),
        "7".to_owned(),
    ];
    let policy = serde_json::to_string(&sync::Policy::default()).unwrap();
    let rule = format!(r#"{{"name": null, "source": "q.io/a", "targets": ["r.io/a"], "policy": {policy}}}"#);
    let text = format!(
        r#"{{"schema": "{SCHEMA}", "rules": [{rule}], "later": [1], "steps": [{}], "totals": {{}}}}"#,
        steps.join(",\n")
    );
    let plan = read(&text).unwrap();
    assert_eq!(plan.steps.len(), 1);
    assert_eq!(plan.steps[0].step.image.target_name(), "r.io/a:1");
    let malformed: Vec<_> = plan.malformed.iter().map(|step| (&*step.target, &*step.problem)).collect();
    let has = |target: &str, problem: &str| {
        malformed.iter().any(|(name, told)| *name == target && told.contains(problem))
    };
    assert!(has("r.io/a:2", "no `sourceDigest`"), "{malformed:?}");
    assert!(has("r.io/a", "neither a tag nor a digest"), "{malformed:?}");
    assert!(has("r.io/a:3", "hexadecimal"), "{malformed:?}");
    assert!(has("r.io/a:4", "`rule` is 7, and the plan has 1 rule"), "{malformed:?}");
    assert!(has("r.io/a:5", "`action` is \"delete\""), "{malformed:?}");
    assert!(has("R.io:443/a:1", "an earlier step"), "{malformed:?}");
    assert!(has("r.io/a:6", "it has no `targetDigest`"), "{malformed:?}");
    assert_eq!(malformed.len(), 8);
    let mut places: Vec<_> = plan.malformed.iter().map(|step| (step.at.number, step.at.line)).collect();
    places.sort_unstable();
    assert_eq!(places, [2, 3, 4, 5, 6, 7, 8, 9].map(|number| (number, number)), "one stands on each line");
    assert_eq!((plan.steps[0].at.number, plan.steps[0].at.line), (1, 1));
}

#[test]
fn a_step_of_a_shard_that_does_not_exist_is_told_by_the_first_one() {
    let digest = Digest::sha256(b"x");
    let of_shard = |target: &str, shard: usize, action: &str| {
        step(target, &format!(r#", "sourceDigest": "{digest}", "shard": {shard}"#)).replace("create", action)
    };
    let steps = [
        of_shard("r.io/a:1", 1, "create"),
        of_shard("r.io/a:2", 9, "create"),
        of_shard("r.io/a:3", 0, "create"),
        of_shard("r.io/a:4", 5, "missing"),
        of_shard("r.io/a:5", 4, "create"),
    ];
    let policy = serde_json::to_string(&sync::Policy::default()).unwrap();
    let rule = format!(r#"{{"name": null, "source": "q.io/a", "targets": ["r.io/a"], "policy": {policy}}}"#);
    let text = format!(r#"{{"schema": "{SCHEMA}", "rules": [{rule}], "steps": [{}]}}"#, steps.join(","));
    let of = |index| read(&text).unwrap().only(Shard::new(index, 4).unwrap()).unwrap().0;
    let targets = |steps: &[Numbered]| -> Vec<String> {
        steps.iter().map(|numbered| numbered.step.image.target_name()).collect()
    };
    let first = of(0);
    assert_eq!((targets(&first.steps), targets(&first.impossible)), (vec!["r.io/a:1".to_owned()], vec![]));
    let told: Vec<_> =
        first.malformed.iter().map(|step| (step.at.number, &*step.target, &*step.problem)).collect();
    let problem = |number| format!("`shard` is {number}, and the plan is carried out in 4 shards");
    let [two, three, four] = [9, 0, 5].map(problem);
    assert_eq!(told, [(2, "r.io/a:2", &*two), (3, "r.io/a:3", &*three), (4, "r.io/a:4", &*four)]);
    for index in 1..4 {
        let other = of(index);
        let own: &[&str] = if index == 3 { &["r.io/a:5"] } else { &[] };
        assert_eq!(targets(&other.steps), own);
        assert!(other.malformed.is_empty() && other.impossible.is_empty());
    }
}
