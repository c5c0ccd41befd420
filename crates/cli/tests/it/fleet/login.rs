//! Logins: at NATS, where workers have fewer rights than a coordinator, and at registries.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use embedded_registry::{Access, EmbeddedRegistry, Grant, User};
use testkit::NatsServer;

use super::{Bench, Running, until};

/// The users in the config that docs/scale.md names.
pub(super) const USERS: &str = include_str!("../../../../../docs/nats-users.conf");

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_inbox_is_anothers_ends_and_says_which_flag_names_it() -> Result<()> {
    let bench = Bench::start().await?;
    let nats = NatsServer::with(USERS).await?;
    bench.workplace.write("password", "worker-password\n")?;
    let arguments = format!(
        "worker --fleet {} --fleet-user worker --fleet-password-file password --name w9 --no-state",
        nats.url()
    );
    bench.workplace.run(&arguments)?.expect_code(2)?.says(&["_INBOX_w9", "--name"])?;
    bench.workplace.write("password", "wrong\n")?;
    let ran = bench.workplace.run(&arguments)?.expect_code(2)?.says(&["does not take this login"])?;
    ensure!(ran.stderr.to_lowercase().matches("authorization violation").count() == 1, "{}", ran.stderr);
    Ok(())
}

/// Like pods: their names are not known in advance, and all of them share one login.
#[tokio::test(flavor = "multi_thread")]
async fn workers_of_chance_names_share_a_login_of_few_rights_and_its_inbox() -> Result<()> {
    let bench = Bench::start().await?;
    let nats = NatsServer::with(USERS).await?;
    bench.workplace.write("workers.password", "workers-password\n")?;
    bench.workplace.write("coordinator.password", "coordinator-password\n")?;
    let of = |user: &str| {
        format!("--fleet {} --fleet-user {user} --fleet-password-file {user}.password --no-state", nats.url())
    };
    let worker = format!("worker {} --fleet-inbox _INBOX_workers", of("workers"));
    let checked = format!("check {} --fleet-inbox _INBOX_workers", of("workers")).replace("--no-state", "");
    let checked = bench.workplace.run(&checked)?.expect_code(0)?;
    ensure!(checked.stdout.contains("this login may work; to coordinate it lacks"), "{}", checked.all());
    let start = |file: &str| -> Result<Running> { Running::told_to(file, &bench.workplace, &worker) };
    let coordinator = Running::piped(&bench.workplace, &format!("sync {} --json", of("coordinator")))?;
    let workers = [start("1.err")?, start("2.err")?];
    let ran = coordinator.ended()?.expect_code(0)?;
    bench.expect_whole(&serde_json::from_str(&ran.stdout)?, &["copied"])?;
    for file in ["1.err", "2.err"] {
        // One of the workers may have started after the end of the run.
        until(|| bench.has_said(file, "waiting for work")).await?;
        let said = bench.workplace.read(file)?;
        ensure!(!said.contains("refuses"), "{file}: {said}");
    }
    drop(workers);
    let wrong = bench.workplace.run(&worker.replace("_INBOX_workers", "_INBOX_workers.>"))?.expect_code(2)?;
    wrong.says(&["`_INBOX_workers.>` is no subject", "without its end"])?;
    Ok(())
}

/// Starts workers with the command in the warning, with the workers' login filled in. It works several times on one machine.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_no_worker_is_told_how_to_start_some_and_that_works() -> Result<()> {
    let bench = Bench::start().await?;
    let nats = NatsServer::with(USERS).await?;
    let config = bench.workplace.read("image-syncer.yaml")?;
    std::fs::remove_file(bench.workplace.path().join("image-syncer.yaml"))?;
    bench.workplace.write("all of it's rules.yaml", &config)?;
    bench.workplace.write("password", "coordinator-password\n")?;
    bench.workplace.write("w.password", "workers-password\n")?;
    let mut sync = bench.workplace.command(&format!(
        "sync --fleet {} --fleet-user coordinator --fleet-password-file password --config",
        nats.url()
    ));
    sync.arg("all of it's rules.yaml");
    let mut coordinator = Running::of(sync, "c.err", &bench.workplace)?;
    let hint = || {
        let text = bench.workplace.read("c.err").ok()?;
        let line = text.lines().find(|line| line.contains("no worker has come"))?.to_owned();
        let (_, flags) = line.strip_suffix('`')?.split_once("`image-syncer worker")?;
        Some(format!("worker{flags}"))
    };
    until(|| hint().is_some()).await?;
    let (hint, login) = (hint().context("no command")?, "--fleet-user NAME --fleet-password-file FILE");
    ensure!(hint.contains(login), "{hint}");
    let of_workers = "--fleet-user workers --fleet-password-file w.password --fleet-inbox _INBOX_workers";
    let line = format!(
        "exec {} {} --idle-exit 60s",
        env!("CARGO_BIN_EXE_image-syncer"),
        hint.replace(login, of_workers)
    );
    let start = |name: &str| -> Result<Running> {
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).current_dir(bench.workplace.path()).env("HOME", bench.workplace.path());
        shell.env_remove("XDG_STATE_HOME");
        Running::of(shell, &format!("{name}.err"), &bench.workplace)
    };
    let workers = [start("w1")?, start("w2")?];
    let code = coordinator.status().await?.code();
    let told = bench.workplace.read("c.err")?;
    ensure!(code == Some(0), "{told}\n{}", bench.workplace.read("w1.err")?);
    ensure!(told.matches("no worker has come").count() == 1, "{told}");
    // Each worker has a state file of its own, and so has the coordinator.
    let states = bench.workplace.path().join(".local/state/image-syncer");
    until(|| ["state", "worker", "worker-2"].iter().all(|name| states.join(format!("{name}.redb")).exists()))
        .await?;
    for worker in ["w1.err", "w2.err"] {
        let said = bench.workplace.read(worker)?;
        ensure!(!said.contains("warning"), "{worker}: {said}");
    }
    drop(workers);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_login_is_refused_leaves_the_run_to_others() -> Result<()> {
    let mut bench = Bench::start().await?;
    let user = User::new("u", "right-secret", vec![Grant::push("*")]);
    bench.target = EmbeddedRegistry::builder().access(Access::Basic(vec![user])).start().await?;
    let (from, to) = (bench.source.host(), bench.target.host());
    let config = |password: &str| {
        format!(
            "auth:\n  {from}: {{insecure: true}}\n  {to}: {{insecure: true, username: u, password: {password}}}\nsync:\n- {{from: '{from}/a/**', to: {to}/b}}\n"
        )
    };
    bench.workplace.write("image-syncer.yaml", &config("wrong-secret"))?;
    let wrong = bench.worker("wrong")?;
    let told = bench.workplace.path().join("wrong.err");
    until(|| std::fs::read_to_string(&told).is_ok_and(|text| text.contains("waiting for work"))).await?;
    bench.workplace.write("image-syncer.yaml", &config("right-secret"))?;
    let coordinator = bench.coordinator()?;
    until(|| {
        std::fs::read_to_string(&told).is_ok_and(|text| text.contains("login of worker wrong is refused"))
    })
    .await?;
    let right = bench.worker("right")?;
    let ran = coordinator.ended()?.expect_code(0)?;
    bench.expect_whole(&serde_json::from_str(&ran.stdout)?, &["copied"])?;
    ran.says(&["the login of worker wrong is refused", "Mend its login"])?.hides(&["wrong-secret"])?;
    drop((wrong, right));
    Ok(())
}
