//! Measures ours beside every peer found, on real registries, and writes down what came out.
//!
//! docs/benchmarks.md is made from the JSON that a run writes: no figure in it is typed.

mod corpora;
mod document;
mod expand;
mod goal;
mod large_layer;
mod machine;
pub(crate) mod measure;
mod program;
mod registries_time;
mod result;
mod rig;
mod table;
mod tool;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use clap::ValueEnum;
use testkit::corpus::Shape;

use crate::say;
use result::Results;
use rig::Rig;

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How often each program runs; medians are shown
    #[arg(long, default_value_t = 3)]
    runs: usize,

    /// What to measure
    #[arg(
        long,
        visible_alias = "scenario",
        value_delimiter = ',',
        default_value = "big,tiny,unchanged,delay,layer,layers"
    )]
    corpus: Vec<Scenario>,

    /// Small corpora and one run: shows that all works, measures little
    #[arg(long)]
    quick: bool,

    /// Only ours
    #[arg(long)]
    alone: bool,

    /// Write all samples to this file, after each run
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Write the document to this file
    #[arg(long, value_name = "FILE")]
    doc: Option<PathBuf>,

    /// What readers of the document must know of the circumstances
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,

    /// Measure nothing: take the samples that `--json` wrote (several files are put together)
    #[arg(long, value_name = "FILE")]
    from: Vec<PathBuf>,
}

/// One thing to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// Few images with large layers, into an empty registry
    Big,
    /// Many images with small layers, into an empty registry
    Tiny,
    /// The same again, when all is there
    Unchanged,
    /// As tiny, with 30 ms added to each answer on both sides
    Delay,
    /// One layer of 2 GiB
    Layer,
    /// Ten layers of 100 MB at once, for their memory
    Layers,
    /// 20,000 rules are read and checked, without any registry
    Expand,
}

/// What each answer is delayed by.
const DELAY: Duration = Duration::from_millis(30);

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let results = if arguments.from.is_empty() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        runtime.block_on(async {
            tokio::select! {
                measured = measure_all(arguments) => measured,
                // Registries and their folders go with what is dropped here.
                () = interrupted() => bail!("interrupted"),
            }
        })?
    } else {
        Results::together(arguments.from.iter().map(|file| read(file)).collect::<Result<_>>()?)?
    };
    say(&table::text(&results));
    if let Some(file) = &arguments.json {
        results.write(file)?;
    }
    if let Some(file) = &arguments.doc {
        write(file, &document::text(&results, &arguments.note))?;
    }
    Ok(())
}

async fn measure_all(arguments: &Arguments) -> Result<Results> {
    ensure!(arguments.runs > 0, "--runs must be 1 or more");
    let runs = if arguments.quick { 1 } else { arguments.runs };
    let wanted = |scenario| arguments.corpus.contains(&scenario);
    let mut rig = Rig::new(runs, arguments.alone, arguments.json.clone())?;
    let quick = |whole, small| if arguments.quick { small } else { whole };
    if wanted(Scenario::Big) {
        corpora::cold(&mut rig, "big", quick(Shape::BIG, Shape::BIG_QUICK), corpora::Again::No).await?;
    }
    let tiny = quick(Shape::TINY, Shape::TINY_QUICK);
    if wanted(Scenario::Tiny) || wanted(Scenario::Unchanged) {
        let again = if wanted(Scenario::Unchanged) { corpora::Again::Yes } else { corpora::Again::No };
        corpora::cold(&mut rig, "tiny", tiny, again).await?;
    }
    if wanted(Scenario::Delay) {
        corpora::delayed(&mut rig, "tiny", tiny, DELAY).await?;
    }
    if wanted(Scenario::Layer) {
        large_layer::measure(&mut rig, if arguments.quick { 64 << 20 } else { 2 << 30 }).await?;
    }
    if wanted(Scenario::Layers) {
        large_layer::measure_ten(&mut rig, if arguments.quick { 10_000_000 } else { 100_000_000 }).await?;
    }
    if wanted(Scenario::Expand) {
        expand::measure(&mut rig, if arguments.quick { 2_000 } else { 20_000 }).await?;
    }
    Ok(rig.into_results())
}

async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminated) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
}

fn read(file: &Path) -> Result<Results> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not what --json writes", file.display()))
}

fn write(file: &Path, text: &str) -> Result<()> {
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}
