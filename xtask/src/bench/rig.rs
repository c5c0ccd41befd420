//! The shared parts of all scenarios: programs, folders, registries with their logs, and the results.

use std::path::{Path, PathBuf};

use anyhow::Result;
use tempfile::TempDir;
use testkit::corpus::{Corpus, Verified};
use testkit::{Access, DockerRegistry};

use super::machine::Machine;
use super::measure::{self, Usage};
use super::result::{CorpusFacts, Results, Sample, Traffic};
use super::tool::{self, Security, Tool, Way};
use super::{program, registries_time};
use crate::say::say;

/// A folder in memory, on Linux.
const IN_MEMORY: &str = "/dev/shm";

pub(super) struct Rig {
    pub(super) runs: usize,
    pub(super) ours: PathBuf,
    pub(super) peers: Vec<Tool>,
    stores: PathBuf,
    json: Option<PathBuf>,
    results: Results,
}

impl Rig {
    pub(super) fn new(
        runs: usize,
        peers: Option<&[String]>,
        (ours, json): (Option<&Path>, Option<PathBuf>),
    ) -> Result<Self> {
        let ours = ours.map_or_else(program::build_ours, |file| Ok(std::path::absolute(file)?))?;
        let (peers, not_found) = Tool::peers(peers)?;
        let in_memory = Path::new(IN_MEMORY);
        let stores = if in_memory.is_dir() { in_memory.to_owned() } else { std::env::temp_dir() };
        let mut programs = vec![Tool::ours(&ours).version];
        programs.extend(peers.iter().map(|peer| format!("{}: {}", peer.name, peer.version)));
        programs.push(program::version("docker-registry", "--version"));
        let words: Vec<String> = std::env::args().skip(1).collect();
        let results = Results {
            command: format!("cargo xtask {}", words.join(" ")),
            machine: Machine::this(&stores),
            programs,
            not_found,
            corpora: Vec::new(),
            rows: Vec::new(),
        };
        Ok(Self { runs, ours, peers, stores, json, results })
    }

    /// An empty registry.
    pub(super) async fn registry(&self) -> Result<DockerRegistry> {
        DockerRegistry::builder().below(&self.stores).start().await
    }

    /// Ours and its peers, each with its usual setting; a whole round of them is one run.
    pub(super) fn tools(&self) -> Vec<Tool> {
        [Tool::ours(&self.ours)].into_iter().chain(self.peers.iter().cloned()).collect()
    }

    /// The same, each also with its other setting: for scenarios with long waits.
    pub(super) fn tools_and_wider(&self) -> Vec<Tool> {
        self.tools().into_iter().flat_map(|tool| [tool.wider(), Some(tool)]).flatten().collect()
    }

    /// A folder for config files.
    pub(super) fn folder() -> Result<TempDir> {
        Ok(tempfile::Builder::new().prefix("bench-").tempdir()?)
    }

    pub(super) fn note_corpus(&mut self, name: &str, corpus: &Corpus) {
        let facts = CorpusFacts::new(name, corpus.counts());
        say(&format!(
            "{name}: {} repositories, {} tags, {} manifests, {} blobs of repositories, {} distinct ({} MiB); \
             the fewest requests: {} cold, {} unchanged",
            facts.repositories,
            facts.tags,
            facts.manifests,
            facts.repository_blobs,
            facts.distinct_blobs,
            facts.distinct_bytes >> 20,
            facts.cold_floor,
            facts.unchanged_floor
        ));
        self.results.note_corpus(facts);
    }

    /// Prints a sample and stores it, so that a later failure does not lose it.
    pub(super) fn note(
        &mut self,
        scenario: &str,
        tool: &str,
        floor: Option<u64>,
        sample: Sample,
    ) -> Result<()> {
        let Sample { usage, traffic, right, wanted, faults, .. } = &sample;
        let requests = traffic.source_requests + traffic.target_requests;
        say(&format!(
            "  {scenario}, {tool}: {:.2} s, {:.2} s CPU, {} MiB, {requests} requests, {right} of {wanted} right",
            usage.wall_seconds,
            usage.cpu_seconds,
            usage.peak_kib / 1024
        ));
        for fault in faults {
            say(&format!("    {fault}"));
        }
        self.results.note(scenario, tool, floor, sample);
        self.json.as_ref().map_or(Ok(()), |file| self.results.write(file))
    }

