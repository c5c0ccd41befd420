//! What it takes to look whether everything is at the target, after a copy.

use anyhow::{Result, ensure};
use testkit::corpus::{Counts, Shape};

use super::rig::{Pair, Rig};
use super::tool::Tool;

/// The one that goals are set for.
pub(super) const TINY: &str = "tiny verify";

/// Fills a target, then looks at it as often as there are runs. No peer has such a verb.
pub(super) async fn measure(rig: &mut Rig, name: &str, shape: Shape) -> Result<()> {
    let (source, target) = (rig.registry().await?, rig.registry().await?);
    let corpus = shape.write(source.data_dir())?;
    rig.note_corpus(name, &corpus);
    let (from, to) = (source.host(), target.host());
    let pair = Pair { corpus: &corpus, source: &source, target: &target };
    let filled = pair.copy(&Tool::ours(&rig.ours), &from, &to).await?;
    ensure!(filled.right == filled.wanted, "the corpus was not copied: {:?}", filled.faults);
    for _ in 0..rig.runs {
        let tool = Tool::ours_verifying(&rig.ours);
        let sample = pair.copy(&tool, &from, &to).await?;
        rig.note(&format!("{name} verify"), &tool.name, Some(floor(corpus.counts())), sample)?;
    }
    Ok(())
}

/// At the target one question for each manifest and blob, at the source a list for each repository and a question for each tag.
fn floor(counts: Counts) -> u64 {
    counts.manifests + counts.repository_blobs + counts.repositories + counts.tags
}
