//! A NATS that is away in the middle of a run.

use anyhow::{Result, ensure};

use super::{Bench, until};

#[tokio::test(flavor = "multi_thread")]
async fn all_say_that_nats_is_away_and_that_it_is_back() -> Result<()> {
    let mut bench = Bench::start().await?;
    let mut coordinator = bench.coordinator_into("c.err")?;
    until(|| bench.has_said("c.err", "has 10 jobs for workers to take")).await?;
    bench.nats.kill();
    until(|| bench.has_said("c.err", &format!("warning: NATS at {} is away since ", bench.url()))).await?;
    ensure!(bench.workplace.read("c.err")?.matches("is away since").count() == 1);
    bench.nats.start_again().await?;
    until(|| bench.has_said("c.err", "is back after ")).await?;
    let worker = bench.worker("w1")?;
    until(|| bench.has_said("w1.err", "waiting for work")).await?;
    let status = coordinator.0.wait()?;
    ensure!(status.code() == Some(0), "{status}: {}", bench.workplace.read("c.err")?);
    bench.nats.kill();
    until(|| bench.has_said("w1.err", "is away since ")).await?;
    drop(worker);
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
    let status = coordinator.0.wait()?;
    let said = bench.workplace.read("c.err")?;
    ensure!(status.code() == Some(1), "{status}: {said}");
    for part in ["error: NATS has lost run ", "stream not found", "start `sync` again", "check --fleet URL"] {
        ensure!(said.contains(part), "{part}: {said}");
    }
    let report: serde_json::Value = serde_json::from_str(&bench.workplace.read("r.json")?)?;
    ensure!(report["images"].as_array().is_some_and(|images| images.len() == 10), "{report:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_a_live_worker_has_is_refused_with_what_to_give() -> Result<()> {
    let bench = Bench::slow(std::time::Duration::from_millis(200)).await?;
    let _coordinator = bench.coordinator_into("c.err")?;
    let _first = bench.worker("w1")?;
    until(|| bench.has_said("c.err", "worker w1 is there")).await?;
    let second = bench.workplace.run(&format!("worker --fleet {} --name w1 --no-state", bench.url()))?;
    second.expect_code(2)?.says(&["another worker at this NATS is called w1, and works", "--name NAME"])?;
    ensure!(!bench.has_said("c.err", "worker w1 has left"), "{}", bench.workplace.read("c.err")?);
    Ok(())
}
