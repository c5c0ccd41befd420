//! `sync --fleet` and `worker`: several processes on a real nats-server.

mod absence;
mod ends;
mod join;
mod login;
mod typed;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Effect, EmbeddedRegistry, Fault, Match, Times};
use serde_json::Value;
use testkit::{Dice, NatsServer};

use crate::json_schema::conforms;
use crate::process::Workplace;
use crate::running::Running;

const REPOSITORIES: u64 = 10;

struct Bench {
    source: EmbeddedRegistry,
    target: EmbeddedRegistry,
    workplace: Workplace,
    nats: NatsServer,
}

impl Bench {
    async fn start() -> Result<Self> {
        Self::slow(Duration::ZERO).await
    }

    /// A bench whose source delays each answer by `latency`.
    async fn slow(latency: Duration) -> Result<Self> {
        let source = EmbeddedRegistry::builder().latency(latency).start().await?;
        let target = EmbeddedRegistry::builder().start().await?;
        for number in 0..REPOSITORIES {
            let layers = [sample::layer(1, 1_500_000), sample::layer(100 + number, 1_200_000)];
            sample::image(
                source.store(),
                &format!("a/app-{number}"),
                Some("v1"),
                Flavour::Oci,
                &layers,
                "amd64",
            );
        }
        let workplace = Workplace::new()?;
        let (from, to) = (source.host(), target.host());
        let config = format!(
            "auth:\n  {from}: {{insecure: true}}\n  {to}: {{insecure: true}}\nsync:\n- {{from: '{from}/a/**', to: {to}/b}}\n"
        );
        workplace.write("image-syncer.yaml", &config)?;
        let nats = NatsServer::start().await?;
        Ok(Self { source, target, workplace, nats })
    }

    fn url(&self) -> String {
        self.nats.url()
    }

    fn worker(&self, name: &str) -> Result<Running> {
        let arguments = format!("worker --fleet {} --name {name} --no-state --drain 5", self.url());
        Running::told_to(&format!("{name}.err"), &self.workplace, &arguments)
    }

    fn coordinator(&self) -> Result<Running> {
        let arguments = format!("sync --fleet {} --fleet-patience 2 --json --no-state", self.url());
        Running::piped(&self.workplace, &arguments)
    }

    /// A coordinator whose stderr goes into this file.
    fn coordinator_into(&self, file: &str) -> Result<Running> {
        let arguments =
            format!("sync --fleet {} --fleet-patience 2 --no-state --report r.json --log c.log", self.url());
        Running::told_to(file, &self.workplace, &arguments)
    }

    fn has_said(&self, file: &str, text: &str) -> bool {
        self.workplace.read(file).is_ok_and(|said| said.contains(text))
    }

