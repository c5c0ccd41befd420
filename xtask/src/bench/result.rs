//! Results in their stored form.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use testkit::corpus::Counts;

use super::machine::Machine;
use super::measure::Usage;

/// The results of all runs.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Results {
    pub(super) command: String,
    pub(super) machine: Machine,
    /// Programs that took part, with their versions.
    pub(super) programs: Vec<String>,
    /// Programs that were not found.
    pub(super) not_found: Vec<String>,
    pub(super) corpora: Vec<CorpusFacts>,
    pub(super) rows: Vec<Row>,
}

/// A corpus in numbers.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CorpusFacts {
    pub(super) name: String,
    pub(super) repositories: u64,
    pub(super) tags: u64,
    pub(super) manifests: u64,
    pub(super) repository_blobs: u64,
    pub(super) distinct_blobs: u64,
    pub(super) distinct_bytes: u64,
    pub(super) cold_floor: u64,
    pub(super) unchanged_floor: u64,
}

/// One program in one scenario.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Row {
    /// The corpus and the operation.
    pub(super) scenario: String,
    pub(super) tool: String,
    /// The fewest requests that suffice, if known.
    pub(super) floor: Option<u64>,
    pub(super) samples: Vec<Sample>,
}

/// One run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Sample {
    pub(super) usage: Usage,
    /// Both registries together.
    pub(super) registries_cpu_seconds: f64,
    pub(super) traffic: Traffic,
    /// Tags, manifests and blobs that are right at the target, and the number of expected ones.
    pub(super) right: usize,
    pub(super) wanted: usize,
    /// Some of the faults.
    pub(super) faults: Vec<String>,
}

/// The registries' traffic, from their own logs.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Traffic {
    pub(super) source_requests: u64,
    pub(super) target_requests: u64,
    /// Bytes of the source's answers.
    pub(super) read_bytes: u64,
    /// Bytes of blobs that the target received.
    pub(super) sent_bytes: u64,
}

impl Results {
    /// Several runs of the benchmark as one; rows of later ones replace those of earlier ones.
    pub(super) fn together(all: Vec<Self>) -> Result<Self> {
        let mut all = all.into_iter();
        let Some(mut whole) = all.next() else { bail!("nothing to read") };
        for next in all {
            if next.machine != whole.machine {
                bail!("figures of different machines say nothing together");
            }
            whole.command = format!("{}\n{}", whole.command, next.command);
            for facts in next.corpora {
                whole.note_corpus(facts);
            }
            for program in next.programs {
                if !whole.programs.contains(&program) {
                    whole.programs.push(program);
                }
            }
            for row in next.rows {
                match whole.rows.iter_mut().find(|old| old.is_for(&row.scenario, &row.tool)) {
                    Some(old) => *old = row,
                    None => whole.rows.push(row),
                }
            }
        }
        Ok(whole)
    }

    pub(super) fn write(&self, file: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
    }

    pub(super) fn note_corpus(&mut self, facts: CorpusFacts) {
        if !self.corpora.iter().any(|known| known.name == facts.name) {
            self.corpora.push(facts);
        }
    }

    /// Adds a sample to its row.
    pub(super) fn note(&mut self, scenario: &str, tool: &str, floor: Option<u64>, sample: Sample) {
        let index = self.rows.iter().position(|row| row.is_for(scenario, tool)).unwrap_or_else(|| {
            let (scenario, tool) = (scenario.to_owned(), tool.to_owned());
            self.rows.push(Row { scenario, tool, floor, samples: Vec::new() });
            self.rows.len() - 1
        });
        self.rows[index].samples.push(sample);
    }

    pub(super) fn row(&self, scenario: &str, tool: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.is_for(scenario, tool))
    }
}

impl CorpusFacts {
    pub(super) fn new(name: &str, counts: Counts) -> Self {
        Self {
            name: name.to_owned(),
            repositories: counts.repositories,
            tags: counts.tags,
            manifests: counts.manifests,
            repository_blobs: counts.repository_blobs,
            distinct_blobs: counts.distinct_blobs,
            distinct_bytes: counts.distinct_bytes,
            cold_floor: counts.cold_floor(),
            unchanged_floor: counts.unchanged_floor(),
        }
    }
}

