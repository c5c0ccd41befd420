//! `sync --fleet` and `worker`: several processes on a real nats-server.

mod absence;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use embedded_registry::sample::{self, Flavour};
use embedded_registry::{Access, Effect, EmbeddedRegistry, Fault, Grant, Match, Times, User};
use serde_json::Value;
use testkit::{Dice, NatsServer};

use crate::json_schema::conforms;
use crate::process::{Ran, Workplace};

const REPOSITORIES: u64 = 10;

/// A process that ends with the test.
struct Running(Child);

impl Running {
    fn kill(&mut self) -> Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

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

    /// Whose source takes so long for each answer.
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
        let mut command = self.workplace.command(&arguments);
        let log = std::fs::File::create(self.workplace.path().join(format!("{name}.err")))?;
        Ok(Running(command.stdout(Stdio::null()).stderr(log).spawn()?))
    }

    fn coordinator(&self) -> Result<Running> {
        let arguments = format!("sync --fleet {} --fleet-patience 2 --json --no-state", self.url());
        let mut command = self.workplace.command(&arguments);
        Ok(Running(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?))
    }

    /// The same, whose stderr goes into this file.
    fn coordinator_into(&self, file: &str) -> Result<Running> {
        let arguments = format!("sync --fleet {} --fleet-patience 2 --no-state --report r.json", self.url());
        let log = std::fs::File::create(self.workplace.path().join(file))?;
        let mut command = self.workplace.command(&arguments);
        Ok(Running(command.stdout(Stdio::null()).stderr(log).spawn()?))
    }

    fn has_said(&self, file: &str, text: &str) -> bool {
        self.workplace.read(file).is_ok_and(|said| said.contains(text))
    }

    /// Waits until the source was asked so many times more, or nobody asks.
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

    /// Fails unless each image is told once, and all but so many are at the target.
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