    /// Waits until the source got `times` more requests, but no longer than 2 s.
    async fn until_asked_more(&self, times: u64) {
        let before = self.source.requests().len() as u64;
        for _ in 0..100 {
            if self.source.requests().len() as u64 >= before + times {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn expect_whole(&self, report: &Value, outcomes: &[&str]) -> Result<()> {
        self.expect_all_but(0, report, outcomes)
    }

    /// Fails unless the report has each image once, and all but `failed` of them are at the target.
    fn expect_all_but(&self, failed: u64, report: &Value, outcomes: &[&str]) -> Result<()> {
        let images = report["images"].as_array().context("no images")?;
        let mut targets: Vec<_> = images.iter().filter_map(|image| image["target"].as_str()).collect();
        targets.sort_unstable();
        targets.dedup();
        ensure!(images.len() == targets.len() && images.len() as u64 == REPOSITORIES, "{report:#}");
        let is_good =
            |image: &&Value| image["outcome"].as_str().is_some_and(|outcome| outcomes.contains(&outcome));
        ensure!(images.iter().filter(is_good).count() as u64 == REPOSITORIES - failed, "{report:#}");
        ensure!(images.iter().all(|image| image["worker"].is_string()), "{report:#}");
        for image in images.iter().filter(is_good) {
            let target = image["target"].as_str().unwrap_or_default();
            let number =
                target.rsplit("app-").next().and_then(|rest| rest.split(':').next()).unwrap_or_default();
            let there = self.target.store().manifest(&format!("b/app-{number}"), "v1");
            ensure!(
                there.is_some() && there == self.source.store().manifest(&format!("a/app-{number}"), "v1"),
                "{target}"
            );
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_fails_in_planning_is_told_as_by_one_process() -> Result<()> {
    let (fleet, alone) = (Bench::start().await?, Bench::start().await?);
    for bench in [&fleet, &alone] {
        let (from, to) = (bench.source.host(), bench.target.host());
        let rule = format!("- {{from: {from}/none/missing, to: {to}/c}}\n");
        let config = bench.workplace.read("image-syncer.yaml")? + &rule;
        bench.workplace.write("image-syncer.yaml", &config)?;
    }
    let one = alone.workplace.run("sync --json --no-state")?.expect_code(1)?;
    let worker = fleet.worker("w1")?;
    let ran = fleet.coordinator()?.ended()?.expect_code(1)?;
    drop(worker);
    let [one, fleets]: [Value; 2] = [serde_json::from_str(&one.stdout)?, serde_json::from_str(&ran.stdout)?];
    let failed = |report: &Value| report["failedRules"][0]["error"]["kind"].clone();
    ensure!(failed(&one).is_string() && failed(&one) == failed(&fleets), "{one:#}\n{fleets:#}");
    ensure!(fleets["totals"]["copied"] == one["totals"]["copied"], "{one:#}\n{fleets:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_coordinators_state_tells_since_when_a_tag_is_there() -> Result<()> {
    let bench = Bench::start().await?;
    let config = bench.workplace.read("image-syncer.yaml")?;
    let aged = |age: &str| config.replace("/b}", &format!("/b, tags: {{minAge: {age}}}}}"));
    let sync = || {
        let arguments = format!("sync --fleet {} --json --state state", bench.url());
        Running::piped(&bench.workplace, &arguments)?.ended()?.expect_code(0)
    };
    bench.workplace.write("image-syncer.yaml", &aged("7d"))?;
    // Nothing to hand out: no worker is needed.
    sync()?;
    // A dry run adds nothing, so what it finds here the coordinator has left.
    let known = bench.workplace.run("sync -v --dry-run --state state")?.expect_code(0)?;
    ensure!(!known.stderr.contains("no run has seen them yet"), "{}", known.stderr);
    bench.workplace.write("image-syncer.yaml", &aged("1s"))?;
    let _worker = bench.worker("w1")?;
    for _ in 0..100 {
        let report: Value = serde_json::from_str(&sync()?.stdout)?;
        if report["totals"]["copied"] == REPOSITORIES {
            return Ok(());
        }
    }
    anyhow::bail!("tags that were seen stay too young")
}

#[tokio::test(flavor = "multi_thread")]
async fn four_workers_bring_what_one_process_would_and_send_nothing_twice() -> Result<()> {
    let (fleet, alone) = (Bench::start().await?, Bench::start().await?);
    let one = alone.workplace.run("sync --json --no-state")?.expect_code(0)?;
    let one: Value = serde_json::from_str(&one.stdout)?;
    let coordinator = fleet.coordinator()?;
    let workers: Vec<_> = (1..=4).map(|number| fleet.worker(&format!("w{number}"))).collect::<Result<_>>()?;
    let ran = coordinator.ended()?.expect_code(0)?;
    let report: Value = serde_json::from_str(&ran.stdout)?;
    fleet.expect_whole(&report, &["copied"])?;
    ensure!(report["totals"]["bytesMoved"] == one["totals"]["bytesMoved"], "{report:#}\n{one:#}");
    ran.says(&["has 10 jobs"])?;
    drop(workers);
    // All images are at the target already. Only a worker can find that out.
    let worker = fleet.worker("w5")?;
    let again = fleet.coordinator()?.ended()?.expect_code(0)?;
    fleet.expect_whole(&serde_json::from_str(&again.stdout)?, &["unchanged"])?;
    drop(worker);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_workers_has_what_a_process_alone_would_tell_and_who_brought_what() -> Result<()> {
    let bench = Bench::start().await?;
    let sync = format!(
        "sync --fleet {} --no-state --report r.json --report=r.html --summary-markdown r.md",
        bench.url()
    );
    let coordinator = Running::piped(&bench.workplace, &sync)?;
    let workers = [bench.worker("w1")?, bench.worker("w2")?];
    let ran = coordinator.ended()?.expect_code(0)?;
    let report: Value = serde_json::from_str(&bench.workplace.read("r.json")?)?;
    let schema = bench.workplace.run("schema report")?.expect_code(0)?.stdout;
    conforms(&serde_json::from_str(&schema)?, &report)?;
    let moved = report["totals"]["bytesMoved"].as_u64().context("bytes")?;
    let sum = |list: &str, key: &str| -> u64 {
        report[list].as_array().into_iter().flatten().filter_map(|entry| entry[key].as_u64()).sum()
    };
    ensure!(moved > 0 && sum("timeline", "bytes") == moved && sum("timeline", "images") == REPOSITORIES);
    ensure!(sum("registries", "requests") == report["totals"]["requests"].as_u64().context("requests")?);
    let of = |host: String| report["registries"].as_array()?.iter().find(|entry| entry["host"] == host);
    let target = of(bench.target.host()).context("no target")?;
    ensure!(target["requests"] == bench.target.requests().len() as u64, "{target}");
    ensure!(target["bytesSent"].as_u64() > Some(moved), "{target}");
    let source = of(bench.source.host()).context("no source")?;
    ensure!(source["requests"] == bench.source.requests().len() as u64, "{source}");
    ran.says(&[&format!("with {} requests", report["totals"]["requests"])])?;

    let shown = bench.workplace.run("report show r.json")?.expect_code(0)?.stdout;
    let page = bench.workplace.read("r.html")?;
    let markdown = bench.workplace.read("r.md")?;
    for worker in ["w1", "w2"] {
        let mut images = report["images"].as_array().into_iter().flatten();
        if images.any(|image| image["worker"] == worker) {
            ensure!(shown.contains(&format!("worker {worker}: ")), "{shown}");
            ensure!(page.contains(&format!("<b>{worker}</b>")) && page.contains("data-sort=\"worker\""));
            ensure!(markdown.contains(&format!("| {worker} | ")), "{markdown}");
        }
    }
    ensure!(shown.contains("worker w") && markdown.contains("worker"), "{shown}");
    drop(workers);
    Ok(())
}

/// Layers arrive so slowly that none is complete before the worker's drain time ends.
#[tokio::test(flavor = "multi_thread")]
async fn who_asks_the_coordinator_hears_of_jobs_and_workers_and_whoever_is_called_off_says_by_whom()
-> Result<()> {
    let bench = Bench::start().await?;
    bench.source.misbehave(Fault {
        when: Match::get("/blobs/"),
        times: Times::Always,
        effect: Effect::Trickle { bytes: 64 << 10, pause: Duration::from_secs(1) },
    });
    let arguments = format!("sync --fleet {} --drain 2 --no-state --summary-markdown r.md", bench.url());
    let mut coordinator = Running::told_to("coordinator.err", &bench.workplace, &arguments)?;
    let worker = bench.worker("w1")?;
    let said = || bench.workplace.read("coordinator.err").unwrap_or_default();
    until(|| said().contains("worker w1 is there")).await?;
    let of_both = "\n  jobs: 8 waiting, 2 in work, 0 done\n  worker w1: job ";
    until(|| said().contains(of_both) || coordinator.signal("-USR1").is_err()).await?;
    // A coordinator that joins the run reports the same to programs.
    let arguments = format!("sync --fleet {} --progress json --no-state", bench.url());
    let joined = Running::told_to("joined.err", &bench.workplace, &arguments)?;
    let of_fleet = || -> Option<Value> {
        let lines = bench.workplace.read("joined.err").ok()?;
        let mut lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find(|line| line["fleet"]["jobsInWork"] == 2)
    };
    until(|| bench.has_said("joined.err", "worker w1 is there")).await?;
    until(|| of_fleet().is_some() || joined.signal("-USR1").is_err()).await?;
    let (line, schema) =
        (of_fleet().context("no line")?, bench.workplace.run("schema progress")?.expect_code(0)?);
    conforms(&serde_json::from_str(&schema.stdout)?, &line)?;
    let at_work = &line["fleet"]["workers"][0];
    ensure!(at_work["name"] == "w1" && at_work["jobs"][1].is_string(), "{line}");
    drop(joined);

    let by_worker = || bench.workplace.read("w1.err").unwrap_or_default();
    coordinator.signal("-INT")?;
    until(|| by_worker().contains("was called off by coordinator-")).await?;
    ensure!(coordinator.status().await?.code() == Some(130), "{}", said());
    // Two jobs are in work, and the worker itself got no signal.
    ensure!(by_worker().matches("called off").count() == 1, "{}", by_worker());
    ensure!(!by_worker().contains("once more"), "{}", by_worker());
    let table = bench.workplace.read("r.md")?;
    ensure!(table.contains("| w1 | 2 | 0 | 2 | "), "{table}");
    ensure!(said().contains("the same command goes on"), "{}", said());
    drop(worker);
    Ok(())
}

async fn until(is_so: impl Fn() -> bool) -> Result<()> {
    for _ in 0..300 {
        if is_so() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("it never came so far")
}

/// A run whose members are killed at random, by a seed. A job on which three workers were killed fails by name; all others succeed.
async fn killed(seed: u64) -> Result<()> {
    let mut bench = Bench::slow(Duration::from_millis(10)).await?;
    let mut dice = Dice::of(seed, "fleet");
    let mut coordinator = bench.coordinator()?;
    let mut workers = Vec::new();
    let mut hired = 0;
    let mut hire = |bench: &Bench, workers: &mut Vec<Running>| -> Result<()> {
        hired += 1;
        workers.push(bench.worker(&format!("w{hired}"))?);
        Ok(())
    };
    for _ in 0..3 {
        hire(&bench, &mut workers)?;
    }
    for _ in 0..4 + dice.below(4) {
        bench.until_asked_more(1 + dice.below(30)).await;
        match dice.below(10) {
            0 => {
                coordinator.kill()?;
                coordinator = bench.coordinator()?;
            }
            1 => {
                bench.nats.kill();
                bench.nats.start_again().await?;
            }
            2 => hire(&bench, &mut workers)?,
            _ => {
                let unlucky = usize::try_from(dice.below(workers.len() as u64))?;
                workers.swap_remove(unlucky).kill()?;
                hire(&bench, &mut workers)?;
            }
        }
    }
    let ran = coordinator.ended()?;
    let told = || format!("{}\n{}", ran.stderr, ran.stdout);
    let report: Value = serde_json::from_str(&ran.stdout).with_context(told)?;
    let is_poison = |image: &&Value| image["error"].to_string().contains("began on job");
    let failed = report["images"].as_array().into_iter().flatten().filter(is_poison).count() as u64;
    ensure!(ran.code == i32::from(failed > 0), "{}", told());
    bench.expect_all_but(failed, &report, &["copied", "unchanged"]).with_context(told)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_whose_members_are_killed_loses_no_image() -> Result<()> {
    // `cargo xtask torture` sets a higher number.
    let seeds =
        std::env::var("IMAGE_SYNCER_FLEET_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    for seed in 0..seeds {
        killed(seed).await.with_context(|| format!("seed {seed}"))?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_no_coordinator_comes_to_says_that_it_waits_and_ends() -> Result<()> {
    let bench = Bench::start().await?;
    let waits = format!("worker --fleet {} --name w1 --no-state --idle-exit 1s", bench.url());
    let ran = bench.workplace.run(&waits)?.expect_code(0)?;
    ran.says(&["worker w1: waiting for work", "worker w1 ends: it has done 0 jobs"])?;
    Ok(())
}
