//! Several machines: coordinator, workers, and NATS between them.

use anyhow::{Context as _, Result};
use embedded_registry::{Effect, Fault, Match, Times};
use testkit::NatsServer;

use super::Message;
use super::registry::Bench;
use super::shown::{SOURCE, Shown, TARGET};
use super::typed::{typed, until};
use crate::process::Workplace;
use crate::running::Running;

pub(super) const MESSAGES: &[Message] = &[
    Message {
        title: "A NATS beyond this machine, without TLS",
        cause: "Whoever listens on the way could read and write jobs: beyond this machine NATS is spoken to with TLS.",
        what_to_do: "Give nats-server a certificate (docs/scale.md has a config), and write `tls://`.",
        what: &["nats.example.com would be spoken to without TLS"],
        why: &["beyond this machine"],
        next: &["tls://HOST:4222", "--fleet-insecure"],
        code: 2,
        show: || Box::pin(ends("worker --fleet nats://nats.example.com:4222 --no-state", "")),
    },
    Message {
        title: "A flag that the coordinator takes",
        cause: "Workers bring what they are handed out: what is copied, and what is written of it, the coordinator is told.",
        what_to_do: "Give the flag to `sync --fleet`.",
        what: &["--report does nothing here"],
        why: &["the coordinator writes it"],
        next: &["give --report to `image-syncer sync --fleet`"],
        code: 2,
        show: || typed("worker --fleet nats://127.0.0.1:4222 --report r.json"),
    },
    Message {
        title: "A flag that workers take",
        cause: "The coordinator copies nothing, so that its speed cannot be limited.",
        what_to_do: "Give the flag to each worker, with what all of them may have together.",
        what: &["--bandwidth does nothing here"],
        why: &["the workers copy"],
        next: &["to each `image-syncer worker`"],
        code: 2,
        show: || Box::pin(ends("sync --fleet NATS --bandwidth 10MB/s --no-state", "")),
    },
    Message {
        title: "NATS that cannot be reached",
        cause: "Nobody listens there, or a firewall stands between.",
        what_to_do: "Start nats-server with JetStream, and look whether its address and port are right.",
        what: &["NATS at nats://127.0.0.1:1 cannot be reached"],
        why: &["refused"],
        next: &["is nats-server running there with JetStream"],
        code: 2,
        show: || Box::pin(ends("sync --fleet nats://127.0.0.1:1 --no-state", "")),
    },
    Message {
        title: "A login that NATS does not take",
        cause: "The server has users, and this is none of them, or its password is another one.",
        what_to_do: "Give the login that the server's config has.",
        what: &["does not take this login"],
        why: &["uthorization"],
        next: &["--fleet-user NAME --fleet-password-file FILE"],
        code: 2,
        show: || {
            let worker =
                "worker --fleet NATS --fleet-user worker --fleet-password-file wrong.password --no-state";
            Box::pin(ends(worker, USERS))
        },
    },
    Message {
        title: "A login of a worker, given to a coordinator",
        cause: "The server's config lets this user work, and not make the queue and the runs that are worked on.",
        what_to_do: "Give `sync --fleet` the login of the coordinator; the other one is for `image-syncer worker`.",
        what: &["this login may not coordinate"],
        why: &["Permissions Violation", "STREAM.INFO.ISYNC_JOBS"],
        next: &["docs/nats-users.conf calls it `coordinator`", "`image-syncer worker`"],
        code: 2,
        show: || {
            let sync =
                "sync --fleet NATS --fleet-user worker --fleet-password-file worker.password --no-state";
            Box::pin(ends(sync, USERS))
        },
    },
    Message {
        title: "A worker that may not hear its answers",
        cause: "Its login is bound to an inbox, and that is not the one that this worker's name has.",
        what_to_do: "Start it with the name that the server's config has, or with its inbox.",
        what: &["NATS does not let this login hear its answers"],
        why: &["_INBOX_w9"],
        next: &["--name", "--fleet-inbox"],
        code: 2,
        show: || {
            let worker = "worker --fleet NATS --fleet-user worker --fleet-password-file worker.password --name w9 --no-state";
            Box::pin(ends(worker, USERS))
        },
    },
    Message {
        title: "No worker",
        cause: "The run is planned, and nobody has come to bring its images.",
        what_to_do: "Start one or more workers with the command that is named. The run waits for them.",
        what: &["no worker has come for this run yet"],
        why: &["no worker"],
        next: &["image-syncer worker --fleet", "--config image-syncer.yaml"],
        code: 0,
        show: || Box::pin(without_worker()),
    },
    Message {
        title: "A worker with another config",
        cause: "The worker's rules are not those that the run was planned with, so that it could bring something else.",
        what_to_do: "Start the worker with the coordinator's config. It waits for runs of its own until then.",
        what: &["run 20261130T120000Z-4711"],
        why: &["was planned with another config"],
        next: &["it is left to others"],
        code: 0,
        show: || Box::pin(of_another_config()),
    },
    Message {
        title: "A worker that is silent",
        cause: "It was killed, its machine is off, or it cannot reach NATS any more.",
        what_to_do: "Nothing: others get its jobs after `--fleet-patience`. Start another one if none is left.",
        what: &["worker w1 is silent"],
        why: &["silent"],
        next: &["others get its jobs after 2 s"],
        code: 0,
        show: || Box::pin(silent()),
    },
    Message {
        title: "A run that another coordinator has called off",
        cause: "Several coordinators of one config watch one run. Ctrl-C at any of them calls it off for all.",
        what_to_do: "Ask whoever started that coordinator. The same command begins a new run, which skips what is at the targets.",
        what: &["run 20261130T120000Z-4711 was called off"],
        why: &["by coordinator-host-4711"],
        next: &["nothing more is handed out"],
        code: 130,
        show: || Box::pin(called_off()),
    },
    Message {
        title: "A worker whose run was called off",
        cause: "Ctrl-C, or SIGTERM, at a coordinator of the run.",
        what_to_do: "Nothing: the worker waits for the next run of its config.",
        what: &["run 20261130T120000Z-4711 was called off"],
        why: &["by coordinator-host-4711"],
        next: &["1 image in work here has 25 s to end"],
        code: 0,
        show: || Box::pin(called_off_at_a_worker()),
    },
    Message {
        title: "Jobs in a temporary folder",
        cause: "`check --fleet` has found that the server keeps its jobs where they do not stay.",
        what_to_do: "Give nats-server a folder that stays, and start it anew.",
        what: &["store: streams are kept in /tmp"],
        why: &["a temporary folder is emptied"],
        next: &["nats-server -js -sd FOLDER", "/etc/nats-server.conf"],
        code: 0,
        show: || Box::pin(finds("check --fleet NATS", "", "store: ")),
    },
    Message {
        title: "A login at NATS that may do neither",
        cause: "The user's rights are fewer than those of a worker.",
        what_to_do: "Give it those that docs/nats-users.conf has, or name the worker that it is bound to.",
        what: &["rights: this login may neither work nor coordinate"],
        why: &["not allowed: "],
        next: &["docs/nats-users.conf", "--name"],
        code: 4,
        show: || {
            let check = "check --fleet NATS --fleet-user worker --fleet-password-file worker.password";
            Box::pin(finds(check, USERS, "rights: "))
        },
    },
];

