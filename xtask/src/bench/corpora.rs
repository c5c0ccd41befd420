//! Copies whole corpora: into an empty registry, again when all is there, and over slow lines.

use std::time::Duration;

use anyhow::Result;
use testkit::DelayProxy;
use testkit::corpus::Shape;

use super::rig::{Pair, Rig};
use super::tool::Tool;

/// Whether the same is copied a second time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    Yes,
    No,
}

/// How many blobs ours copies at once where time goes into waiting.
const PROC_FOR_SLOW_LINES: u32 = 64;

/// Each tool in turn, as often as there are runs: what disturbs the machine for a while disturbs all.
pub(super) async fn cold(rig: &mut Rig, name: &str, shape: Shape, again: Again) -> Result<()> {
    let source = rig.registry().await?;
    let corpus = shape.write(source.data_dir())?;
    rig.note_corpus(name, &corpus);
    let counts = corpus.counts();
    for _ in 0..rig.runs {
        let ours = Tool::ours(&rig.ours);
        let tools = std::mem::take(&mut rig.peers);
        for tool in [&ours].into_iter().chain(&tools) {
            let target = rig.registry().await?;
            let pair = Pair { corpus: &corpus, source: &source, target: &target };
            let (from, to) = (source.host(), target.host());
            let sample = pair.copy(tool, &from, &to).await?;
            rig.note(&format!("{name} cold"), &tool.name, Some(counts.cold_floor()), sample)?;
            if again == Again::Yes {
                let sample = pair.copy(tool, &from, &to).await?;
                rig.note(&format!("{name} unchanged"), &tool.name, Some(counts.unchanged_floor()), sample)?;
            }
        }
        rig.peers = tools;
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
    let near_source = DelayProxy::start(source.host(), delay).await?;
    for run in 0..rig.runs {
        let ours = [Tool::ours(&rig.ours), Tool::ours_with(&rig.ours, PROC_FOR_SLOW_LINES)];
        let tools = std::mem::take(&mut rig.peers);
        for tool in ours.iter().chain(tools.iter().filter(|_| run == 0)) {
            let target = rig.registry().await?;
            let near_target = DelayProxy::start(target.host(), delay).await?;
            let pair = Pair { corpus: &corpus, source: &source, target: &target };
            let sample = pair.copy(tool, &near_source.host(), &near_target.host()).await?;
            rig.note(&scenario, &tool.name, Some(floor), sample)?;
        }
        rig.peers = tools;
    }
    Ok(())
}
