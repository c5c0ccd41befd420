//! Copies whole corpora: into an empty registry, again without changes, and over slow lines; and verifies them.

use std::time::Duration;

use anyhow::Result;
use testkit::Line;
use testkit::corpus::{Counts, Shape};

use super::rig::{Ends, Pair, Rig};
use super::tool::Tool;

/// The name of the scenario that verifies the tiny corpus.
pub(super) const TINY_VERIFIED: &str = "tiny verify";

/// Whether the same corpus is copied a second time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    Yes,
    No,
}

/// Runs the tools in turn, once for each run: a temporary disturbance of the machine affects all of them.
pub(super) async fn cold(rig: &mut Rig, name: &str, shape: Shape, again: Again) -> Result<()> {
    let source = rig.registry().await?;
    let corpus = shape.write(source.data_dir())?;
    rig.note_corpus(name, &corpus);
    let counts = corpus.counts();
    for _ in 0..rig.runs {
        for tool in rig.tools() {
            let target = rig.registry().await?;
            let pair = Pair { corpus: &corpus, source: &source, target: &target };
            let (from, to) = (source.host(), target.host());
            let sample = pair.copy(&tool, Ends::plain(&from, &to)).await?;
            rig.note(&format!("{name} cold"), &tool.name, Some(counts.cold_floor()), sample)?;
            if again == Again::Yes {
                let sample = pair.copy(&tool, Ends::plain(&from, &to)).await?;
                rig.note(&format!("{name} unchanged"), &tool.name, Some(counts.unchanged_floor()), sample)?;
            }
        }
    }
    Ok(())
}

/// As [`cold`], with a delay at each side.
pub(super) async fn delayed(rig: &mut Rig, name: &str, shape: Shape, delay: Duration) -> Result<()> {
    let source = rig.registry().await?;
    let corpus = shape.write(source.data_dir())?;
    rig.note_corpus(name, &corpus);
    let floor = corpus.counts().cold_floor();
    let scenario = format!("{name} cold, {} ms", delay.as_millis());
    let near_source = Line::to(source.host()).delay(delay).start().await?;
    for _ in 0..rig.runs {
        for tool in &rig.tools_and_wider() {
            let target = rig.registry().await?;
            let near_target = Line::to(target.host()).delay(delay).start().await?;
            let pair = Pair { corpus: &corpus, source: &source, target: &target };
            let (from, to) = (near_source.host(), near_target.host());
            let sample = pair.copy(tool, Ends::plain(&from, &to)).await?;
            rig.note(&scenario, &tool.name, Some(floor), sample)?;
        }
    }
    Ok(())
}

/// Copies an unchanged corpus with a delay on each side: measures the checks.
pub(super) async fn unchanged(rig: &mut Rig, name: &str, shape: Shape, delay: Duration) -> Result<()> {
    let (source, target) = (rig.registry().await?, rig.registry().await?);
    let corpus = shape.write(source.data_dir())?;
    shape.write(target.data_dir())?;
    rig.note_corpus(name, &corpus);
    let floor = corpus.counts().unchanged_floor();
    let scenario = format!("{name} unchanged, {} ms", delay.as_millis());
    let near_source = Line::to(source.host()).delay(delay).start().await?;
    let near_target = Line::to(target.host()).delay(delay).start().await?;
    let pair = Pair { corpus: &corpus, source: &source, target: &target };
    let (from, to) = (near_source.host(), near_target.host());
    for _ in 0..rig.runs {
        for tool in rig.tools_and_wider() {
            let sample = pair.copy(&tool, Ends::plain(&from, &to)).await?;
            rig.note(&scenario, &tool.name, Some(floor), sample)?;
        }
    }
    Ok(())
}

/// Verifies a complete target. No peer has such a command.
pub(super) async fn verified(rig: &mut Rig, name: &str, shape: Shape) -> Result<()> {
    let (source, target) = (rig.registry().await?, rig.registry().await?);
    let corpus = shape.write(source.data_dir())?;
    shape.write(target.data_dir())?;
    rig.note_corpus(name, &corpus);
    let (from, to) = (source.host(), target.host());
    let pair = Pair { corpus: &corpus, source: &source, target: &target };
    let (tool, floor) = (Tool::ours_verifying(&rig.ours), verify_floor(corpus.counts()));
    for _ in 0..rig.runs {
        let sample = pair.copy(&tool, Ends::plain(&from, &to)).await?;
        rig.note(&format!("{name} verify"), &tool.name, Some(floor), sample)?;
    }
    Ok(())
}

/// At the target one request for each manifest and blob, at the source a list for each repository and a request for each tag.
fn verify_floor(counts: Counts) -> u64 {
    counts.manifests + counts.repository_blobs + counts.repositories + counts.tags
}