/// The users in the config that docs/scale.md names.
const USERS: &str = include_str!("../../../../../docs/nats-users.conf");

/// Two registries with a config, and NATS.
pub(super) struct Fleet {
    bench: Bench,
    pub(super) nats: NatsServer,
}

/// The name of NATS on the page.
const NATS: &str = "nats://nats.example.com:4222";

impl Fleet {
    pub(super) async fn start(users: &str) -> Result<Self> {
        let bench = Bench::start().await?;
        let (from, to) = (bench.source.host(), bench.target.host());
        let config = format!(
            "auth:\n  {from}: {{plainHttp: true}}\n  {to}: {{plainHttp: true}}\nsync:\n- {{from: {from}/team/app, to: {to}/mirror/app}}\n"
        );
        bench.workplace.write("image-syncer.yaml", &config)?;
        bench.workplace.write("worker.password", "worker-password\n")?;
        bench.workplace.write("wrong.password", "another\n")?;
        Ok(Self { bench, nats: NatsServer::with(users).await? })
    }

    pub(super) fn workplace(&self) -> &Workplace {
        &self.bench.workplace
    }

    pub(super) fn names(&self) -> Vec<(String, &'static str)> {
        let [source, target] = self.bench.names();
        vec![source, target, (self.nats.url(), NATS), (self.nats.url().replace("nats://", ""), &NATS[7..])]
    }

    /// Starts a process whose stderr goes to a file.
    pub(super) fn begin(&self, arguments: &str, file: &str) -> Result<Running> {
        Running::told_to(file, self.workplace(), &arguments.replace("NATS", &self.nats.url()))
    }