    pub(super) fn into_results(self) -> Results {
        // It exists only if ocync is installed.
        let _ = std::fs::remove_dir_all(tool::ocync_cache());
        self.results
    }
}

/// The addresses of a source and a target, and their TLS.
#[derive(Clone, Copy)]
pub(super) struct Ends<'a> {
    pub(super) source: &'a str,
    pub(super) target: &'a str,
    /// The authority of their certificates; `None` without TLS.
    pub(super) authority: Option<&'a Path>,
}

impl<'a> Ends<'a> {
    /// Without TLS.
    pub(super) fn plain(source: &'a str, target: &'a str) -> Self {
        Self { source, target, authority: None }
    }

    /// Copies a corpus from one to the other with a tool.
    pub(super) async fn copy(&self, tool: &Tool, corpus: &Corpus) -> Result<Usage> {
        let folder = Rig::folder()?;
        let security = if self.authority.is_some() { Security::Tls } else { Security::Plain };
        let (source, target, folder) = (self.source, self.target, folder.path());
        let words = tool.words(&Way { source, target, corpus, security, folder })?;
        tool.forget();
        let usage = measure::measure_trusting(&words, folder, self.authority).await?;
        if usage.code != 0 {
            say(&measure::output_of(folder));
        }
        Ok(usage)
    }
}

/// A pair of registries with a corpus in the source.
pub(super) struct Pair<'a> {
    pub(super) corpus: &'a Corpus,
    pub(super) source: &'a DockerRegistry,
    pub(super) target: &'a DockerRegistry,
}

impl Pair<'_> {
    /// Copies everything with a tool, over addresses of the registries or of lines to them.
    pub(super) async fn copy(&self, tool: &Tool, ends: Ends<'_>) -> Result<Sample> {
        self.source.forget_requests();
        self.target.forget_requests();
        let before = registries_time::so_far([self.source, self.target])?;
        let usage = ends.copy(tool, self.corpus).await?;
        let registries = registries_time::so_far([self.source, self.target])? - before;
        Ok(self.sample(usage, registries))
    }

    /// The sample of a run, from the registries' logs and the target's files.
    pub(super) fn sample(&self, usage: Usage, registries_cpu_seconds: f64) -> Sample {
        let (source, target) = (self.source.everybodys_accesses(), self.target.everybodys_accesses());
        let found = self.corpus.verify(self.target.data_dir());
        let traffic = Traffic {
            source_requests: source.len() as u64,
            target_requests: target.len() as u64,
            read_bytes: source
                .iter()
                .filter(|access| access.method == "GET")
                .map(|access| access.body_bytes)
                .sum(),
            sent_bytes: sent_bytes(self.corpus, &target),
        };
        let counts = self.corpus.counts();
        let wanted = counts.tags + counts.manifests + counts.repository_blobs;
        let Verified { tags, manifests, blobs, mut faults, .. } = found;
        faults.truncate(3);
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        Sample { usage, registries_cpu_seconds, traffic, right: tags + manifests + blobs, wanted, faults }
    }
}

/// The bytes of all closed uploads: the request log does not have the sizes of bodies, but each
/// upload's last request has the digest.
fn sent_bytes(corpus: &Corpus, accesses: &[Access]) -> u64 {
    let sizes: std::collections::HashMap<&String, u64> = corpus.blobs().collect();
    let closed = accesses.iter().filter(|access| access.method == "PUT" && access.status == 201);
    let digests = closed.filter_map(|access| {
        let (_, digest) = access.path.split_once("digest=")?;
        Some(digest.split('&').next()?.replace("%3A", ":").replace("%3a", ":"))
    });
    digests.filter_map(|digest| sizes.get(&digest)).sum()
}
