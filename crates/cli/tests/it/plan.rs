//! `plan` and `apply`: what is planned is what happens, and nothing else.

mod estimate;

use anyhow::{Result, ensure};
use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Effect, EmbeddedRegistry, Fault, Match, Times};
use serde_json::{Value, json};

use crate::json_schema::conforms;
use crate::process::{Ran, Workplace};

struct Bench {
    source: EmbeddedRegistry,
    target: EmbeddedRegistry,
    workplace: Workplace,
}

impl Bench {
    async fn start(rules: &str) -> Result<Self> {
        let (source, target) =
            (EmbeddedRegistry::builder().start().await?, EmbeddedRegistry::builder().start().await?);
        let workplace = Workplace::new()?;
        let (from, to) = (source.host(), target.host());
        let auth = format!("auth:\n  {from}: {{insecure: true}}\n  {to}: {{insecure: true}}\n");
        let rules = rules.replace("SOURCE", &from).replace("TARGET", &to);
        workplace.write("image-syncer.yaml", &(auth + &rules))?;
        Ok(Self { source, target, workplace })
    }

    fn image(&self, repository: &str, tag: &str, layers: &[u64]) {
        let layers: Vec<_> = layers.iter().map(|number| sample::layer(*number, 10_000)).collect();
        sample::image(self.source.store(), repository, Some(tag), Flavour::Oci, &layers, "amd64");
    }

    fn run(&self, arguments: &str) -> Result<Ran> {
        let output = self.workplace.command(arguments).output()?;
        Ran::of(output)
    }

    fn plan(&self, arguments: &str) -> Result<Value> {
        let ran = self.run(&format!("plan --json {arguments}"))?;
        Ok(serde_json::from_str(&ran.stdout)?)
    }

    /// The target's digest of a tag.
    fn at_target(&self, repository: &str, tag: &str) -> Option<String> {
        let manifest = self.target.store().manifest(repository, tag)?;
        Some(oci::Digest::sha256(&manifest.bytes).to_string())
    }
}

const RULES: &str = "sync:\n- name: apps\n  from: SOURCE/a/**\n  to: TARGET/b\n  tags: {exclude: ['*-rc']}\n";

fn actions(plan: &Value) -> Vec<(String, String)> {
    let text = |step: &Value, key: &str| step[key].as_str().unwrap_or_default().to_owned();
    let steps = plan["steps"].as_array().into_iter().flatten();
    let name = |target: String| target.split_once("/b/").map(|(_, name)| name.to_owned()).unwrap_or(target);
    steps.map(|step| (name(text(step, "target")), text(step, "action"))).collect()
}

fn expect(actions: &[(&str, &str)]) -> Vec<(String, String)> {
    actions.iter().map(|(name, action)| ((*name).to_owned(), (*action).to_owned())).collect()
}

