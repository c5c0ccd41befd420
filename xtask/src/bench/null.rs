//! Measures copies between registries that cost next to nothing: the client's own cost.

use std::ffi::OsString;
use std::time::Duration;

use anyhow::{Result, ensure};
use testkit::corpus::{Corpus, Verified};
use testkit::{Line, NullContent, NullRegistry};

use super::measure::{self, Usage};
use super::pipes;
use super::result::{Sample, Traffic};
use super::rig::{Ends, Rig};
use super::tool::{OURS, Tool};
use crate::say::say;

/// Layers, all at once.
const LAYERS: u32 = 8;
/// The name of hashing alone in tables.
pub(super) const SHA256: &str = "openssl dgst alone";
/// The beginning of the scenarios' names.
pub(super) const NULL: &str = "null registries";
pub(super) const TAGS: &str = "unchanged tags";
const REPOSITORIES: &str = "unchanged repositories";
pub(super) const FAR: &str = "null unchanged";
/// The number of repositories among which the tags of the delayed scenario are spread.
const REPOSITORIES_FAR: u32 = 50;

/// A pair of null registries.
struct NullPair<'a> {
    corpus: &'a Corpus,
    source: &'a NullRegistry,
    target: &'a NullRegistry,
}

/// The counters of both at the start of a run.
struct Before {
    cpu_seconds: f64,
    requests: [u64; 2],
    given: u64,
    taken: u64,
}

pub(super) fn tags_scenario(tags: u32) -> String {
    format!("{tags} {TAGS}")
}

/// Large layers: ours and its peers beside pipes that hash the same bytes.
pub(super) async fn large(rig: &mut Rig, bytes: u64) -> Result<()> {
    let scenario = format!("{NULL}, {LAYERS} x {} MiB", bytes >> 20);
    let (content, corpus) = NullContent::large_layers(LAYERS.into(), bytes);
    let source = NullRegistry::start(content)?;
    let tools: Vec<Tool> =
        [Tool::ours_with(&rig.ours, LAYERS)].into_iter().chain(rig.peers.iter().cloned()).collect();
    for _ in 0..rig.runs {
        for tool in &tools {
            let target = NullRegistry::start(NullContent::default())?;
            let pair = NullPair { corpus: &corpus, source: &source, target: &target };
            let sample = pair.copy(tool).await?;
            rig.note(&scenario, &tool.name, None, sample)?;
        }
        let target = NullRegistry::start(NullContent::default())?;
        let pair = NullPair { corpus: &corpus, source: &source, target: &target };
        let (from, to) = (source.host(), target.host());
        let before = pair.before()?;
        let (usage, layers) =
            pipes::carry(Ends::plain(&from, &to), &corpus.repositories[0], bytes, true).await?;
        let mut sample = pair.sample(usage, &before)?;
        // The pipes copy only the layers.
        (sample.wanted, sample.faults) = (layers, Vec::new());
        rig.note(&scenario, pipes::HASHING, None, sample)?;
        rig.note(&scenario, SHA256, None, hash_alone(bytes).await?)?;
    }
    Ok(())
}

/// The cost of hashing as many bytes, from a file in memory.
async fn hash_alone(bytes: u64) -> Result<Sample> {
    let folder = Rig::folder()?;
    let script = r#"head -c "$1" /dev/zero > zeros; "#.to_owned() + "exec true";
    let prepare = ["sh", "-c", &script, "sh", &bytes.to_string()].map(OsString::from);
    ensure!(measure::measure(&prepare, folder.path()).await?.code == 0, "no space for {bytes} bytes");
    let hash = r#"i=0; while [ $i -lt "$1" ]; do openssl dgst -sha256 zeros; i=$((i + 1)); done"#;
    let words = ["sh", "-c", hash, "sh", &LAYERS.to_string()].map(OsString::from);
    let usage = measure::measure(&words, folder.path()).await?;
    let traffic = Traffic {
        source_requests: 0,
        target_requests: 0,
        read_bytes: u64::from(LAYERS) * bytes,
        sent_bytes: 0,
    };
    Ok(Sample { usage, registries_cpu_seconds: 0.0, traffic, right: 1, wanted: 1, faults: Vec::new() })
}

/// Many unchanged tags in one repository: the time should grow with their number, the memory should not.
pub(super) async fn many_tags(rig: &mut Rig, tags: u32) -> Result<()> {
    for tags in [tags / 10, tags] {
        unchanged(rig, &tags_scenario(tags), (1, tags)).await?;
    }
    Ok(())
}

/// Many repositories with an unchanged tag each.
pub(super) async fn many_repositories(rig: &mut Rig, repositories: u32) -> Result<()> {
    unchanged(rig, &format!("{repositories} {REPOSITORIES}"), (repositories, 1)).await
}