impl Row {
    fn is_for(&self, scenario: &str, tool: &str) -> bool {
        self.scenario == scenario && self.tool == tool
    }

    /// The median over all runs; for an even number, the mean of the two in the middle.
    pub(super) fn median(&self, of: impl Fn(&Sample) -> f64) -> f64 {
        let mut values: Vec<f64> = self.samples.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        match values.len() {
            0 => f64::NAN,
            length if length % 2 == 1 => values[length / 2],
            length => f64::midpoint(values[length / 2 - 1], values[length / 2]),
        }
    }

    pub(super) fn wall_seconds(&self) -> f64 {
        self.median(|sample| sample.usage.wall_seconds)
    }

    /// The share of the processors' time that was used, by the program or by the registries.
    pub(super) fn busy(&self, cores: usize) -> f64 {
        self.median(|sample| {
            let at_work = sample.usage.cpu_seconds + sample.registries_cpu_seconds;
            at_work / sample.usage.wall_seconds / float(cores as u64)
        })
    }

    pub(super) fn requests(&self) -> f64 {
        self.median(|sample| float(sample.traffic.source_requests + sample.traffic.target_requests))
    }

    /// The number of requests divided by the fewest possible.
    pub(super) fn to_floor(&self) -> Option<f64> {
        self.floor.map(|floor| self.requests() / float(floor))
    }

    /// Whether every run copied everything.
    pub(super) fn is_complete(&self) -> bool {
        self.samples.iter().all(|sample| sample.right == sample.wanted && sample.usage.code == 0)
    }
}

/// For ratios and tables.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn sample(wall_seconds: f64, requests: u64) -> Sample {
        Sample {
            usage: Usage { wall_seconds, cpu_seconds: wall_seconds / 2.0, peak_kib: 20 * 1024, code: 0 },
            registries_cpu_seconds: wall_seconds,
            traffic: Traffic {
                source_requests: requests,
                target_requests: 0,
                read_bytes: 1 << 20,
                sent_bytes: 1 << 20,
            },
            right: 3,
            wanted: 3,
            faults: Vec::new(),
        }
    }

    pub(in super::super) fn results(rows: &[(&str, &str, &[f64])]) -> Results {
        let mut results = Results {
            command: "cargo xtask bench".to_owned(),
            machine: Machine::default(),
            programs: Vec::new(),
            not_found: Vec::new(),
            corpora: Vec::new(),
            rows: Vec::new(),
        };
        for (scenario, tool, walls) in rows {
            for wall in *walls {
                results.note(scenario, tool, Some(100), sample(*wall, 102));
            }
        }
        results
    }

    #[test]
    fn medians_are_those_of_odd_and_even_numbers_of_runs() {
        let results = results(&[("big cold", "ours", &[3.0, 1.0, 2.0]), ("big cold", "skopeo", &[4.0, 8.0])]);
        assert!((results.rows[0].wall_seconds() - 2.0).abs() < 1e-9);
        assert!((results.rows[1].wall_seconds() - 6.0).abs() < 1e-9);
        assert!((results.rows[0].to_floor().unwrap() - 1.02).abs() < 1e-9);
    }

    #[test]
    fn later_rows_replace_earlier_ones() {
        let first = results(&[("big cold", "ours", &[3.0]), ("tiny cold", "ours", &[1.0])]);
        let second = results(&[("big cold", "ours", &[2.0])]);
        let whole = Results::together(vec![first, second]).unwrap();
        assert_eq!(whole.rows.len(), 2);
        assert!((whole.row("big cold", "ours").unwrap().wall_seconds() - 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_run_that_left_something_out_is_not_complete() {
        let mut results = results(&[("big cold", "ours", &[3.0])]);
        assert!(results.rows[0].is_complete());
        results.rows[0].samples[0].right = 2;
        assert!(!results.rows[0].is_complete());
    }
}