/// `app` and `lib` share a layer; one tag was copied before and has moved, one is unchanged, and one is a candidate.
async fn world() -> Result<Bench> {
    let bench = Bench::start(RULES).await?;
    bench.image("a/app", "v1", &[1, 2]);
    bench.image("a/app", "latest", &[1, 3]);
    bench.run("sync")?.expect_code(0)?;
    bench.image("a/app", "latest", &[1, 4]);
    bench.image("a/app", "v2-rc", &[9]);
    let same = bench.source.store().manifest("a/app", "v1").expect("v1");
    bench.source.store().put_manifest("a/app", "stable", &same.media_type, same.bytes);
    bench.image("a/lib", "v1", &[4, 5]);
    Ok(bench)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_applied_as_it_says_and_a_plan_after_it_is_empty() -> Result<()> {
    let bench = world().await?;
    bench.target.clear_requests();
    let plan = bench.plan("--out p.json --no-state")?;
    ensure!(
        actions(&plan)
            == expect(&[
                ("app:latest", "update"),
                ("app:stable", "retag"),
                ("app:v1", "unchanged"),
                ("lib:v1", "create")
            ]),
        "{plan:#}"
    );
    ensure!(plan["schema"] == "image-syncer/plan/1" && plan["rules"][0]["name"] == "apps", "{plan:#}");
    let selection = &plan["rules"][0]["selection"];
    ensure!(selection["listed"] == 5 && selection["excluded"] == 1 && selection["selected"] == 4, "{plan:#}");
    // Layer 4 is sent to one repository, and mounted into the other.
    ensure!(plan["totals"]["bytesMounted"] == 10_000, "{plan:#}");
    ensure!(serde_json::from_str::<Value>(&bench.workplace.read("p.json")?)? == plan);
    ensure!(plan["extra"] == json!([]), "{plan:#}");
    let text = bench.run("plan --no-state")?.expect_code(0)?.stdout;
    for line in [
        "apps: ",
        "  selected 4 of 5 tags: 1 excluded",
        "    + v1: new",
        "1 new, 1 to update, 1 to be named, 1 unchanged",
    ] {
        ensure!(text.contains(line), "{line}\n{text}");
    }
    ensure!(
        !text.contains("= v1") && bench.run("plan --all")?.stdout.contains("    = v1: unchanged"),
        "{text}"
    );
    ensure!(bench.run("plan --exit-code")?.code == 10);

    // Later changes at the source are not part of the plan.
    let planned = plan["steps"][0]["sourceDigest"].as_str().map(str::to_owned);
    bench.image("a/app", "latest", &[7]);
    bench.image("a/app", "v3", &[8]);
    let target = bench.target.host();
    let report =
        bench.run(&format!("apply p.json --json --no-state --plain-http {target}"))?.expect_code(0)?;
    ensure!(!report.stderr.contains("nothing uses the registry"), "{}", report.stderr);
    let report: Value = serde_json::from_str(&report.stdout)?;
    ensure!(report["totals"]["copied"] == 3 && report["command"] == "apply", "{report:#}");
    ensure!(report["totals"]["bytesMoved"].as_u64() <= plan["totals"]["bytes"].as_u64(), "{report:#}");
    ensure!(report["images"][0]["rule"] == "apps", "{report:#}");
    ensure!(bench.at_target("b/app", "latest") == planned && bench.at_target("b/app", "v3").is_none());

    // Applied a second time, it does nothing.
    let again = bench.run("apply p.json --json --no-state")?.expect_code(0)?;
    let again: Value = serde_json::from_str(&again.stdout)?;
    ensure!(again["totals"]["unchanged"] == 4 && again["totals"]["bytesMoved"] == 0, "{again:#}");

    bench.run("sync")?.expect_code(0)?;
    let empty = bench.plan("--exit-code")?;
    ensure!(empty["totals"]["unchanged"] == 5 && empty["totals"]["bytes"] == 0, "{empty:#}");
    ensure!(bench.run("plan --exit-code")?.code == 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_target_has_is_told_and_nothing_to_do() -> Result<()> {
    let bench = world().await?;
    bench.run("sync")?.expect_code(0)?;
    for tag in ["v1", "stable"] {
        ensure!(bench.source.store().remove_manifest("a/app", tag));
    }
    // The rule ignores names that it would not give.
    let foreign = [sample::layer(77, 100)];
    sample::image(bench.target.store(), "b/app", Some("x-rc"), Flavour::Oci, &foreign, "amd64");
    let plan = bench.plan("--exit-code")?;
    let extra: Vec<_> = plan["extra"].as_array().into_iter().flatten().collect();
    ensure!(extra.len() == 2 && plan["totals"]["unchanged"] == 2, "{plan:#}");
    for (extra, tag) in extra.iter().zip(["stable", "v1"]) {
        ensure!(extra["target"] == format!("{}/b/app:{tag}", bench.target.host()), "{extra:#}");
        ensure!(extra["digest"].as_str().map(str::to_owned) == bench.at_target("b/app", tag), "{extra:#}");
    }
    let shown = bench.run("plan --all --exit-code")?.expect_code(0)?.stdout;
    ensure!(
        shown.contains("    - v1: only at the target") && shown.contains("2 only at the target"),
        "{shown}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_plans_of_one_state_are_equal_but_for_their_time() -> Result<()> {
    let bench = world().await?;
    let (mut one, mut other) = (bench.plan("")?, bench.plan("--proc 1")?);
    for plan in [&mut one, &mut other] {
        ensure!(plan["createdAt"].take().is_string());
    }
    ensure!(serde_json::to_string(&one)? == serde_json::to_string(&other)?, "{one:#}\n{other:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_moved_is_drift_and_the_other_steps_go_on() -> Result<()> {
    let bench = world().await?;
    bench.plan("--out p.json")?;
    let theirs = sample::image(
        bench.target.store(),
        "b/app",
        Some("latest"),
        Flavour::Oci,
        &[sample::layer(77, 100)],
        "amd64",
    );
    let applied = bench.run("apply p.json --output-failed-images f.yaml")?.expect_code(1)?;
    ensure!(
        applied.stderr.contains("latest") && applied.stderr.contains("a new plan takes"),
        "{}",
        applied.stderr
    );
    ensure!(
        bench.at_target("b/app", "latest") == Some(theirs.digest.clone()),
        "what somebody else pushed stays"
    );
    ensure!(bench.at_target("b/lib", "v1").is_some() && bench.at_target("b/app", "stable").is_some());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_plan_calls_unchanged_is_to_be_so_still() -> Result<()> {
    let bench = world().await?;
    bench.plan("--out p.json")?;
    let theirs = [sample::layer(77, 100)];
    sample::image(bench.target.store(), "b/app", Some("v1"), Flavour::Oci, &theirs, "amd64");
    let applied = bench.run("apply p.json --json")?.expect_code(1)?;
    let report: Value = serde_json::from_str(&applied.stdout)?;
    ensure!(report["totals"]["failed"] == 1 && report["totals"]["copied"] == 3, "{report:#}");
    ensure!(
        applied.stderr.contains("b/app:v1") && applied.stderr.contains("the plan expects"),
        "{}",
        applied.stderr
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_plan_could_only_tell_of_is_told_again() -> Result<()> {
    for (policy, code, told) in
        [("keep", 1, "1 step of the plan met something else"), ("fail", 1, "b/app:v1 is not brought")]
    {
        let rules =
            format!("sync:\n- from: SOURCE/a/app:v1,v2,v9\n  to: TARGET/b/app\n  onConflict: {policy}\n");
        let bench = Bench::start(&rules).await?;
        for tag in ["v1", "v2"] {
            bench.image("a/app", tag, &[1]);
        }
        let theirs = [sample::layer(77, 100)];
        sample::image(bench.target.store(), "b/app", Some("v1"), Flavour::Oci, &theirs, "amd64");
        bench.run("plan --out p.json")?.expect_code(1)?;
        let applied = bench.run("apply p.json")?.expect_code(code)?;
        ensure!(applied.stderr.contains(told), "{}", applied.stderr);
        ensure!(applied.stderr.contains("b/app:v9 is not brought"), "{}", applied.stderr);
        ensure!(bench.at_target("b/app", "v2").is_some());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_plan_is_told_before_anything_moves() -> Result<()> {
    let bench = world().await?;
    let mut plan = bench.plan("--out p.json")?;
    plan["steps"][0]["sourceDigest"] = json!("sha256:0");
    bench.workplace.write("bad.json", &plan.to_string())?;
    let refused = bench.run("apply bad.json")?.expect_code(2)?;
    ensure!(refused.stderr.contains("the plan was changed since it was made"), "{}", refused.stderr);
    ensure!(refused.stderr.contains("--allow-edited"), "{}", refused.stderr);
    ensure!(bench.at_target("b/lib", "v1").is_none(), "nothing is carried out");
    let applied = bench.run("apply bad.json --allow-edited")?.expect_code(1)?;
    ensure!(
        applied.stderr.contains("bad.json:1: step 1, for ") && applied.stderr.contains("app:latest"),
        "{}",
        applied.stderr
    );
    applied.says(&[
        "cannot be carried out: `sourceDigest` is \"sha256:0\": ",
        "help: write for `sourceDigest` a digest",
    ])?;
    ensure!(bench.at_target("b/lib", "v1").is_some(), "the others go on");
    plan["steps"][0]["source"] = json!(format!("{}/a/app", bench.source.host()));
    bench.workplace.write("bad.json", &format!("{plan:#}"))?;
    let line =
        format!("{plan:#}").lines().position(|line| line.trim() == "\"steps\": [").unwrap_or_default() + 2;
    let applied = bench.run("apply bad.json --allow-edited")?.expect_code(1)?;
    applied.says(&[
        &format!("bad.json:{line}: step 1, for "),
        "/a/app\": it names neither a tag nor a digest",
        "help: write for `source` `HOST/REPOSITORY:TAG` or `HOST/REPOSITORY@DIGEST`; or make the plan anew",
    ])?;
    plan["schema"] = json!("image-syncer/plan/9");
    bench.workplace.write("new.json", &plan.to_string())?;
    bench.workplace.write("empty.json", r#"{"schema": "image-syncer/plan/1", "rules": []}"#)?;
    bench.workplace.write("cut.json", &bench.workplace.read("p.json")?[..300])?;
    for (file, told) in [
        ("new.json", "this release reads image-syncer/plan/1"),
        ("cut.json", "no whole JSON document"),
        ("none.json", "cannot be read"),
        ("empty.json", "missing field `steps`"),
        ("image-syncer.yaml", "no whole JSON document"),
    ] {
        let ran = bench.run(&format!("apply {file}"))?.expect_code(2)?;
        ensure!(ran.stderr.contains(told) && ran.stderr.contains(file), "{file}: {}", ran.stderr);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_which_steps_were_taken_out_is_carried_out_where_that_is_meant() -> Result<()> {
    let bench = world().await?;
    let plan = bench.plan("--out p.json")?;
    let without = |key: &str| {
        let mut edited = plan.clone();
        match key {
            "steps" => drop(edited["steps"].as_array_mut().and_then(Vec::pop)),
            key => drop(edited.as_object_mut().and_then(|entries| entries.remove(key))),
        }
        edited.to_string()
    };
    for (key, told) in [("steps", "was changed since it was made"), ("checksum", "has no `checksum`")] {
        bench.workplace.write("edited.json", &without(key))?;
        bench.run("apply edited.json")?.expect_code(2)?.says(&[told, "--allow-edited"])?;
    }
    ensure!(bench.at_target("b/app", "stable").is_none());
    bench.workplace.write("edited.json", &without("steps"))?;
    bench.run("apply edited.json --allow-edited")?.expect_code(0)?.says(&["carried out as it stands"])?;
    ensure!(bench.at_target("b/app", "stable").is_some() && bench.at_target("b/lib", "v1").is_none());
    // Reformatted by another program, with the keys in another order.
    bench.workplace.write("again.json", &format!("{plan:#}"))?;
    bench.run("apply again.json")?.expect_code(0)?;
    ensure!(bench.at_target("b/lib", "v1").is_some());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn images_of_a_plan_that_are_refused_are_counted_wherever_a_run_is_told() -> Result<()> {
    let bench = world().await?;
    let mut plan = bench.plan("--out p.json")?;
    plan["steps"][0]["sourceDigest"] = json!("sha256:0");
    plan["steps"][1]["rule"] = json!(7);
    let all = plan["steps"].as_array().map_or(0, Vec::len) as u64;
    bench.workplace.write("bad.json", &plan.to_string())?;
    let run = "apply bad.json --allow-edited --report r.json --report r.html --progress json";
    let ran = bench.run(run)?.expect_code(1)?;
    let summary = ran.stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).next_back();
    let summary = summary.unwrap_or_default();
    ensure!(summary["type"] == "summary" && summary["totals"]["refused"] == 2, "{summary:#}");
    let report: Value = serde_json::from_str(&bench.workplace.read("r.json")?)?;
    let schema = bench.run("schema report")?.expect_code(0)?;
    conforms(&serde_json::from_str(&schema.stdout)?, &report)?;
    let totals = |key: &str| report["totals"][key].as_u64().unwrap_or_default();
    ensure!(totals("refused") == 2, "{report:#}");
    ensure!(totals("copied") + totals("unchanged") + totals("refused") == all, "{report:#}");
    ensure!(
        bench.workplace.read("r.html")?.contains("<strong>2</strong><span><i class=\"failed\"></i>refused")
    );
    let told = ["2 images of the plan cannot be carried out", "refused      2 images of the plan"];
    let shown = bench.run("report show r.json")?.expect_code(0)?;
    ensure!(told.iter().all(|told| shown.stdout.to_lowercase().contains(told)), "{}", shown.stdout);
    // The output for people: copied images stay.
    bench
        .run("apply bad.json --allow-edited")?
        .expect_code(1)?
        .says(&["refused          2 images of the plan"])?;
    bench.run("report merge r.json --out m.json")?.expect_code(1)?;
    let merged: Value = serde_json::from_str(&bench.workplace.read("m.json")?)?;
    ensure!(merged["totals"] == report["totals"], "{merged:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_stored_that_is_not_what_a_plan_says_of_the_result() -> Result<()> {
    let bench = world().await?;
    let mut plan = bench.plan("--out p.json")?;
    let other = oci::Digest::sha256(b"other").to_string();
    for step in plan["steps"].as_array_mut().into_iter().flatten() {
        let name = step["target"].as_str().unwrap_or_default();
        // An unchanged image, and a new one.
        if name.ends_with("app:v1") || name.ends_with("lib:v1") {
            step["resultDigest"] = json!(other);
        }
    }
    bench.workplace.write("bad.json", &plan.to_string())?;
    bench.target.clear_requests();
    let ran = bench.run("apply bad.json --allow-edited --report r.json")?.expect_code(1)?;
    let lib =
        bench.source.store().manifest("a/lib", "v1").map(|manifest| oci::Digest::sha256(&manifest.bytes));
    let lib = lib.map(|digest| digest.to_string()).unwrap_or_default();
    ran.says(&[&format!("the target would get {lib} under this name, where the plan says {other}")])?;
    let report: Value = serde_json::from_str(&bench.workplace.read("r.json")?)?;
    ensure!(report["totals"]["failed"] == 2 && report["totals"]["copied"] == 2, "{report:#}");
    let of_lib = |method: &str| {
        let requests = bench.target.requests();
        requests.iter().filter(|asked| asked.method == method && asked.path.contains("/b/lib/")).count()
    };
    ensure!(of_lib("POST") + of_lib("PUT") + of_lib("PATCH") == 0, "nothing is written for it");
    ensure!(bench.at_target("b/app", "stable").is_some(), "the others go on");
    Ok(())
}

const CHAIN: &str =
    "sync:\n- from: TARGET/b/app\n  to: TARGET/c/app\n- from: SOURCE/a/app\n  to: TARGET/b/app\n";

#[tokio::test(flavor = "multi_thread")]
async fn what_one_rule_brings_for_another_is_planned_and_applied_in_one_run() -> Result<()> {
    let bench = Bench::start(CHAIN).await?;
    bench.image("a/app", "v1", &[1, 2]);
    bench.image("a/app", "v2", &[1, 3]);
    let plan = bench.plan("--out p.json")?;
    let steps: Vec<_> = plan["steps"].as_array().into_iter().flatten().collect();
    ensure!(steps.len() == 4 && steps.iter().all(|step| step["action"] == "create"), "{plan:#}");
    for (first, next) in steps[..2].iter().zip(&steps[2..]) {
        ensure!(
            first["sourceDigest"].is_string() && next["sourceDigest"] == first["sourceDigest"],
            "{plan:#}"
        );
        ensure!(next["bytesMounted"].as_u64() > Some(10_000), "{plan:#}");
    }
    let report = bench.run("apply p.json --json")?.expect_code(0)?;
    let report: Value = serde_json::from_str(&report.stdout)?;
    ensure!(report["totals"]["copied"] == 4, "{report:#}");
    ensure!(report["totals"]["bytesMoved"].as_u64() <= plan["totals"]["bytes"].as_u64(), "{report:#}");
    bench.run("plan --exit-code")?.expect_code(0)?;

    // If the first step of a chain fails, the next one reports what it lacks.
    bench.image("a/app", "v3", &[4]);
    bench.plan("--out p.json")?;
    let effect = Effect::refuse(403, "DENIED", "read only");
    bench.target.misbehave(Fault {
        when: Match::post("/b/app/blobs/uploads/"),
        times: Times::Always,
        effect,
    });
    let failed = bench.run("apply p.json --json")?.expect_code(1)?;
    let report: Value = serde_json::from_str(&failed.stdout)?;
    ensure!(report["totals"]["failed"] == 2 && report["totals"]["unchanged"] == 4, "{report:#}");
    for name in ["a/app:v3", "b/app:v3"] {
        ensure!(failed.stderr.contains(name), "{name}: {}", failed.stderr);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_from_stdin_is_read_once_for_a_plan_and_for_its_digest() -> Result<()> {
    let bench = world().await?;
    let from_file = bench.plan("--config image-syncer.yaml --include v*")?;
    let with_stdin = |arguments: &str| -> Result<Ran> {
        let config = std::fs::File::open(bench.workplace.path().join("image-syncer.yaml"))?;
        Ran::of(bench.workplace.command(arguments).stdin(config).output()?)
    };
    let from_stdin = with_stdin("plan --json --config - --include v* --out p.json")?.expect_code(0)?;
    let from_stdin: Value = serde_json::from_str(&from_stdin.stdout)?;
    ensure!(from_stdin["configDigest"].is_string(), "{from_stdin:#}");
    ensure!(from_stdin["configDigest"] == from_file["configDigest"]);
    let applied = with_stdin("apply p.json --config -")?.expect_code(0)?;
    ensure!(!applied.stderr.contains("other rules"), "{}", applied.stderr);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_made_with_other_rules_is_told() -> Result<()> {
    let bench = world().await?;
    bench.plan("--out p.json --include v*")?;
    let config = bench.workplace.read("image-syncer.yaml")?;
    let applied = bench.run("apply p.json")?.expect_code(0)?;
    ensure!(!applied.stderr.contains("other rules"), "flags are none of the config: {}", applied.stderr);
    bench.workplace.write("image-syncer.yaml", &config.replace("*-rc", "*-beta"))?;
    let applied = bench.run("apply p.json")?.expect_code(0)?;
    ensure!(applied.stderr.contains("made with other rules"), "{}", applied.stderr);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_planned_is_in_the_plan_and_in_the_status() -> Result<()> {
    let bench = Bench::start("images:\n  SOURCE/a/app:v1,v9: TARGET/b/app\n").await?;
    bench.image("a/app", "v1", &[1]);
    let ran = bench.run("plan --json --exit-code")?.expect_code(1)?;
    let plan: Value = serde_json::from_str(&ran.stdout)?;
    ensure!(actions(&plan) == expect(&[("app:v1", "create"), ("app:v9", "missing")]), "{plan:#}");
    ensure!(plan["rules"][0]["selection"]["selected"] == 2, "{plan:#}");
    ensure!(ran.stderr.contains("v9"), "{}", ran.stderr);
    ensure!(bench.run("plan --out - --json")?.code == 2, "stdout takes one document");
    let written = bench.run("plan --out -")?.expect_code(1)?;
    ensure!(
        serde_json::from_str::<Value>(&written.stdout)?["steps"]
            .as_array()
            .is_some_and(|steps| steps.len() == 2)
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_be_brought_is_counted_and_named_once() -> Result<()> {
    let rules = "sync:\n- {from: 'SOURCE/a/app:v1,v2,v3,v9', to: TARGET/b/app, onConflict: fail}\n\
                 - {from: SOURCE/none/there:v1, to: TARGET/c}\n- {from: SOURCE/no/list, to: TARGET/d}\n";
    let bench = Bench::start(rules).await?;
    for tag in ["v1", "v2", "v3"] {
        bench.image("a/app", tag, &[1]);
    }
    sample::image(bench.target.store(), "b/app", Some("v1"), Flavour::Oci, &[sample::layer(7, 100)], "amd64");
    let effect = Effect::refuse(403, "DENIED", "not now");
    bench.source.misbehave(Fault {
        when: Match::path("/v2/a/app/manifests/v3"),
        times: Times::Always,
        effect,
    });
    let planned = bench.run("plan --no-state --retries 0 --out p.json")?.expect_code(1)?;
    let said = "plan: 1 new, 1 in conflict, 2 missing at the source, 1 image failed, 1 list failed\n";
    ensure!(planned.stdout.contains(said), "{}", planned.stdout);
    let plan: Value = serde_json::from_str(&bench.workplace.read("p.json")?)?;
    let totals = &plan["totals"];
    ensure!(totals["missing"] == 2 && totals["conflict"] == 1 && totals["failed"] == 1, "{totals}");
    let failures = plan["failures"].as_array().into_iter().flatten();
    let lacking: Vec<_> = failures.filter_map(|group| group["examples"].as_array().cloned()).collect();
    let (from, to) = (bench.source.host(), bench.target.host());
    let wanted = [vec![json!(format!("{from}/no/list"))], vec![json!(format!("{to}/b/app:v3"))]];
    ensure!(lacking.len() == 2 && wanted.iter().all(|group| lacking.contains(group)), "{lacking:?}");

    bench.source.behave();
    let applied = bench.run("apply p.json --no-state --report r.json")?.expect_code(1)?;
    for name in [
        &format!("{to}/b/app:v1 is not brought"),
        &format!("{to}/b/app:v9 is not brought"),
        &format!("{to}/c:v1 is not brought"),
        &format!("the plan lacks {to}/b/app:v3"),
        &format!("the plan lacks {from}/no/list"),
    ] {
        ensure!(applied.stderr.matches(name.as_str()).count() == 1, "{name}: {}", applied.stderr);
    }
    ensure!(applied.stderr.matches("error: ").count() == 5, "{}", applied.stderr);
    let report: Value = serde_json::from_str(&bench.workplace.read("r.json")?)?;
    ensure!(report["totals"]["refused"] == 5 && report["totals"]["copied"] == 1, "{report:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_tells_how_long_it_takes() -> Result<()> {
    let bench = Bench::start("images:\n  SOURCE/a/app: TARGET/b/app\n").await?;
    let large = |number| sample::layer(number, 17 << 20);
    let put = |tag: &str, number| {
        sample::image(bench.source.store(), "a/app", Some(tag), Flavour::Oci, &[large(number)], "amd64")
    };
    put("v1", 1);
    let text = bench.run("plan")?.expect_code(0)?.stdout;
    ensure!(!text.contains("at the"), "nothing tells: {text}");
    let text = bench.run("plan --bandwidth 1MiB/s")?.expect_code(0)?.stdout;
    ensure!(text.contains("about 17 s at the 1.00 MiB/s of --bandwidth"), "{text}");
    bench.run("sync")?.expect_code(0)?;
    put("v2", 2);
    let text = bench.run("plan --bandwidth 900GiB/s")?.expect_code(0)?.stdout;
    ensure!(text.contains("/s of the last run"), "a bandwidth above it changes nothing: {text}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_repositories_that_are_gone_at_the_source_are_told() -> Result<()> {
    // The first rule joins path components, for registries without nested names; the second takes the target from the flags.
    for rule in ["  SOURCE/a/**: TARGET/b/x-{repository:-}\n", "  SOURCE/a/**: ''\n"] {
        let bench = Bench::start(&format!("images:\n{rule}")).await?;
        let flags = format!("--no-state --registry {} --namespace b", bench.target.host());
        for repository in ["a/app", "a/old/lib", "a/emptied"] {
            bench.image(repository, "v1", &[1]);
            bench.image(repository, "v2", &[2]);
        }
        bench.run(&format!("sync {flags}"))?.expect_code(0)?;
        let foreign = [sample::layer(77, 100)];
        sample::image(bench.target.store(), "other/app", Some("v1"), Flavour::Oci, &foreign, "amd64");
        ensure!(bench.plan(&flags)?["extra"] == json!([]));

        bench.source.store().remove_repository("a/old/lib");
        for tag in ["v1", "v2"] {
            ensure!(bench.source.store().remove_manifest("a/emptied", tag));
        }
        let ran = bench.run(&format!("plan --json --exit-code {flags}"))?.expect_code(0)?;
        let plan: Value = serde_json::from_str(&ran.stdout)?;
        let lib = if rule.contains('{') { "b/x-old-lib" } else { "b/old/lib" };
        let emptied = if rule.contains('{') { "b/x-emptied" } else { "b/emptied" };
        let expected: Vec<_> = [(emptied, "v1"), (emptied, "v2"), (lib, "v1"), (lib, "v2")]
            .map(|(repository, tag)| {
                let target = format!("{}/{repository}:{tag}", bench.target.host());
                json!({"target": target, "digest": bench.at_target(repository, tag), "rule": 0})
            })
            .into();
        ensure!(plan["extra"] == json!(expected), "{plan:#}");
    }
    Ok(())
}

fn on_catalog(code: u16, body: &str) -> Fault {
    let effect = Effect::Status {
        code,
        body: body.to_owned(),
        headers: vec![("content-type", "application/json".to_owned())],
    };
    Fault { when: Match::path("/v2/_catalog"), times: Times::Always, effect }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_lists_less_than_it_has_makes_nothing_extra() -> Result<()> {
    let bench = Bench::start(RULES).await?;
    bench.image("a/app", "v1", &[1]);
    bench.image("a/hidden", "v1", &[2]);
    bench.run("sync --no-state")?.expect_code(0)?;
    bench.source.misbehave(on_catalog(200, r#"{"repositories": ["a/app"]}"#));
    let plan = bench.plan("--no-state")?;
    ensure!(plan["extra"] == json!([]) && plan["totals"]["unchanged"] == 1, "{plan:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_does_not_list_its_repositories_is_told_and_fails_nothing() -> Result<()> {
    let bench = Bench::start(RULES).await?;
    bench.image("a/app", "v1", &[1]);
    bench.target.misbehave(on_catalog(404, ""));
    let ran = bench.run("plan --no-state")?.expect_code(0)?;
    ensure!(
        ran.stderr.contains("whether it has whole repositories that are gone at the source is not known"),
        "{}",
        ran.stderr
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_have_the_keys_of_their_schemas() -> Result<()> {
    let bench = world().await?;
    let schema = |name: &str| -> Result<Value> {
        Ok(serde_json::from_str(&bench.run(&format!("schema {name}"))?.expect_code(0)?.stdout)?)
    };
    bench.source.store().remove_manifest("a/app", "v1");
    let plan = bench.plan("--out p.json")?;
    ensure!(!plan["extra"].as_array().is_some_and(Vec::is_empty), "{plan:#}");
    conforms(&schema("plan")?, &plan)?;
    let foreign = [sample::layer(77, 100)];
    sample::image(bench.target.store(), "b/app", Some("latest"), Flavour::Oci, &foreign, "amd64");
    let report = bench.run("apply p.json --json")?.expect_code(1)?;
    conforms(&schema("report")?, &serde_json::from_str(&report.stdout)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_that_a_plan_has_decided_are_refused_by_apply() -> Result<()> {
    let bench = world().await?;
    bench.plan("--out p.json")?;
    bench.target.clear_requests();
    for flag in [
        "--exclude v1",
        "--include v1",
        "--platform linux/arm64",
        "--os linux",
        "--arch arm64",
        "--semver >=1",
        "--latest 1",
        "--include-repository nope",
        "--exclude-repository nope",
        "--referrers=false",
        "--force",
    ] {
        let name = flag.split([' ', '=']).next().unwrap_or_default();
        let ran = bench.run(&format!("apply p.json {flag}"))?.expect_code(2)?;
        ran.says(&[&format!("`apply` does not take {name}: the plan says what is")])?;
        let help = bench.run("apply --help")?.expect_code(0)?.stdout;
        ensure!(!help.lines().any(|line| line.trim_start().starts_with(name)), "{name}: {help}");
    }
    ensure!(bench.target.requests().is_empty(), "nobody is asked");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_plan_replaces_no_other_and_is_not_applied() -> Result<()> {
    let bench = world().await?;
    bench.plan("--out p.json")?;
    let whole = bench.workplace.read("p.json")?;
    let slow = Fault { when: Match::get("/manifests/"), times: Times::Always, effect: Effect::Hang };
    bench.source.misbehave(slow);
    bench.source.clear_requests();
    for flags in ["--out p.json --drain 0 --json", "--out new.json --drain 0"] {
        let child = bench.workplace.command(&format!("plan --no-state {flags}"));
        let ran = interrupted(child, &bench.source).await?.expect_code(130)?;
        let file = flags.split(' ').nth(1).unwrap_or_default();
        let ran = ran.says(&[&format!("{file} is not written: the plan was stopped before it was whole")])?;
        if flags.contains("--json") {
            let partial: Value = serde_json::from_str(&ran.stdout)?;
            ensure!(partial["partial"] == true, "{partial:#}");
            let schema: Value = serde_json::from_str(&bench.run("schema plan")?.stdout)?;
            conforms(&schema, &partial)?;
            bench.workplace.write("partial.json", &ran.stdout)?;
        } else {
            ensure!(ran.stdout.contains("plan that was stopped before it was whole: "), "{}", ran.stdout);
        }
    }
    ensure!(bench.workplace.read("p.json")? == whole, "the older one stays");
    ensure!(!bench.workplace.path().join("new.json").exists());
    let refused = bench.run("apply partial.json --allow-edited")?.expect_code(2)?;
    refused.says(&["the plan is not whole: the run that made it was stopped"])?;
    Ok(())
}

/// Sends SIGINT after the source was asked for a manifest.
async fn interrupted(mut command: std::process::Command, source: &EmbeddedRegistry) -> Result<Ran> {
    let asked = |source: &EmbeddedRegistry| {
        source
            .requests()
            .iter()
            .any(|request| request.path.contains("/manifests/") && request.method == "GET")
    };
    let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn()?;
    while !asked(source) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status()?;
    ensure!(sent.success());
    let ran = tokio::task::spawn_blocking(move || child.wait_with_output()).await??;
    source.clear_requests();
    Ran::of(ran)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_when_a_plan_was_made_is_counted_and_told_by_apply() -> Result<()> {
    let rules = "sync:\n- name: ok\n  from: SOURCE/a/app\n  to: TARGET/b/app\n- name: typo\n  from: SOURCE/libary/app\n  to: TARGET/c\n";
    let bench = Bench::start(rules).await?;
    bench.image("a/app", "v1", &[1]);
    let planned = bench.run("plan --out p.json")?.expect_code(1)?;
    ensure!(planned.stdout.contains("plan: 1 new, 1 list failed\n"), "{}", planned.stdout);
    let plan: Value = serde_json::from_str(&bench.workplace.read("p.json")?)?;
    ensure!(plan["totals"]["failedRules"] == 1 && plan["totals"]["failed"] == 0, "{plan:#}");
    let typo = format!("{}/libary/app", bench.source.host());
    let applied = bench.run("apply p.json --report a.json")?.expect_code(1)?;
    let applied = applied.says(&[&format!("the plan lacks {typo}: that failed when it was made")])?;
    applied.says(&["copied           1 image", "then plan again"])?;
    let report: Value = serde_json::from_str(&bench.workplace.read("a.json")?)?;
    ensure!(report["exitCode"] == 1 && report["totals"]["copied"] == 1, "{report:#}");
    ensure!(report["refusedRules"].to_string().contains(&typo), "{report:#}");
    ensure!(report["totals"]["refused"] == 1, "{report:#}");
    // Only the first shard reports it.
    let shards = [bench.run("apply p.json --shard 1/2")?, bench.run("apply p.json --shard 2/2")?];
    ensure!(shards[0].code != 0 && shards[0].stderr.contains("the plan lacks"), "{}", shards[0].all());
    ensure!(shards[1].code == 0 && !shards[1].stderr.contains("the plan lacks"), "{}", shards[1].all());

    bench.workplace.write(
        "image-syncer.yaml",
        &bench.workplace.read("image-syncer.yaml")?.replace("a/app", "libary/app"),
    )?;
    let none = bench.run("plan")?.expect_code(3)?;
    ensure!(none.stdout.contains("plan: no images, 2 lists failed"), "{}", none.stdout);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rule_keeps_is_no_change() -> Result<()> {
    let rules = "sync:\n- from: SOURCE/a/app\n  to: TARGET/b/app\n  onConflict: keep\n";
    let bench = Bench::start(rules).await?;
    bench.image("a/app", "v1", &[1]);
    bench.image("a/app", "v2", &[2]);
    bench.run("sync")?.expect_code(0)?;
    sample::image(bench.target.store(), "b/app", Some("v1"), Flavour::Oci, &[sample::layer(7, 100)], "amd64");
    let ran = bench.run("plan --exit-code")?.expect_code(0)?;
    ensure!(ran.stdout.contains("! v1: kept: the target has sha256:"), "{}", ran.stdout);
    ensure!(ran.stdout.contains("plan: 1 kept, 1 unchanged"), "{}", ran.stdout);
    let plan = bench.plan("--exit-code --out p.json")?;
    ensure!(plan["totals"]["conflict"] == 1 && plan["totals"]["kept"] == 1, "{plan:#}");
    bench.run("apply p.json")?.expect_code(0)?;
    let ran = bench.run("verify --report v.json --repair")?.expect_code(0)?;
    let there = bench.target.host();
    ensure!(
        ran.stdout.starts_with(&format!("kept       {there}/b/app:v1: the target has sha256:")),
        "{}",
        ran.all()
    );
    let ran = ran.says(&["kept             1 image: the target has another one"])?;
    let verified: Value = serde_json::from_str(&bench.workplace.read("v.json")?)?;
    ensure!(verified["outcome"] == "whole" && verified["totals"]["kept"] == 1, "{verified:#}\n{}", ran.all());
    ensure!(verified["images"][0]["outcome"] == "kept", "{verified:#}");

    let config = bench.workplace.read("image-syncer.yaml")?;
    bench.workplace.write("image-syncer.yaml", &config.replace("keep", "fail"))?;
    let refused = bench.run("plan --exit-code")?.expect_code(1)?;
    let refused = refused.says(&[": looking up v1: the target has"])?;
    ensure!(!refused.stderr.contains("storing"), "a plan stores nothing: {}", refused.stderr);
    let told = bench.run("verify")?.expect_code(1)?;
    told.says(&[
        "next       the same command with --repair brings what is missing or broken from the source",
    ])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_are_equal_where_images_share_layers_and_where_many_fail() -> Result<()> {
    let bench = Bench::start("images:\n  SOURCE/a/*: TARGET/b\n").await?;
    let repositories: Vec<_> = (0..4).map(|number| format!("a/app{number}")).collect();
    for repository in &repositories {
        bench.image(repository, "v0", &[1, 2, 3]);
    }
    bench.run("sync --no-state")?.expect_code(0)?;
    for repository in &repositories {
        bench.image(repository, "v0", &[1, 2, 3, 4]);
        for tag in 1..7 {
            bench.image(repository, &format!("v{tag}"), &[1, 2, 3, 10 + tag]);
            let broken = bench.source.store().manifest(repository, &format!("v{tag}")).expect("it is there");
            bench.source.store().put_manifest(
                repository,
                &format!("w{tag}"),
                &broken.media_type,
                broken.bytes.to_vec(),
            );
        }
        for tag in 1..7 {
            let refused = Effect::refuse(404, "MANIFEST_UNKNOWN", "gone");
            let when = Match::path(&format!("/v2/{repository}/manifests/w{tag}"));
            bench.source.misbehave(Fault { when, times: Times::Always, effect: refused });
        }
    }
    let mut plans = Vec::new();
    for flags in ["--proc 1", "--proc 2", "--proc 5", "--proc 9", "--proc 5", "--proc 5"] {
        let mut plan = bench.plan(&format!("--no-state {flags}"))?;
        plan["createdAt"].take();
        plans.push(serde_json::to_string_pretty(&plan)?);
    }
    let first: Value = serde_json::from_str(&plans[0])?;
    ensure!(first["totals"]["missing"] == 24 && first["totals"]["update"] == 4, "{first:#}");
    for plan in &plans {
        ensure!(plan == &plans[0], "{plan}\n{}", plans[0]);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_one_however_it_is_written() -> Result<()> {
    let rules = "sync:\n- from: SOURCE/a/app\n  to: TARGET/c\n- from: SOURCE/b/app\n  to: OTHER/c\n";
    let bench = Bench::start(rules).await?;
    let (to, config) = (bench.target.host(), bench.workplace.read("image-syncer.yaml")?);
    let port = to.rsplit(':').next().unwrap_or_default();
    let (here, other) = (format!("localhost:{port}"), format!("LOCALHOST:{port}"));
    let config = config.replace(&to, &here).replace("OTHER", &other);
    bench.workplace.write("image-syncer.yaml", &config)?;
    bench.image("a/app", "v1", &[1]);
    bench.image("b/app", "v1", &[2]);
    for verb in ["plan", "sync"] {
        let ran = bench.run(verb)?;
        ensure!(ran.code != 0 && ran.stderr.contains(&format!("{here}/c")), "{verb}: {}", ran.all());
    }
    ensure!(bench.at_target("c", "v1").is_none(), "neither of them is brought");
    Ok(())
}
