//! Measures copies over real networks' conditions: TLS, HTTP/2, round trips, thin lines, and sources that cap each connection.

use std::time::Duration;

use anyhow::{Context as _, Result};
use testkit::corpus::{Corpus, Shape};
use testkit::{CertificateAuthority, DockerRegistry, Line, TlsFront};

use super::pipes;
use super::registries_time;
use super::rig::{Ends, Pair, Rig};
use super::tool::{OURS, Tool};

/// The beginning of the scenarios' names.
pub(super) const WAN: &str = "wan";
/// Only its large layers, for comparison with the yardstick.
pub(super) const WAN_LAYERS: &str = "layers over wan";
pub(super) const THIN: &str = "thin";
pub(super) const CAPPED: &str = "capped";

/// A round trip between continents, on each side.
const ROUND_TRIP: Duration = Duration::from_millis(50);
/// Layers that are copied at once.
const LAYERS: u64 = 8;
/// 20 Mbit/s.
const THIN_LINE: u64 = 20_000_000 / 8;
/// The rate that an object store may give one connection.
const EACH_CONNECTION: u64 = 20_000_000;

/// Registries behind nginx with TLS and HTTP/2, 50 ms away on each side.
struct Wan {
    source: DockerRegistry,
    authority: CertificateAuthority,
    /// Kept alive for the source.
    _front: TlsFront,
    near_source: Line,
}

impl Wan {
    async fn start(rig: &Rig) -> Result<Self> {
        let source = rig.registry().await?;
        let authority = CertificateAuthority::generate()?;
        let front = TlsFront::start(&authority, source.host()).await?;
        let near_source = Line::to(front.host()).delay(ROUND_TRIP).start().await?;
        Ok(Self { source, authority, _front: front, near_source })
    }

    /// Copies a corpus to an empty target; `None` for the yardstick, which copies only the layers of this many bytes.
    async fn copy(
        &self,
        rig: &mut Rig,
        (scenario, corpus, bytes): (&str, &Corpus, u64),
        tool: Option<&Tool>,
    ) -> Result<()> {
        let target = rig.registry().await?;
        let back = TlsFront::start(&self.authority, target.host()).await?;
        let near_target = Line::to(back.host()).delay(ROUND_TRIP).start().await?;
        let (from, to, authority) = (self.near_source.host(), near_target.host(), self.authority.ca_file());
        let ends = Ends { source: &from, target: &to, authority: Some(&authority) };
        let pair = Pair { corpus, source: &self.source, target: &target };
        let Some(tool) = tool else { return curls(rig, scenario, (&pair, ends), bytes).await };
        let sample = pair.copy(tool, ends).await?;
        rig.note(scenario, &tool.name, Some(corpus.counts().cold_floor()), sample)
    }
}

/// Large layers and many small images; and only the large layers, for comparison with the yardstick.
pub(super) async fn wan(rig: &mut Rig, bytes: u64, images: u32) -> Result<()> {
    let wan = Wan::start(rig).await?;
    let layers = Corpus::write_large_layers(LAYERS, bytes, wan.source.data_dir())?;
    let shape = Shape { repositories: images.div_ceil(10), tags: 10, layers: 2, layer_bytes: 16 << 10 };
    let mut all = layers.clone();
    all.repositories.extend(shape.write(wan.source.data_dir())?.repositories);
    let scenario = format!("{WAN}, {LAYERS} x {} MiB and {images} images", bytes >> 20);
    let alone = format!("{WAN_LAYERS}, {LAYERS} x {} MiB", bytes >> 20);
    rig.note_corpus(&scenario, &all);
    rig.note_corpus(&alone, &layers);
    for _ in 0..rig.runs {
        let tools = rig.tools_and_wider();
        for tool in tools.iter().map(Some).chain([None]) {
            wan.copy(rig, (&scenario, &all, bytes), tool).await?;
        }
        for tool in tools.iter().filter(|tool| tool.is_ours()) {
            wan.copy(rig, (&alone, &layers, bytes), Some(tool)).await?;
        }
        wan.copy(rig, (&alone, &layers, bytes), None).await?;
    }
    Ok(())
}

/// A line of 20 Mbit/s in total: a program that sends more than needed takes longer.
pub(super) async fn thin(rig: &mut Rig, shape: Shape) -> Result<()> {
    let source = rig.registry().await?;
    let corpus = shape.write(source.data_dir())?;
    rig.note_corpus(THIN, &corpus);
    let near_source = Line::to(source.host()).all(THIN_LINE).delay(ROUND_TRIP).start().await?;
    for _ in 0..rig.runs {
        for tool in rig.tools() {
            let target = rig.registry().await?;
            let (from, to) = (near_source.host(), target.host());
            let pair = Pair { corpus: &corpus, source: &source, target: &target };
            let sample = pair.copy(&tool, Ends::plain(&from, &to)).await?;
            rig.note(&format!("{THIN}, 20 Mbit/s"), &tool.name, Some(corpus.counts().cold_floor()), sample)?;
        }
    }
    Ok(())
}

/// One layer from a source that gives each connection 20 MB/s, beside a single stream.
pub(super) async fn capped(rig: &mut Rig, bytes: u64) -> Result<()> {
    let source = rig.registry().await?;
    let corpus = Corpus::write_large_layer(bytes, source.data_dir())?;
    let scenario = format!("{CAPPED}, one layer of {} MiB", bytes >> 20);
    let near_source = Line::to(source.host()).each_connection(EACH_CONNECTION).start().await?;
    for _ in 0..rig.runs {
        for tool in rig.tools().into_iter().map(Some).chain([None]) {
            let target = rig.registry().await?;
            let (from, to) = (near_source.host(), target.host());
            let pair = Pair { corpus: &corpus, source: &source, target: &target };
            match tool {
                Some(tool) => {
                    let sample = pair.copy(&tool, Ends::plain(&from, &to)).await?;
                    let name = if tool.is_ours() { OURS } else { &tool.name };
                    rig.note(&scenario, name, None, sample)?;
                }
                None => curls(rig, &scenario, (&pair, Ends::plain(&from, &to)), bytes).await?,
            }
        }
    }
    Ok(())
}

/// One `curl` for each large layer, over HTTP/1.1.
async fn curls(rig: &mut Rig, scenario: &str, (pair, ends): (&Pair<'_>, Ends<'_>), bytes: u64) -> Result<()> {
    let repositories = &pair.corpus.repositories;
    let repository = repositories.iter().find(|one| one.blobs.values().any(|size| *size == bytes));
    let before = registries_time::so_far([pair.source, pair.target])?;
    let (usage, layers) = pipes::carry(ends, repository.context("no layer")?, bytes, false).await?;
    let mut sample = pair.sample(usage, registries_time::so_far([pair.source, pair.target])? - before);
    (sample.wanted, sample.faults) = (layers, Vec::new());
    rig.note(scenario, pipes::PLAIN, None, sample)
}
