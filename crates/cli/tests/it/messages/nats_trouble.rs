//! Messages of a fleet about a NATS that is away or has lost a run, and about a name that is taken.

use anyhow::Result;

use super::Message;
use super::fleet::Fleet;
use super::shown::Shown;

pub(super) const MESSAGES: &[Message] = &[
    Message {
        title: "A NATS that is away in the middle of a run",
        cause: "nats-server was stopped or is started anew, or the network to it is interrupted.",
        what_to_do: "Start it again, or look whether it can be reached. Nothing is lost meanwhile, and coordinator and workers go on by themselves.",
        what: &["NATS at nats://nats.example.com:4222 has been away since"],
        why: &["jobs in work go on"],
        next: &["Look whether nats-server runs there"],
        code: 0,
        show: || Box::pin(away()),
    },
    Message {
        title: "A NATS that has lost a run",
        cause: "Its store is another one since it was started anew: it was in a temporary folder, or somebody has emptied it.",
        what_to_do: "Start `sync` again; what is at the targets already is skipped.",
        what: &["NATS has lost run 20261130T120000Z-4711"],
        why: &["stream not found"],
        next: &["start `sync` again with the same config", "check --fleet URL"],
        code: 1,
        show: || Box::pin(lost()),
    },
    Message {
        title: "A second worker with one name",
        cause: "A live worker has this name. It is how a coordinator tells workers apart.",
        what_to_do: "Give each worker a name of its own, or none.",
        what: &["another worker at this NATS is called w1"],
        why: &["and works"],
        next: &["--name NAME"],
        code: 2,
        show: || Box::pin(taken()),
    },
];

async fn away() -> Result<Shown> {
    let mut fleet = Fleet::start("").await?;
    let _coordinator = fleet.coordinator()?;
    fleet.line("c.err", "for workers to take").await?;
    fleet.nats.kill();
    let line = fleet.line("c.err", "away since").await?;
    Ok(Shown::line(&line, 0, &fleet.names()))
}

async fn lost() -> Result<Shown> {
    let mut fleet = Fleet::start("").await?;
    let mut coordinator = fleet.coordinator()?;
    fleet.line("c.err", "for workers to take").await?;
    fleet.nats.kill();
    fleet.nats.lose_store()?;
    fleet.nats.start_again().await?;
    let code = coordinator.status().await?.code().unwrap_or_default();
    Shown::written(code, &fleet.workplace().read("c.err")?, &fleet.names())
}

async fn taken() -> Result<Shown> {
    let fleet = Fleet::start("").await?;
    let _coordinator = fleet.coordinator_of_a_slow_source()?;
    let _first = fleet.begin("worker --fleet NATS --name w1 --no-state", "w.err")?;
    fleet.line("c.err", "worker w1 is there").await?;
    fleet.ends("worker --fleet NATS --name w1 --no-state")
}