fn ended(mut running: Running) -> Result<Ran> {
    let child = std::mem::replace(&mut running.0, Command::new("true").spawn()?);
    Ran::of(child.wait_with_output()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn four_workers_bring_what_one_process_would_and_send_nothing_twice() -> Result<()> {
    let (fleet, alone) = (Bench::start().await?, Bench::start().await?);
    let one = alone.workplace.run("sync --json --no-state")?.expect_code(0)?;
    let one: Value = serde_json::from_str(&one.stdout)?;
    let coordinator = fleet.coordinator()?;
    let workers: Vec<_> = (1..=4).map(|number| fleet.worker(&format!("w{number}"))).collect::<Result<_>>()?;
    let ran = ended(coordinator)?.expect_code(0)?;
    let report: Value = serde_json::from_str(&ran.stdout)?;
    fleet.expect_whole(&report, &["copied"])?;
    ensure!(report["totals"]["bytesMoved"] == one["totals"]["bytesMoved"], "{report:#}\n{one:#}");
    ran.says(&["has 10 jobs"])?;
    drop(workers);
    // Nothing is left to do, and nobody is needed for that but a worker.
    let worker = fleet.worker("w5")?;
    let again = ended(fleet.coordinator()?)?.expect_code(0)?;
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
    let mut command = bench.workplace.command(&sync);
    let coordinator = Running(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?);
    let workers = [bench.worker("w1")?, bench.worker("w2")?];
    let ran = ended(coordinator)?.expect_code(0)?;
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

/// No layer is there before a worker gives up waiting for it.
#[tokio::test(flavor = "multi_thread")]
async fn who_asks_the_coordinator_hears_of_jobs_and_workers_and_whoever_is_called_off_says_by_whom()
-> Result<()> {
    let bench = Bench::start().await?;
    bench.source.misbehave(Fault {
        when: Match::get("/blobs/"),
        times: Times::Always,
        effect: Effect::Trickle { bytes: 64 << 10, pause: Duration::from_secs(1) },
    });
    let err = bench.workplace.path().join("coordinator.err");
    let arguments = format!("sync --fleet {} --drain 2 --no-state --summary-markdown r.md", bench.url());
    let mut command = bench.workplace.command(&arguments);
    let mut coordinator =
        Running(command.stdout(Stdio::null()).stderr(std::fs::File::create(&err)?).spawn()?);
    let worker = bench.worker("w1")?;
    let send = |to: &Running, signal: &str| -> Result<()> {
        let sent = Command::new("kill").args([signal, &to.0.id().to_string()]).status()?;
        ensure!(sent.success(), "{signal} could not be sent");
        Ok(())
    };
    let said = || std::fs::read_to_string(&err).unwrap_or_default();
    until(|| said().contains("worker w1 is there")).await?;
    let of_both = "\n  jobs: 8 waiting, 2 in work, 0 done\n  worker w1: job ";
    until(|| said().contains(of_both) || send(&coordinator, "-USR1").is_err()).await?;
    // Who joins the run tells the same to programs.
    let json = bench.workplace.path().join("joined.err");
    let mut command =
        bench.workplace.command(&format!("sync --fleet {} --progress json --no-state", bench.url()));
    let joined = Running(command.stdout(Stdio::null()).stderr(std::fs::File::create(&json)?).spawn()?);
    let of_fleet = || -> Option<Value> {
        let lines = std::fs::read_to_string(&json).ok()?;
        let mut lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find(|line| line["fleet"]["jobsInWork"] == 2)
    };
    until(|| std::fs::read_to_string(&json).is_ok_and(|lines| lines.contains("worker w1 is there"))).await?;
    until(|| of_fleet().is_some() || send(&joined, "-USR1").is_err()).await?;
    let (line, schema) =
        (of_fleet().context("no line")?, bench.workplace.run("schema progress")?.expect_code(0)?);
    conforms(&serde_json::from_str(&schema.stdout)?, &line)?;
    let at_work = &line["fleet"]["workers"][0];
    ensure!(at_work["name"] == "w1" && at_work["jobs"][1].is_string(), "{line}");
    drop(joined);

    let by_worker = || bench.workplace.read("w1.err").unwrap_or_default();
    send(&coordinator, "-INT")?;
    until(|| by_worker().contains("was called off by coordinator-")).await?;
    ensure!(coordinator.0.wait()?.code() == Some(130), "{}", said());
    // Two jobs are in work, and nobody has asked the worker to end.
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

/// A run of which members are killed, as a seed has it. A job that is killed with three workers fails by name; all else is brought.
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
    let ran = ended(coordinator)?;
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
    // `cargo xtask torture` sets it to more.
    let seeds =
        std::env::var("IMAGE_SYNCER_FLEET_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    for seed in 0..seeds {
        killed(seed).await.with_context(|| format!("seed {seed}"))?;
    }
    Ok(())
}

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
    // A worker with other rules does not touch what it is not about.
    let mut coordinator = bench.coordinator()?;
    bench.workplace.write("other.yaml", "sync:\n- {from: a.example/x, to: b.example/y}\n")?;
    run(&format!("worker --fleet {} --config other.yaml --no-state --idle-exit 2s", bench.url()))?
        .expect_code(0)?
        .says(&["was planned with another config", "it has done 0 jobs"])?;
    coordinator.kill()?;
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

/// As docs/scale.md has them.
const USERS: &str = include_str!("../../../../docs/nats-users.conf");

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

/// As pods have it: nobody knows their names before, and all of them have one login.
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
    let start = |file: &str| -> Result<Running> {
        let log = std::fs::File::create(bench.workplace.path().join(file))?;
        let mut command = bench.workplace.command(&worker);
        Ok(Running(command.stdout(Stdio::null()).stderr(log).spawn()?))
    };
    let mut command = bench.workplace.command(&format!("sync {} --json", of("coordinator")));
    let coordinator = Running(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?);
    let workers = [start("1.err")?, start("2.err")?];
    let ran = ended(coordinator)?.expect_code(0)?;
    bench.expect_whole(&serde_json::from_str(&ran.stdout)?, &["copied"])?;
    for file in ["1.err", "2.err"] {
        let said = bench.workplace.read(file)?;
        ensure!(said.contains("waiting for work") && !said.contains("refuses"), "{file}: {said}");
    }
    drop(workers);
    let wrong = bench.workplace.run(&worker.replace("_INBOX_workers", "_INBOX_workers.>"))?.expect_code(2)?;
    wrong.says(&["`_INBOX_workers.>` is no subject", "without its end"])?;
    Ok(())
}

/// The command that a warning names, in quotes where its file's name needs them.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_no_worker_is_told_how_to_start_one_and_that_works() -> Result<()> {
    let bench = Bench::start().await?;
    let nats = NatsServer::with(USERS).await?;
    let config = bench.workplace.read("image-syncer.yaml")?;
    std::fs::remove_file(bench.workplace.path().join("image-syncer.yaml"))?;
    bench.workplace.write("all of it's rules.yaml", &config)?;
    bench.workplace.write("password", "coordinator-password\n")?;
    let mut sync = bench.workplace.command(&format!(
        "sync --fleet {} --fleet-user coordinator --fleet-password-file password --state sync.redb --config",
        nats.url()
    ));
    let said = bench.workplace.path().join("c.err");
    sync.arg("all of it's rules.yaml").stdout(Stdio::null()).stderr(std::fs::File::create(&said)?);
    let mut coordinator = Running(sync.spawn()?);
    let hint = || {
        let text = std::fs::read_to_string(&said).ok()?;
        let line = text.lines().find(|line| line.contains("no worker has come"))?.to_owned();
        let (_, flags) = line.trim_end_matches('`').split_once("`image-syncer worker")?;
        Some(format!("worker{flags}"))
    };
    until(|| hint().is_some()).await?;
    let flags = hint().context("no command")?;
    let mut shell = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_image-syncer");
    // The test's machine has a home of its own, as the coordinator.
    let line = format!("exec {program} {flags} --idle-exit 60s");
    shell.args(["-c", &line]).current_dir(bench.workplace.path());
    let log = std::fs::File::create(bench.workplace.path().join("w.err"))?;
    let worker = Running(shell.stdout(Stdio::null()).stderr(log).spawn()?);
    let code = coordinator.0.wait()?.code();
    let told = std::fs::read_to_string(&said)?;
    ensure!(code == Some(0), "{told}\n{}", bench.workplace.read("w.err")?);
    ensure!(told.matches("no worker has come").count() == 1, "{told}");
    ensure!(!bench.workplace.read("w.err")?.contains("warning"), "{}", bench.workplace.read("w.err")?);
    drop(worker);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_a_run_needs_no_state_and_who_plans_another_one_is_told_what_that_costs() -> Result<()> {
    let bench = Bench::start().await?;
    let start = |file: &str, more: &str| -> Result<Running> {
        let arguments = format!("sync --fleet {} --state s.redb {more}", bench.url());
        let log = std::fs::File::create(bench.workplace.path().join(file))?;
        let mut command = bench.workplace.command(&arguments);
        Ok(Running(command.stdout(Stdio::null()).stderr(log).spawn()?))
    };
    let has_said = |file: &str, text: &str| bench.workplace.read(file).is_ok_and(|said| said.contains(text));
    let first = start("1.err", "")?;
    until(|| has_said("1.err", "for workers to take")).await?;
    let second = start("2.err", "")?;
    until(|| has_said("2.err", "joined run")).await?;
    ensure!(!has_said("2.err", "is not used"), "{}", bench.workplace.read("2.err")?);
    let other = start("3.err", "--include v1")?;
    until(|| has_said("3.err", "for workers to take")).await?;
    let wanted = "s.redb is not used: another run is using it. This run is planned without it";
    ensure!(has_said("3.err", wanted), "{}", bench.workplace.read("3.err")?);
    drop((first, second, other));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_a_run_in_the_middle_says_how_much_is_left() -> Result<()> {
    let bench = Bench::start().await?;
    for number in 7..REPOSITORIES {
        // Of the layer that no other repository has.
        let digest = oci::Digest::sha256(&sample::layer(100 + number, 1_200_000)).to_string();
        let when = Match::get(&digest);
        bench.source.misbehave(Fault { when, times: Times::Always, effect: Effect::Hang });
    }
    let coordinator = bench.coordinator()?;
    // One that hangs keeps its place.
    let workers = [bench.worker("w1")?, bench.worker("w2")?, bench.worker("w3")?];
    let brought = || {
        let is_there =
            |number: &u64| bench.target.store().manifest(&format!("b/app-{number}"), "v1").is_some();
        (0..REPOSITORIES).filter(is_there).count()
    };
    until(|| brought() >= 5).await?;
    let file = bench.workplace.path().join("joined.err");
    let mut command = bench.workplace.command(&format!("sync --fleet {} --no-state", bench.url()));
    let joined = Running(command.stdout(Stdio::null()).stderr(std::fs::File::create(&file)?).spawn()?);
    let told = || {
        let text = std::fs::read_to_string(&file).ok()?;
        let (_, text) = text.split_once("joined run ")?;
        let (_, text) = text.split_once(": ")?;
        text.split_once(" of 10 jobs left to do")?.0.parse::<u64>().ok()
    };
    until(|| told().is_some()).await?;
    ensure!(told().is_some_and(|left| (3..REPOSITORIES).contains(&left)), "{:?} are left", told());
    drop((joined, workers, coordinator));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_ends_at_once_while_nats_is_away() -> Result<()> {
    let mut bench = Bench::start().await?;
    let coordinator = bench.coordinator()?;
    let mut worker = bench.worker("w1")?;
    ended(coordinator)?.expect_code(0)?;
    bench.nats.kill();
    let asked = std::time::Instant::now();
    Command::new("kill").args(["-TERM", &worker.0.id().to_string()]).status()?;
    let status = worker.0.wait()?;
    ensure!(status.code() == Some(143), "{status}");
    ensure!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
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
    let ran = ended(coordinator)?.expect_code(0)?;
    bench.expect_whole(&serde_json::from_str(&ran.stdout)?, &["copied"])?;
    ran.says(&["the login of worker wrong is refused", "Mend its login"])?.hides(&["wrong-secret"])?;
    drop((wrong, right));
    Ok(())
}
