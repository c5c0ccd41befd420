//! Errors of the command line: verbs, flags, their values, and signals.

use std::process::Stdio;

use anyhow::{Context as _, Result};
use embedded_registry::{Effect, Fault, Match, Times};
use futures_util::future::BoxFuture;

use super::Message;
use super::registry::Bench;
use super::shown::{Names, Shown};
use crate::process::{Ran, Workplace};

pub(super) const MESSAGES: &[Message] = &[
    Message {
        title: "A verb that is none",
        cause: "The first word is no verb. Nothing was done.",
        what_to_do: "Write the verb that is named; `image-syncer -h` lists all.",
        what: &["`chekc` is no verb of image-syncer"],
        why: &["is no verb"],
        next: &["did you mean `image-syncer check`?"],
        code: 2,
        show: || typed("chekc --config c.json"),
    },
    Message {
        title: "A flag that is none",
        cause: "The verb has no such flag, most likely because of a slip.",
        what_to_do: "Write the flag that is named; `image-syncer VERB -h` lists those of a verb.",
        what: &["`image-syncer sync` has no flag `--cofnig`"],
        why: &["has no flag"],
        next: &["did you mean `--config`?"],
        code: 2,
        show: || typed("sync --cofnig c.json"),
    },
    Message {
        title: "A flag of another verb",
        cause: "The flag is one of another verb, and means nothing here.",
        what_to_do: "Use the verb that has it, or leave it out.",
        what: &["`image-syncer sync` has no flag `--exit-code`"],
        why: &["has no flag"],
        next: &["it is a flag of `plan`"],
        code: 2,
        show: || typed("sync --exit-code"),
    },
    Message {
        title: "A platform that nobody has",
        cause: "No image is made for such a platform: it would match nothing.",
        what_to_do: "Write it as Go and OCI do: linux/amd64, linux/arm64/v8.",
        what: &["`--platform linux/amd46`"],
        why: &["`amd46` is no architecture that images are made for"],
        next: &["did you mean `amd64`?"],
        code: 2,
        show: || typed("sync --platform linux/amd46"),
    },
    Message {
        title: "Neither config nor rules",
        cause: "No file is named, and the one that the Go tool read then, `./image-syncer.json`, is not there.",
        what_to_do: "Name the config with `--config`, or use the verb `sync`, which reads `./image-syncer.yaml`.",
        what: &["neither --config nor --images"],
        why: &["`./image-syncer.json`, which is read then, is not there"],
        next: &["--config"],
        code: 2,
        show: || typed(""),
    },
    Message {
        title: "The state file is in use",
        cause: "Another run on this machine has the file that it remembers things in: two runs go on at once.",
        what_to_do: "Wait for the other run, or give each a file of its own with `--state`. The run itself goes on without it.",
        what: &["is not used"],
        why: &["another run is using it"],
        next: &["Write --state FILE for another file"],
        code: 0,
        show: || Box::pin(locked()),
    },
    Message {
        title: "The state file cannot be written",
        cause: "The file for what is remembered cannot be made: its folder is not there, or is not this user's.",
        what_to_do: "Name a file in a folder that is there with `--state`, or do without by `--no-state`.",
        what: &["is not used"],
        why: &["cannot be"],
        next: &["Write --state FILE for another file"],
        code: 0,
        show: || Box::pin(unwritable()),
    },
    Message {
        title: "Stopped with Ctrl-C",
        cause: "The run was asked to stop. Images in work had `--drain` seconds to end.",
        what_to_do: "Run the same command again: what has arrived is not sent again.",
        what: &["stopping"],
        why: &["in work"],
        next: &["once more"],
        code: 130,
        show: || Box::pin(interrupted()),
    },
];

pub(super) fn typed(line: &'static str) -> BoxFuture<'static, Result<Shown>> {
    Box::pin(async move { Shown::error(&Workplace::new()?.run(line)?, &[]) })
}

/// One run holds the state file, and another one needs it.
async fn locked() -> Result<Shown> {
    let bench = Bench::start().await?;
    let hang = Fault { when: Match::get("/blobs/"), times: Times::First(1), effect: Effect::Hang };
    bench.source.misbehave(hang);
    let (from, to) = (bench.source.host(), bench.target.host());
    let command = format!("copy --auth auth.json --state state.redb {from}/team/app:v1 {to}/mirror/app");
    let mut first = bench.workplace.command(&command).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    until(|| bench.source.requests().iter().any(|request| request.path.contains("/blobs/"))).await?;
    let second = bench.workplace.run(&command)?;
    first.kill()?;
    first.wait()?;
    let folder = (bench.workplace.path().display().to_string(), "~");
    Shown::error(&second, &[folder])
}

async fn unwritable() -> Result<Shown> {
    let bench = Bench::start().await?;
    let (from, to) = (bench.source.host(), bench.target.host());
    bench.workplace.write("file", "")?;
    let command = format!("copy --auth auth.json --state file/state.redb {from}/team/app:v1 {to}/mirror/app");
    Shown::error(&bench.workplace.run(&command)?, &[])
}

async fn interrupted() -> Result<Shown> {
    let bench = Bench::start().await?;
    bench.source.misbehave(Fault { when: Match::get("/blobs/"), times: Times::Always, effect: Effect::Hang });
    let (from, to) = (bench.source.host(), bench.target.host());
    let command = format!("copy --auth auth.json --no-state --drain 0 {from}/team/app:v1 {to}/mirror/app");
    let child = bench.workplace.command(&command).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    until(|| bench.source.requests().iter().any(|request| request.path.contains("/blobs/"))).await?;
    std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status()?;
    let ran = Ran::of(tokio::task::spawn_blocking(move || child.wait_with_output()).await??)?;
    stopping(&ran, &bench.names())
}

/// The line about stopping the run.
fn stopping(ran: &Ran, names: Names<'_>) -> Result<Shown> {
    let line = ran.stderr.lines().find(|line| line.starts_with("stopping")).context(ran.all())?;
    let ran = Ran { stderr: format!("error: {line}\n"), stdout: String::new(), code: ran.code };
    let shown = Shown::error(&ran, names)?;
    Ok(Shown { text: line.to_owned(), ..shown })
}

pub(super) async fn until(mut is_so: impl FnMut() -> bool) -> Result<()> {
    for _ in 0..10_000 {
        if is_so() {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    anyhow::bail!("it never comes so far")
}
