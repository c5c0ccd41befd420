//! Copies whole corpora: into an empty registry, again when all is there, and over slow lines; and looks whether they are there.

use std::time::Duration;

use anyhow::Result;
use testkit::Line;
use testkit::corpus::{Counts, Shape};

use super::rig::{Ends, Pair, Rig};
use super::tool::Tool;

/// What it is called to look whether the tiny corpus is at the target.
pub(super) const TINY_VERIFIED: &str = "tiny verify";

/// Whether the same is copied a second time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    Yes,
    No,
}

/// Each tool in turn, as often as there are runs: what disturbs the machine for a while disturbs all.
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

/// As [`cold`], with a delay at each side. Peers run once: the slow ones take many minutes, most of them waiting,
/// so one run tells.
pub(super) async fn delayed(rig: &mut Rig, name: &str, shape: Shape, delay: Duration) -> Result<()> {
    let source = rig.registry().await?;
    let corpus = shape.write(source.data_dir())?;
    rig.note_corpus(name, &corpus);
    let floor = corpus.counts().cold_floor();
    let scenario = format!("{name} cold, {} ms", delay.as_millis());
    let near_source = Line::to(source.host()).delay(delay).start().await?;
    for run in 0..rig.runs {
        for tool in rig.tools_and_wider().iter().filter(|tool| run == 0 || tool.is_ours()) {
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

/// When all is there, with a delay at each side: what looking costs.
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

/// Looks whether everything is at a target that has all. No peer has such a verb.
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

/// At the target one question for each manifest and blob, at the source a list for each repository and a question for each tag.
fn verify_floor(counts: Counts) -> u64 {
    counts.manifests + counts.repository_blobs + counts.repositories + counts.tags
}
