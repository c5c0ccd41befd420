//! NATS is away during a run.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use testkit::NatsServer;

use super::{Bench, Running, until};

#[tokio::test(flavor = "multi_thread")]
async fn all_say_once_that_nats_is_away_and_that_it_is_back() -> Result<()> {
    let mut bench = Bench::start().await?;
    let (url, away, back) = (bench.url(), "has been away since ", "is back after ");
    let quiet = format!("worker --fleet {url} --name w1 --no-state --quiet --log w1.log");
    let worker = Running::told_to("w1.err", &bench.workplace, &quiet)?;
    until(|| bench.has_said("w1.log", "waiting for work")).await?;
    bench.nats.kill();
    until(|| bench.has_said("w1.err", away) && bench.has_said("w1.log", away)).await?;
    bench.nats.start_again().await?;
    until(|| bench.has_said("w1.log", back)).await?;
    // The end of an outage is no warning, so `--quiet` hides it.
    ensure!(!bench.has_said("w1.err", back), "{}", bench.workplace.read("w1.err")?);
    drop(worker);

    let mut coordinator = bench.coordinator_into("c.err")?;
    until(|| bench.has_said("c.err", "has 10 jobs for workers to take")).await?;
    bench.nats.kill();
    until(|| bench.has_said("c.err", &format!("warning: NATS at {url} {away}"))).await?;
    bench.nats.start_again().await?;
    until(|| bench.has_said("c.err", back)).await?;
    let _worker = bench.worker("w2")?;
    let status = coordinator.status().await?;
    let said = bench.workplace.read("c.err")?;
    ensure!(status.code() == Some(0), "{status}: {said}");
    let log = bench.workplace.read("c.log")?;
    for text in [away, back] {
        ensure!(said.matches(text).count() == 1 && log.matches(text).count() == 1, "{text}: {said}\n{log}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_nats_has_lost_ends_with_a_report_and_what_to_do() -> Result<()> {
    let mut bench = Bench::start().await?;
    let mut coordinator = bench.coordinator_into("c.err")?;
    until(|| bench.has_said("c.err", "has 10 jobs for workers to take")).await?;
    bench.nats.kill();
    bench.nats.lose_store()?;
    bench.nats.start_again().await?;
    let status = coordinator.status().await?;
    let said = bench.workplace.read("c.err")?;
    ensure!(status.code() == Some(1), "{status}: {said}");
    for part in ["error: NATS has lost run ", "stream not found", "start `sync` again", "check --fleet URL"] {
        ensure!(said.contains(part), "{part}: {said}");
    }
    let report: serde_json::Value = serde_json::from_str(&bench.workplace.read("r.json")?)?;
    ensure!(report["images"].as_array().is_some_and(|images| images.len() == 10), "{report:#}");
    let stopped = &report["stopped"];
    ensure!(stopped["kind"] == "brokenOff", "{stopped}");
    ensure!(
        stopped["message"].as_str().is_some_and(|why| why.starts_with("NATS has lost run ")),
        "{stopped}"
    );
    let shown = bench.workplace.run("report show r.json")?.expect_code(0)?;
    for part in ["The run was broken off.", "stopped: NATS has lost run ", "next:  start `sync` again"] {
        ensure!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_a_live_worker_has_is_refused_with_what_to_give() -> Result<()> {
    let bench = Bench::slow(Duration::from_millis(200)).await?;
    let _coordinator = bench.coordinator_into("c.err")?;
    let _first = bench.worker("w1")?;
    until(|| bench.has_said("c.err", "worker w1 is there")).await?;
    let second = bench.workplace.run(&format!("worker --fleet {} --name w1 --no-state", bench.url()))?;
    second.expect_code(2)?.says(&["another worker at this NATS is called w1, and works", "--name NAME"])?;
    ensure!(!bench.has_said("c.err", "worker w1 has left"), "{}", bench.workplace.read("c.err")?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_ends_at_once_while_nats_is_away() -> Result<()> {
    let mut bench = Bench::start().await?;
    let coordinator = bench.coordinator()?;
    let mut worker = bench.worker("w1")?;
    coordinator.ended()?.expect_code(0)?;
    bench.nats.kill();
    let asked = Instant::now();
    worker.signal("-TERM")?;
    let status = worker.status().await?;
    ensure!(status.code() == Some(143), "{status}");
    ensure!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_at_a_nats_that_keeps_no_streams_says_what_it_waits_for() -> Result<()> {
    let bench = Bench::start().await?;
    let nats = NatsServer::configured("").await?;
    let waits = format!("worker --fleet {} --name w1 --no-state --idle-exit 3s", nats.url());
    let ran = bench.workplace.run(&waits)?.expect_code(0)?;
    let ran = ran.says(&[
        "NATS did not answer when it was asked to show isync_leases",
        "look whether nats-server keeps streams",
    ])?;
    ensure!(ran.stderr.matches("This worker waits").count() == 1, "{}", ran.stderr);
    Ok(())
}