    pub(super) fn coordinator(&self) -> Result<Running> {
        self.begin("sync --fleet NATS --fleet-patience 2", "c.err")
    }

    /// A coordinator whose source never sends a layer.
    pub(super) fn coordinator_of_a_slow_source(&self) -> Result<Running> {
        let hang = Fault { when: Match::get("/blobs/"), times: Times::Always, effect: Effect::Hang };
        self.bench.source.misbehave(hang);
        self.coordinator()
    }

    /// A process that ends by itself, with an error.
    pub(super) fn ends(&self, arguments: &str) -> Result<Shown> {
        let ran = self.workplace().run(&arguments.replace("NATS", &self.nats.url()))?;
        Shown::error(&ran, &self.names())
    }

    /// Waits until the file has a line with this text; returns the line.
    pub(super) async fn line(&self, file: &str, text: &str) -> Result<String> {
        let line = || {
            let said = self.workplace().read(file).ok()?;
            let complete = said.rsplit_once('\n')?.0.to_owned();
            complete.lines().find(|line| line.contains(text)).map(str::to_owned)
        };
        until(|| line().is_some()).await.with_context(|| self.workplace().read(file).unwrap_or_default())?;
        line().context("it is gone")
    }
}

/// A process that ends by itself, with an error.
async fn ends(arguments: &str, users: &str) -> Result<Shown> {
    Fleet::start(users).await?.ends(arguments)
}

async fn finds(arguments: &str, users: &str, step: &str) -> Result<Shown> {
    let fleet = Fleet::start(users).await?;
    let ran = fleet.workplace().run(&arguments.replace("NATS", &fleet.nats.url()))?;
    let is_it =
        |line: &&str| !line.starts_with("ok ") && line.contains(&fleet.nats.url()) && line.contains(step);
    let line = ran.stdout.lines().find(is_it).with_context(|| ran.all())?;
    Ok(Shown::line(line, ran.code, &fleet.names()))
}

async fn without_worker() -> Result<Shown> {
    let fleet = Fleet::start("").await?;
    let _coordinator = fleet.coordinator()?;
    let line = fleet.line("c.err", "no worker has come").await?;
    Ok(Shown::line(&line, 0, &fleet.names()))
}

async fn of_another_config() -> Result<Shown> {
    let fleet = Fleet::start("").await?;
    fleet.workplace().write("other.yaml", &format!("sync:\n- {{from: {SOURCE}/a, to: {TARGET}/b}}\n"))?;
    let _coordinator = fleet.coordinator()?;
    let _worker = fleet.begin("worker --fleet NATS --config other.yaml --no-state", "w.err")?;
    let line = fleet.line("w.err", "was planned with another config").await?;
    Ok(Shown::line(&line, 0, &fleet.names()))
}

async fn silent() -> Result<Shown> {
    let fleet = Fleet::start("").await?;
    let _coordinator = fleet.coordinator_of_a_slow_source()?;
    let mut worker = fleet.begin("worker --fleet NATS --name w1 --no-state", "w.err")?;
    fleet.line("c.err", "worker w1 is there").await?;
    worker.kill()?;
    let line = fleet.line("c.err", "is silent").await?;
    Ok(Shown::line(&line, 0, &fleet.names()))
}

async fn called_off() -> Result<Shown> {
    let fleet = Fleet::start("").await?;
    let mut first = fleet.coordinator()?;
    fleet.line("c.err", "for workers to take").await?;
    let second = fleet.begin("sync --fleet NATS --fleet-patience 2", "d.err")?;
    fleet.line("d.err", "joined run").await?;
    second.signal("-INT")?;
    let line = fleet.line("c.err", "was called off by").await?;
    let code = first.status().await?.code().unwrap_or_default();
    Ok(Shown::line(&line, code, &fleet.names()))
}

async fn called_off_at_a_worker() -> Result<Shown> {
    let fleet = Fleet::start("").await?;
    let coordinator = fleet.coordinator_of_a_slow_source()?;
    let _worker = fleet.begin("worker --fleet NATS --name w1 --no-state", "w.err")?;
    until(|| fleet.bench.source.requests().iter().any(|request| request.path.contains("/blobs/"))).await?;
    coordinator.signal("-INT")?;
    let line = fleet.line("w.err", "was called off by").await?;
    Ok(Shown::line(&line, 0, &fleet.names()))
}