async fn unchanged(rig: &mut Rig, scenario: &str, (repositories, tags): (u32, u32)) -> Result<()> {
    let (content, corpus) = NullContent::tiny_images(repositories, tags);
    let (source, target) = (NullRegistry::start(content.clone())?, NullRegistry::start(content)?);
    let pair = NullPair { corpus: &corpus, source: &source, target: &target };
    for _ in 0..rig.runs {
        // Only peers that compare digests and list a whole repository by themselves.
        for tool in rig.tools().iter().filter(|tool| tool.is_ours() || tool.compares_digests()) {
            let sample = pair.copy(tool).await?;
            let per_tag = sample.usage.cpu_seconds * 1e6 / f64::from(repositories * tags);
            rig.note(scenario, &tool.name, Some(corpus.counts().unchanged_floor()), sample)?;
            say(&format!("  {per_tag:.0} microseconds of CPU for each tag"));
        }
    }
    Ok(())
}

/// Copies unchanged tags with a delay on each side: the cost of the checks if the registries take no time of their own.
pub(super) async fn unchanged_far(rig: &mut Rig, tags: u32, delay: Duration) -> Result<()> {
    let (content, corpus) = NullContent::tiny_images(REPOSITORIES_FAR, tags.div_ceil(REPOSITORIES_FAR));
    let (source, target) = (NullRegistry::start(content.clone())?, NullRegistry::start(content)?);
    let near_source = Line::to(source.host()).delay(delay).start().await?;
    let near_target = Line::to(target.host()).delay(delay).start().await?;
    let (from, to) = (near_source.host(), near_target.host());
    let pair = NullPair { corpus: &corpus, source: &source, target: &target };
    let scenario = format!("{FAR}, {} ms", delay.as_millis());
    for _ in 0..rig.runs {
        for tool in rig.tools_and_wider().iter().filter(|tool| tool.is_ours() || tool.compares_digests()) {
            let sample = pair.copy_between(tool, Ends::plain(&from, &to)).await?;
            rig.note(&scenario, &tool.name, Some(corpus.counts().unchanged_floor()), sample)?;
        }
    }
    Ok(())
}

/// The start-up time: the program's version, twenty times.
pub(super) async fn start(rig: &mut Rig) -> Result<()> {
    const TIMES: u32 = 20;
    for _ in 0..rig.runs {
        for tool in rig.tools() {
            let folder = Rig::folder()?;
            let script = format!("for _ in $(seq {TIMES}); do \"$@\"; done");
            let fixed = ["sh", "-c", &script, "sh"].map(OsString::from);
            let words: Vec<OsString> = fixed.into_iter().chain(tool.version_words()).collect();
            let all = measure::measure(&words, folder.path()).await?;
            let usage = Usage {
                wall_seconds: all.wall_seconds / f64::from(TIMES),
                cpu_seconds: all.cpu_seconds / f64::from(TIMES),
                ..all
            };
            let traffic = Traffic { source_requests: 0, target_requests: 0, read_bytes: 0, sent_bytes: 0 };
            let sample = Sample {
                usage,
                registries_cpu_seconds: 0.0,
                traffic,
                right: 1,
                wanted: 1,
                faults: Vec::new(),
            };
            rig.note("start", if tool.is_ours() { OURS } else { &tool.name }, None, sample)?;
        }
    }
    Ok(())
}

impl NullPair<'_> {
    async fn copy(&self, tool: &Tool) -> Result<Sample> {
        let (from, to) = (self.source.host(), self.target.host());
        self.copy_between(tool, Ends::plain(&from, &to)).await
    }

    /// Copies over addresses that lead to both.
    async fn copy_between(&self, tool: &Tool, ends: Ends<'_>) -> Result<Sample> {
        let before = self.before()?;
        let usage = ends.copy(tool, self.corpus).await?;
        self.sample(usage, &before)
    }

    fn before(&self) -> Result<Before> {
        Ok(Before {
            cpu_seconds: measure::own_cpu_seconds()?,
            requests: [self.source.requests(), self.target.requests()],
            given: self.source.bytes_given(),
            taken: self.target.bytes_taken(),
        })
    }

    fn sample(&self, usage: Usage, before: &Before) -> Result<Sample> {
        let registries_cpu_seconds = measure::own_cpu_seconds()? - before.cpu_seconds;
        let traffic = Traffic {
            source_requests: self.source.requests() - before.requests[0],
            target_requests: self.target.requests() - before.requests[1],
            read_bytes: self.source.bytes_given() - before.given,
            sent_bytes: self.target.bytes_taken() - before.taken,
        };
        let counts = self.corpus.counts();
        let wanted = usize::try_from(counts.tags + counts.manifests + counts.repository_blobs)?;
        let Verified { tags, manifests, blobs, mut faults, .. } = self.target.verify(self.corpus);
        faults.truncate(3);
        Ok(Sample { usage, registries_cpu_seconds, traffic, right: tags + manifests + blobs, wanted, faults })
    }
}
