//! Flags that do nothing, are not safe or lead nowhere.

use anyhow::{Result, ensure};

use super::Bench;
use crate::process::Workplace;

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_takes_no_selection() -> Result<()> {
    let workplace = Workplace::new()?;
    let help = workplace.run("worker --help")?.expect_code(0)?.stdout;
    for shown in ["--name", "--idle-exit", "--proc", "--log", "--config"] {
        ensure!(help.contains(&format!("{shown} ")), "{shown}: {help}");
    }
    for refused in ["--dry-run", "--report", "--retry-failed", "--output-images-format", "--summary-markdown"]
    {
        ensure!(!help.contains(refused), "{refused}: {help}");
    }
    for flag in ["--include=v1", "--latest=3", "--platform=linux/amd64", "--referrers", "--force"] {
        let name = flag.split('=').next().unwrap_or_default();
        ensure!(!help.contains(&format!("{name} ")) && !help.contains(&format!("{name}[")), "{name}: {help}");
        workplace.run(&format!("worker --fleet nats://127.0.0.1:1 {flag}"))?.expect_code(2)?.says(&[
            &format!("{name} does nothing here"),
            "give",
            "sync --fleet",
        ])?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_safe_or_not_there_is_refused_with_what_to_write() -> Result<()> {
    let bench = Bench::start().await?;
    let run = |arguments: &str| bench.workplace.run(arguments);
    run("worker --fleet nats://nats.example")?
        .expect_code(2)?
        .says(&["without TLS, beyond this machine", "--fleet-insecure"])?;
    run("sync --fleet nats://u:secret-word@127.0.0.1")?
        .expect_code(2)?
        .says(&["has a login in it"])?
        .hides(&["secret-word"])?;
    let worker = |flag: &str| run(&format!("worker --fleet nats://127.0.0.1 {flag}"))?.expect_code(2);
    worker("--dry-run")?.says(&["--dry-run does nothing here", "`image-syncer plan`"])?;
    worker("--retry-failed f.yaml")?.says(&["--retry-failed does nothing here", "sync --fleet"])?;
    for flag in ["--report", "--summary-markdown", "--output-success-images", "--output-failed-images"] {
        worker(&format!("{flag} file"))?.says(&[
            &format!("{flag} does nothing here: the coordinator writes it"),
            &format!("give {flag} to `image-syncer sync --fleet`"),
        ])?;
    }
    run("sync --fleet nats://127.0.0.1:1 --no-state")?.expect_code(2)?.says(&["cannot be reached"])?;
    run("sync --fleet nats://127.0.0.1 --shard 1/2")?.expect_code(2)?.says(&["exclude each other"])?;
    run(&format!("sync --fleet {} --run nothing --no-state", bench.url()))?
        .expect_code(2)?
        .says(&["there is no run nothing to join"])?
        .hides(&["copied"])?;
    run("sync --fleet nats://127.0.0.1 --bandwidth 1MB/s --no-state")?
        .expect_code(2)?
        .says(&["--bandwidth does nothing here", "`image-syncer worker`"])?;
    run("worker --fleet tls://127.0.0.1 --fleet-ca none.pem")?.expect_code(2)?.says(&["none.pem"])?;
    // A worker with other rules takes no job of this run.
    let mut coordinator = bench.coordinator()?;
    bench.workplace.write("other.yaml", "sync:\n- {from: a.example/x, to: b.example/y}\n")?;
    run(&format!("worker --fleet {} --config other.yaml --no-state --idle-exit 2s", bench.url()))?
        .expect_code(0)?
        .says(&["was planned with another config", "it has done 0 jobs"])?;
    coordinator.kill()?;
    Ok(())
}
