//! How a coordinator ends when its run does not come to its end.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use embedded_registry::{Effect, Fault, Match, Times};
use serde_json::Value;
use testkit::NatsServer;

use super::login::USERS;
use super::{Bench, Running, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_may_not_coordinate_is_told_so_at_once_and_nothing_is_summed_up() -> Result<()> {
    let bench = Bench::start().await?;
    let nats = NatsServer::with(USERS).await?;
    for user in ["worker", "coordinator"] {
        bench.workplace.write(&format!("{user}.password"), &format!("{user}-password\n"))?;
    }
    let sync = |user: &str| {
        format!(
            "sync --fleet {} --fleet-user {user} --fleet-password-file {user}.password --no-state",
            nats.url()
        )
    };
    let refused = || -> Result<()> {
        let ran = bench.workplace.run(&sync("worker"))?.expect_code(2)?;
        let ran = ran.says(&[
            "error: this login may not coordinate: NATS refuses it: Permissions Violation",
            "$JS.API.STREAM.INFO.ISYNC_JOBS",
            "give the login of the coordinator",
        ])?;
        ran.hides(&["copied", "  moved "])?;
        Ok(())
    };
    refused()?;
    // The same if the queue and the buckets exist already.
    let coordinator = Running::told_to("c.err", &bench.workplace, &sync("coordinator"))?;
    until(|| bench.has_said("c.err", "for workers to take")).await?;
    refused()?;
    drop(coordinator);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_streams_is_told_so_and_nothing_is_summed_up() -> Result<()> {
    let bench = Bench::start().await?;
    let nats = NatsServer::configured("").await?;
    let ran = bench.workplace.run(&format!("sync --fleet {} --no-state", nats.url()))?.expect_code(2)?;
    ran.says(&["keeps no streams: its JetStream is off", "store_dir"])?
        .hides(&["warning", "copied", "  moved "])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_another_coordinator_calls_off_was_interrupted_for_both() -> Result<()> {
    let bench = Bench::start().await?;
    let mut first = bench.coordinator_into("1.err")?;
    until(|| bench.has_said("1.err", "for workers to take")).await?;
    let second = format!("sync --fleet {} --no-state --report 2.json", bench.url());
    let mut second = Running::told_to("2.err", &bench.workplace, &second)?;
    until(|| bench.has_said("2.err", "joined run")).await?;
    first.signal("-INT")?;
    for (running, err, report, kind) in
        [(&mut first, "1.err", "r.json", "interrupted"), (&mut second, "2.err", "2.json", "calledOff")]
    {
        let status = running.status().await?;
        let said = bench.workplace.read(err)?;
        ensure!(status.code() == Some(130), "{status}: {said}");
        let report: Value = serde_json::from_str(&bench.workplace.read(report)?)?;
        ensure!(report["exitCode"] == 130 && report["stopped"]["kind"] == kind, "{report:#}");
        ensure!(
            said.contains("the same command goes on: what stands at the targets is not sent again"),
            "{said}"
        );
    }
    ensure!(bench.has_said("2.err", "was called off by coordinator-"));
    let shown = bench.workplace.run("report show 2.json")?.expect_code(0)?;
    ensure!(shown.stdout.contains("\nstopped: coordinator-"), "{}", shown.stdout);
    Ok(())
}

/// A bench whose layers take many times as long as a worker has to end.
async fn slow() -> Result<Bench> {
    let bench = Bench::start().await?;
    bench.source.misbehave(Fault {
        when: Match::get("/blobs/"),
        times: Times::Always,
        effect: Effect::Trickle { bytes: 64 << 10, pause: Duration::from_secs(1) },
    });
    Ok(bench)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_left_without_workers_is_told_once_and_how_to_start_one() -> Result<()> {
    const GONE: &str = "no worker is there any more: 10 of 10 jobs left. Start as many as you like";

    let bench = slow().await?;
    // The worker is there before the coordinator looks for the first time.
    let mut worker = bench.worker("w1")?;
    until(|| bench.has_said("w1.err", "waiting for work")).await?;
    let coordinator = bench.coordinator_into("c.err")?;
    until(|| bench.has_said("c.err", "worker w1 is there")).await?;
    worker.signal("-TERM")?;
    worker.status().await?;
    until(|| bench.has_said("c.err", GONE)).await?;
    let said = bench.workplace.read("c.err")?;
    let line = said.lines().find(|line| line.contains(GONE)).context("no line")?;
    ensure!(line.starts_with("warning: ") && line.contains("`image-syncer worker --fleet "), "{said}");
    ensure!(!said.contains("no worker has come") && said.matches("any more").count() == 1, "{said}");
    drop(coordinator);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_workers_sent_whose_results_did_not_come_is_not_called_nothing() -> Result<()> {
    let bench = slow().await?;
    let mut coordinator = bench.coordinator_into("c.err")?;
    let mut worker = bench.worker("w1")?;
    // Until then SIGUSR1 may end the coordinator, which may have no handler yet.
    until(|| bench.has_said("c.err", "worker w1 is there")).await?;
    let has_sent = || ["KiB", "MiB"].iter().any(|unit| bench.has_said("c.err", unit));
    until(|| has_sent() || coordinator.signal("-USR1").is_err()).await?;
    worker.kill()?;
    coordinator.signal("-INT")?;
    let status = coordinator.status().await?;
    let said = bench.workplace.read("c.err")?;
    ensure!(status.code() == Some(130), "{status}: {said}");
    let moved = said.lines().find(|line| line.starts_with("  moved ")).context("no line")?;
    ensure!(moved.contains("iB of it as workers told whose results did not come"), "{said}");
    let report: Value = serde_json::from_str(&bench.workplace.read("r.json")?)?;
    let lost = &report["workers"][0];
    ensure!(lost["name"] == "w1" && lost["timesSilent"] == 1 && lost["images"] == 0, "{lost}");
    ensure!(lost["bytesWithoutResult"].as_u64().is_some_and(|bytes| bytes > 0), "{lost}");
    ensure!(lost["jobsWithoutResult"].as_array().is_some_and(|jobs| !jobs.is_empty()), "{lost}");
    let shown = bench.workplace.run("report show r.json")?.expect_code(0)?;
    ensure!(shown.stdout.contains("moved; it fell silent once, gave no result of job "), "{}", shown.stdout);
    bench.workplace.run("report show r.json --html r.html")?.expect_code(0)?;
    ensure!(bench.workplace.read("r.html")?.contains("It fell silent once, gave no result of job "));
    ensure!(
        said.contains("the same command goes on: what stands at the targets is not sent again"),
        "{said}"
    );
    Ok(())
}
