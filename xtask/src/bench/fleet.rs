//! One worker of a fleet against four, each with a line of its own with limited bandwidth.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::corpus::{Corpus, Shape};
use testkit::{Line, NatsServer};
use tokio::process::Child;

use super::measure::{self, Usage};
use super::registries_time;
use super::rig::{Pair, Rig};

/// The scenario's name in tables.
pub(super) const FLEET: &str = "fleet, each worker with 8 MB/s";
/// The bandwidth of each worker's line to the source, in bytes per second.
const EACH_WORKER: u64 = 8_000_000;

/// The name of a number of workers in tables.
pub(super) fn tool(workers: usize) -> String {
    format!("ours, workers: {workers}")
}

/// The parts of one run.
struct Fleet<'a> {
    rig: &'a Rig,
    pair: &'a Pair<'a>,
    nats: NatsServer,
}

/// A worker with its line. It ends on drop.
struct Worker {
    _process: Child,
    _line: Line,
    _folder: TempDir,
}

pub(super) async fn measure(rig: &mut Rig, shape: Shape) -> Result<()> {
    let source = rig.registry().await?;
    let corpus = shape.write(source.data_dir())?;
    rig.note_corpus("fleet", &corpus);
    for _ in 0..rig.runs {
        for workers in [1, 4] {
            let target = rig.registry().await?;
            let pair = Pair { corpus: &corpus, source: &source, target: &target };
            source.forget_requests();
            let before = registries_time::so_far([&source, &target])?;
            let usage = Fleet { rig, pair: &pair, nats: NatsServer::start().await? }.run(workers).await?;
            let registries = registries_time::so_far([&source, &target])? - before;
            let sample = pair.sample(usage, registries);
            rig.note(FLEET, &tool(workers), None, sample)?;
        }
    }
    Ok(())
}

impl Fleet<'_> {
    /// The coordinator's time, from its start to the end of the run.
    async fn run(&self, workers: usize) -> Result<Usage> {
        let mut crew = Vec::new();
        for number in 1..=workers {
            crew.push(self.worker(number).await?);
        }
        let folder = Rig::folder()?;
        std::fs::write(folder.path().join("image-syncer.yaml"), self.config(None).to_string())?;
        let words = [
            self.rig.ours.as_os_str().to_owned(),
            "sync".into(),
            "--no-state".into(),
            "--fleet".into(),
            self.nats.url().into(),
        ];
        let usage = measure::measure(&words, folder.path()).await?;
        drop(crew);
        ensure!(usage.code == 0, "{}", measure::output_of(folder.path()));
        Ok(usage)
    }

    async fn worker(&self, number: usize) -> Result<Worker> {
        let line = Line::to(self.pair.source.host()).all(EACH_WORKER).start().await?;
        let folder = Rig::folder()?;
        // The registry accepts requests that are written for a proxy, so the line can be configured as one.
        let config = self.config(Some(format!("http://{}", line.host())));
        std::fs::write(folder.path().join("image-syncer.yaml"), config.to_string())?;
        let output = std::fs::File::create(folder.path().join("output.log"))?;
        let mut command = tokio::process::Command::new(&self.rig.ours);
        command.args(["worker", "--no-state", "--fleet", &self.nats.url(), "--name", &format!("w{number}")]);
        command.current_dir(folder.path()).env_clear().env("HOME", folder.path());
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).kill_on_drop(true);
        let process = command.spawn().context("a worker does not start")?;
        // Workers that start before the coordinator need not be waited for later.
        tokio::time::sleep(Duration::from_millis(300)).await;
        Ok(Worker { _process: process, _line: line, _folder: folder })
    }

    /// A rule for each repository.
    fn config(&self, proxy: Option<String>) -> Value {
        let (source, target) = (self.pair.source.host(), self.pair.target.host());
        let mut from = json!({"plainHttp": true});
        if let Some(proxy) = proxy {
            from["proxy"] = json!(proxy);
        }
        let rules: Vec<_> = rules(self.pair.corpus, &source, &target);
        json!({"auth": {source: from, target: {"plainHttp": true}}, "sync": rules})
    }
}

fn rules(corpus: &Corpus, source: &str, target: &str) -> Vec<Value> {
    let names = corpus.repositories.iter().map(|repository| &repository.name);
    names.map(|name| json!({"from": format!("{source}/{name}"), "to": format!("{target}/{name}")})).collect()
}
