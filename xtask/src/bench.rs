//! Measures our program beside every peer found, on real registries, and writes the results.
//!
//! docs/benchmarks.md is generated from the JSON of a run: no figure in it is typed.

mod corpora;
mod document;
mod expand;
mod fleet;
mod goal;
mod large_layer;
mod machine;
pub(crate) mod measure;
mod network;
mod null;
mod pipes;
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

use crate::say::say;
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
        default_value = "big,tiny,unchanged,delay,verify,layer,layers"
    )]
    corpus: Vec<Scenario>,

    /// Small corpora and one run: shows that all works, measures little
    #[arg(long)]
    quick: bool,

    /// Sizes and numbers of `null`, `wan`, `capped`, `tags100k` and `repos10k` by this factor
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    scale: f64,

    /// Only ours
    #[arg(long, conflicts_with = "peers")]
    alone: bool,

    /// Only these peers: where lines are long, the slowest would take most of the time
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    peers: Option<Vec<String>>,

    /// Measure this binary of ours instead of building one
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,

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
    /// Whether all of tiny is at the target, looked up after a copy
    Verify,
    /// One layer of 2 GiB
    Layer,
    /// Ten layers of 100 MB at once, for their memory
    Layers,
    /// 20,000 rules are read and checked, without any registry
    Expand,
    /// Eight layers of 128 MiB between registries that cost nothing, beside pipes of curl and openssl
    Null,
    /// TLS, HTTP/2 and 50 ms on each side: eight layers of 128 MiB and 300 small images
    Wan,
    /// A line of 20 Mbit/s
    Thin,
    /// One layer of 2 GiB from a source that gives each connection 20 MB/s
    Capped,
    /// As unchanged, with 30 ms added to each answer on both sides; and between registries that cost nothing
    Unchanged30,
    /// 10,000 and 100,000 unchanged tags
    Tags100k,
    /// 10,000 unchanged repositories
    Repos10k,
    /// How long the program takes to begin
    Start,
    /// One worker of a fleet against four, each with a line of its own
    Fleet,
}

/// The delay of each answer.
const DELAY: Duration = Duration::from_millis(30);

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let results = if arguments.from.is_empty() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        runtime.block_on(async {
            tokio::select! {
                measured = measure_all(arguments) => measured,
                // Dropping the measurement stops the registries and removes their folders.
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
    let peers = if arguments.alone { Some(&[][..]) } else { arguments.peers.as_deref() };
    let mut rig = Rig::new(runs, peers, (arguments.program.as_deref(), arguments.json.clone()))?;
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
    if wanted(Scenario::Verify) {
        corpora::verified(&mut rig, "tiny", tiny).await?;
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
    measure_networks(&mut rig, arguments).await?;
    Ok(rig.into_results())
}

/// Measures copies over long, thin or capped lines, and copies with much to check.
async fn measure_networks(rig: &mut Rig, arguments: &Arguments) -> Result<()> {
    let wanted = |scenario| arguments.corpus.contains(&scenario);
    let scaled = |whole| scaled(whole, arguments);
    let number = |whole| u32::try_from(scaled(whole)).unwrap_or(u32::MAX).max(10);
    let bytes = |mebibytes: u64| scaled(mebibytes).max(1) << 20;
    if wanted(Scenario::Null) {
        null::large(rig, bytes(128)).await?;
    }
    if wanted(Scenario::Wan) {
        network::wan(rig, bytes(128), number(300)).await?;
    }
    if wanted(Scenario::Thin) {
        let repositories = number(20) / 10;
        network::thin(rig, Shape { repositories, ..Shape::BIG_QUICK }).await?;
    }
    if wanted(Scenario::Capped) {
        network::capped(rig, bytes(2048)).await?;
    }
    if wanted(Scenario::Unchanged30) {
        let shape = if arguments.quick { Shape::TINY_QUICK } else { Shape::TINY };
        corpora::unchanged(rig, "tiny", shape, DELAY).await?;
        null::unchanged_far(rig, number(700), DELAY).await?;
    }
    if wanted(Scenario::Tags100k) {
        null::many_tags(rig, number(100_000)).await?;
    }
    if wanted(Scenario::Repos10k) {
        null::many_repositories(rig, number(10_000)).await?;
    }
    if wanted(Scenario::Start) {
        null::start(rig).await?;
    }
    if wanted(Scenario::Fleet) {
        let layer_bytes = usize::try_from(bytes(6))?;
        fleet::measure(rig, Shape { repositories: 24, tags: 2, layers: 2, layer_bytes }).await?;
    }
    Ok(())
}

/// `whole` times the factor of `--scale`; a twentieth of it with `--quick`.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "round figures"
)]
fn scaled(whole: u64, arguments: &Arguments) -> u64 {
    let factor = if arguments.quick { 0.05 } else { arguments.scale };
    (whole as f64 * factor.max(0.0)).round() as u64
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
