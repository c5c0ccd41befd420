//! `--shard`: several independent runs copy everything together, each image once.

use anyhow::{Result, ensure};
use embedded_registry::EmbeddedRegistry;
use embedded_registry::sample::{self, Flavour};
use http::Method;
use serde_json::Value;
use testkit::seed::{self, Image};
use testkit::{CannedAnswer, HarborBench};

use crate::acr_world::{configure, harbor_entry};
use crate::process::Workplace;

const RULES: &str = "sync:
- from: SOURCE/team/**
  to: TARGET/mirror
  referrers: true
- from: TARGET/mirror/app-3
  to: TARGET/second/app-3
";

struct Bench {
    _source: EmbeddedRegistry,
    target: EmbeddedRegistry,
    workplace: Workplace,
}

impl Bench {
    async fn start() -> Result<Self> {
        let source = EmbeddedRegistry::builder().start().await?;
        let target = EmbeddedRegistry::builder().start().await?;
        for number in 0..12 {
            let repository = format!("team/app-{number}");
            for tag in ["v1", "v2"] {
                let layers = [sample::layer(number, 5_000), sample::layer(100 + number, 500)];
                let image =
                    sample::image(source.store(), &repository, Some(tag), Flavour::Oci, &layers, "amd64");
                let signature = format!("{}.sig", image.digest.replace(':', "-"));
                let layer = [sample::layer(1_000 + number, 100)];
                sample::image(source.store(), &repository, Some(&signature), Flavour::Oci, &layer, "amd64");
            }
        }
        let workplace = Workplace::new()?;
        let (from, to) = (source.host(), target.host());
        let rules = RULES.replace("SOURCE", &from).replace("TARGET", &to);
        let auth = format!("auth:\n  {from}: {{insecure: true}}\n  {to}: {{insecure: true}}\n");
        workplace.write("image-syncer.yaml", &(auth + &rules))?;
        Ok(Self { _source: source, target, workplace })
    }

    fn report(&self, arguments: &str) -> Result<Value> {
        let ran = self.workplace.run(&format!("{arguments} --no-state"))?.expect_code(0)?;
        Ok(serde_json::from_str(&ran.stdout)?)
    }

    /// Manifests that were stored under tags, with repetitions.
    fn stored(&self) -> Vec<String> {
        let requests = self.target.requests();
        let mut stored: Vec<_> = requests
            .iter()
            .filter(|request| request.is_manifest(&Method::PUT))
            .map(embedded_registry::LoggedRequest::line)
            .collect();
        stored.sort();
        stored
    }
}

/// Images by target, with their results.
fn images(reports: &[Value]) -> Vec<(String, String)> {
    let text = |image: &Value, key: &str| image[key].as_str().unwrap_or_default().to_owned();
    let all = reports.iter().filter_map(|report| report["images"].as_array()).flatten();
    let mut images: Vec<_> = all.map(|image| (text(image, "target"), text(image, "outcome"))).collect();
    images.sort();
    images
}

#[tokio::test(flavor = "multi_thread")]
async fn three_shards_bring_what_one_run_brings_and_nothing_twice() -> Result<()> {
    let (alone, sharded) = (Bench::start().await?, Bench::start().await?);
    let whole = alone.report("sync --json")?;
    let mut parts = Vec::new();
    for index in 1..=3 {
        parts.push(sharded.report(&format!("sync --json --shard {index}/3"))?);
    }
    for (index, part) in parts.iter().enumerate() {
        sharded.workplace.write(&format!("{index}.json"), &part.to_string())?;
    }
    sharded.workplace.run("report merge 0.json 1.json 2.json")?.expect_code(0)?;
    let ran =
        sharded.workplace.run("report merge 0.json 2.json")?.expect_code(1)?.says(&["shard 2 is missing"])?;
    ensure!(serde_json::from_str::<Value>(&ran.stdout)?["exitCode"] == 1, "{}", ran.stdout);
    sharded.workplace.run("report merge 0.json 2.json --out part.json --out part.html")?.expect_code(1)?;
    let (shown, page) =
        (sharded.workplace.run("report show part.json")?, sharded.workplace.read("part.html")?);
    for text in [&shown.stdout, &page] {
        ensure!(text.contains("2 of 3 shards are here: the report of shard 2 is missing"), "{text}");
    }
    let (one, other) = (alone.target.host(), sharded.target.host());
    let theirs: Vec<_> =
        images(&parts).into_iter().map(|(name, outcome)| (name.replace(&other, &one), outcome)).collect();
    ensure!(theirs == images(std::slice::from_ref(&whole)), "{theirs:#?}\n{whole:#}");
    let stored = sharded.stored();
    let mut distinct = stored.clone();
    distinct.dedup();
    ensure!(stored == distinct && stored.len() == alone.stored().len(), "{stored:#?}");
    let totals = |key: &str| parts.iter().filter_map(|part| part["totals"][key].as_u64()).sum::<u64>();
    ensure!(Some(totals("bytesMoved")) == whole["totals"]["bytesMoved"].as_u64(), "{parts:#?}");
    for (number, part) in parts.iter().enumerate() {
        ensure!(part["shard"]["number"] == number + 1 && part["shard"]["of"] == 3, "{part:#}");
        ensure!(part["shard"]["split"] == parts[0]["shard"]["split"], "{part:#}");
    }
    ensure!(whole["shard"].is_null(), "{whole:#}");

    // Each shard checks its own images again, and verifies them.
    let verified: Vec<_> = (1..=3)
        .map(|index| sharded.report(&format!("verify --json --shard {index}/3")))
        .collect::<Result<_>>()?;
    let whole: u64 = verified.iter().filter_map(|part| part["totals"]["whole"].as_u64()).sum();
    ensure!(whole == stored.len() as u64, "{verified:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_divided_plan_is_applied_part_by_part() -> Result<()> {
    let bench = Bench::start().await?;
    let divided = bench.workplace.run("plan --no-state --shards 3 --out p.json")?.expect_code(0)?;
    let plan: Value = serde_json::from_str(&bench.workplace.read("p.json")?)?;
    let steps = plan["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    ensure!(plan["shards"] == 3 && steps.iter().all(|step| step["shard"].as_u64().is_some()), "{plan:#}");
    let bytes = |shard: u64| -> u64 {
        let ours = steps.iter().filter(|step| step["shard"] == shard);
        ours.filter_map(|step| step["bytes"].as_u64()).sum()
    };
    // Twelve repositories of about the same size.
    let total: u64 = (1..=3).map(bytes).sum();
    ensure!((1..=3).all(|shard| bytes(shard) * 300 <= total * 105), "{plan:#}");
    // The output tells the user what each shard has to do.
    for shard in 1..=3 {
        let is_ours = |step: &&Value| step["shard"] == shard && !step["sourceDigest"].is_null();
        let count = steps.iter().filter(is_ours).count();
        ensure!(
            divided.stderr.contains(&format!("shard {shard}/3: {count} images to bring, ")),
            "{}",
            divided.all()
        );
    }
    let other = bench.workplace.run("apply p.json --no-state --shard 1/4")?.expect_code(2)?;
    other.says(&[
        "it is divided for 3 shards, and --shard 1/4 asks for one of 4",
        "plan again with --shards 4",
    ])?;
    // Steps that depend on each other are in one shard, so shards may run in any order.
    let parts: Vec<_> = [3, 1, 2]
        .iter()
        .map(|index| {
            let ran = bench.workplace.run(&format!("apply p.json --json --no-state --shard {index}/3"))?;
            Ok(serde_json::from_str::<Value>(&ran.expect_code(0)?.stdout)?)
        })
        .collect::<Result<_>>()?;
    let planned = steps.iter().filter(|step| !step["sourceDigest"].is_null()).count();
    let sum = |key: &str| -> u64 { parts.iter().filter_map(|part| part["totals"][key].as_u64()).sum() };
    ensure!((sum("copied"), sum("failed")) == (planned as u64, 0), "{parts:#?}");
    let refused: Vec<_> =
        parts.iter().filter_map(|part| part["refusedRules"].as_array()).map(Vec::len).collect();
    ensure!(refused.iter().sum::<usize>() == steps.len() - planned, "{refused:?}");
    let brought = images(&parts);
    let mut distinct = brought.clone();
    distinct.dedup();
    ensure!(brought == distinct && brought.len() == planned, "{brought:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_two_plans_or_too_few_of_one_are_told_when_they_are_merged() -> Result<()> {
    let bench = Bench::start().await?;
    // One plan is divided when it is made, the other one when it is applied.
    bench.workplace.run("plan --no-state --shards 2 --out frozen.json")?.expect_code(0)?;
    let config = bench.workplace.read("image-syncer.yaml")?;
    let config = config.split("- from: ").take(2).collect::<Vec<_>>().join("- from: ");
    bench.workplace.write("part.yaml", &config.replace("team/**", "team/app-1*"))?;
    bench.workplace.run("plan --no-state --config part.yaml --out part.json")?.expect_code(0)?;
    for (plan, index) in [("frozen", 1), ("frozen", 2), ("part", 1), ("part", 2)] {
        let apply = format!("apply {plan}.json --no-state --shard {index}/2 --report {plan}-{index}.json");
        bench.workplace.run(&apply)?;
    }
    let split = |report: &str| -> Result<Value> {
        let report: Value = serde_json::from_str(&bench.workplace.read(report)?)?;
        Ok(report["shard"]["split"].clone())
    };
    for plan in ["frozen", "part"] {
        let (one, other) = (split(&format!("{plan}-1.json"))?, split(&format!("{plan}-2.json"))?);
        ensure!(one.is_string() && one == other, "{plan}: {one} {other}");
        let merged = bench.workplace.run(&format!("report merge {plan}-1.json {plan}-2.json"))?;
        ensure!(!merged.stderr.contains("shard"), "{}", merged.stderr);
        let lacking = bench.workplace.run(&format!("report merge {plan}-1.json"))?.expect_code(1)?;
        lacking.says(&["1 of 2 shards are here: the report of shard 2 is missing"])?;
    }
    let mixed = bench.workplace.run("report merge frozen-1.json part-2.json")?.expect_code(1)?;
    mixed.says(&["the shards were not split alike", "or the same plan"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_an_image_and_is_a_step_of_its_own_is_stored_once() -> Result<()> {
    let bench = Bench::start().await?;
    bench.workplace.run("plan --no-state --out p.json")?.expect_code(0)?;
    bench.workplace.run("apply p.json --no-state")?.expect_code(0)?;
    let stored = bench.stored();
    let mut distinct = stored.clone();
    distinct.dedup();
    ensure!(stored == distinct, "{stored:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_its_source_does_not_answer_copies_nothing_and_says_how_to_go_on() -> Result<()> {
    let (harbor, target) = (HarborBench::start().await?, EmbeddedRegistry::builder().start().await?);
    for (number, repository) in (1..).zip(["library/a", "library/b"]) {
        let image = Image::new(seed::Flavour::Oci).layer(seed::layer(number, 64));
        harbor.pusher().image(repository, "v1", &image).await?;
    }
    let (to, workplace) = (target.host(), Workplace::new()?);
    let entries =
        [harbor_entry(&harbor, HarborBench::ADMINISTRATOR), format!(r#""{to}": {{"insecure": true}}"#)];
    configure(&workplace, &entries, &format!("{}/library/**", harbor.host()), &format!("{to}/mirror"))?;
    let busy = CannedAnswer { status: 503, body: String::new(), headers: Vec::new() };
    harbor.answer_next(1, &busy);
    let shard = |index: usize, more: &str| {
        workplace
            .run(&format!("sync --config c.json --no-state --shard {index}/2 --report {index}.json{more}"))
    };
    let refused = shard(1, " --retries 0")?.expect_code(3)?;
    refused.says(&["503", "the shards cannot be divided", "start this shard again", "plan --shards N"])?;
    let report: Value = serde_json::from_str(&workplace.read("1.json")?)?;
    ensure!(report["shard"]["split"].is_null() && report["totals"]["copied"] == 0, "{report:#}");
    ensure!(target.requests().is_empty(), "the target was asked");

    harbor.answer_next(1, &busy);
    shard(1, "")?.expect_code(0)?;
    shard(2, "")?.expect_code(0)?;
    workplace.run("report merge 1.json 2.json")?.expect_code(0)?;
    ensure!(["mirror/a", "mirror/b"].iter().all(|name| target.store().tags(name) == ["v1"]));
    Ok(())
}

#[test]
fn a_shard_that_cannot_be_told_is_refused_before_anything_is_asked() -> Result<()> {
    let mut workplace = Workplace::new()?;
    workplace.write("image-syncer.yaml", "sync:\n- {from: a.example/x, to: b.example/y}\n")?;
    workplace.run("sync --shard 4/3")?.expect_code(2)?.says(&["counted from 1, such as 2/5, or auto"])?;
    workplace.run("sync --shard auto")?.expect_code(2)?.says(&["none of JOB_COMPLETION_INDEX, "])?;
    workplace.variable("JOB_COMPLETION_INDEX", "2");
    workplace.run("sync --shard auto")?.expect_code(2)?.says(&["IMAGE_SYNCER_SHARDS is not set"])?;
    workplace.run("plan --shards 3")?.expect_code(2)?.says(&["--out"])?;
    Ok(())
}
