//! The memory of bookkeeping and manifests, measured in a separate process, because other tests use memory, too.

use std::collections::HashMap;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use oci::{Digest, MediaType, RawManifest};
use sync::{Against, Depth, Mode, Options, Repair, Report, Silent, Sync, Verification};
use tokio_util::sync::CancellationToken;

use crate::fake::{Fake, rule_to};

const TAGS: usize = 100_000;
/// The maximum memory for a planned tag in the whole engine, in bytes.
const MOST_A_TAG: u64 = 600;
/// The memory of the program itself, besides that of a run.
const PROGRAM: u64 = 13 << 20;

/// A line of `/proc/self/status`, in bytes.
fn status(name: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).context("no such line")?;
    let kibibytes: u64 =
        line.trim_start_matches(':').split_whitespace().next().context("no number")?.parse()?;
    Ok(kibibytes << 10)
}

/// Runs an ignored test of this file alone; returns the memory that it reports, in bytes.
fn measured(name: &str) -> Result<u64> {
    let mut measured = Command::new(std::env::current_exe()?);
    measured.args(["--exact", &format!("memory::{name}"), "--ignored", "--nocapture"]);
    let output = measured.output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let told = text.lines().find_map(|line| line.strip_prefix("bytes: "));
    Ok(told.with_context(|| text.to_string())?.parse()?)
}

/// Copies all of `a/app`, and reports the additional memory to the parent process, above that of the registries in memory.
async fn measure(source: &Fake, target: &Fake, blobs_at_once: usize) -> Result<Report> {
    measure_as(source, target, blobs_at_once, Mode::Copy).await
}

#[expect(clippy::print_stdout, reason = "the process that asked reads it")]
async fn measure_as(source: &Fake, target: &Fake, blobs_at_once: usize, mode: Mode) -> Result<Report> {
    let rule = rule_to("a/app", (source, "source.io"), &[(target, "target.io")]);
    let options = Options { mode, ..Options::new(blobs_at_once, 0) };
    let before = status("VmHWM")?;
    let report = Sync::new([rule], options, Arc::new(Silent)).run(CancellationToken::new()).await;
    println!("\nbytes: {}", status("VmHWM")? - before);
    Ok(report)
}

#[test]
fn law_a_planned_tag_costs_at_most_600_bytes() -> Result<()> {
    let bytes = measured("a_run_over_many_tags")? / TAGS as u64;
    println!("{bytes} bytes a tag");
    ensure!(bytes <= MOST_A_TAG, "{bytes} bytes a tag");
    Ok(())
}

#[test]
fn e16_law_indexes_of_400_manifests_of_4_mb_need_less_than_64_mib() -> Result<()> {
    let bytes = measured("a_run_over_large_manifests")?;
    println!("{} KiB", bytes >> 10);
    ensure!(bytes + PROGRAM < 64 << 20, "{} KiB", bytes >> 10);
    Ok(())
}

#[test]
fn law_a_blob_that_is_looked_at_costs_at_most_600_bytes() -> Result<()> {
    let bytes = measured("a_verification_of_many_blobs")? / (IMAGES * LAYERS) as u64;
    println!("{bytes} bytes a blob");
    ensure!(bytes <= MOST_A_TAG, "{bytes} bytes a blob");
    Ok(())
}

/// Images, each with this many own blobs.
const IMAGES: usize = 1_000;
const LAYERS: usize = 100;

#[tokio::test]
#[ignore = "law_a_blob_that_is_looked_at_costs_at_most_600_bytes runs it"]
async fn a_verification_of_many_blobs() -> Result<()> {
    let (source, target) = (Fake::default(), Fake::default());
    for image in 0..IMAGES {
        let layers = (0..LAYERS).map(|layer| {
            let digest = target.put_blob("a/app", format!("{image}-{layer}").as_bytes());
            format!(r#"{{"digest":"{digest}","size":{}}}"#, format!("{image}-{layer}").len())
        });
        let body = format!(r#"{{"schemaVersion":2,"layers":[{}]}}"#, layers.collect::<Vec<_>>().join(","));
        for side in [&source, &target] {
            side.put_manifest("a/app", Some(&format!("v{image}")), &body);
        }
    }
    let how =
        Verification { against: Against::Source, depth: Depth::Length, repair: Repair::Never, sample: None };
    let report = measure_as(&source, &target, 5, Mode::Verify(how)).await?;
    ensure!(
        report.totals.whole == IMAGES && report.looked_at.blobs == (IMAGES * LAYERS) as u64,
        "{report:?}"
    );
    Ok(())
}

/// Measures the peak while the run's results are still in memory, above the memory of its registries.
#[tokio::test]
#[ignore = "law_a_planned_tag_costs_at_most_600_bytes runs it"]
async fn a_run_over_many_tags() -> Result<()> {
    let (source, target) = (Fake::default(), Fake::default());
    for number in 0..TAGS {
        let tag = format!("v1.{number:06}-release");
        for side in [&source, &target] {
            side.put_manifest("a/app", Some(&tag), r#"{"schemaVersion":2,"manifests":[]}"#);
        }
    }
    let report = measure(&source, &target, 5).await?;
    ensure!(report.skipped() == TAGS);
    Ok(())
}

/// A manifest of 4 MB, unique by its number.
fn large_manifest(number: usize) -> RawManifest {
    let filler = "x".repeat(4_000_000);
    let body =
        format!(r#"{{"schemaVersion":2,"layers":[],"annotations":{{"n":"{number}","f":"{filler}"}}}}"#);
    RawManifest::from_answer(&MediaType::OCI_MANIFEST, Bytes::from(body), None).unwrap()
}

#[tokio::test(start_paused = true)]
#[ignore = "e16_law_indexes_of_400_manifests_of_4_mb_need_less_than_64_mib runs it"]
async fn a_run_over_large_manifests() -> Result<()> {
    let (source, target) = (Fake::default(), Fake::default());
    let mut numbers: HashMap<Digest, usize> = HashMap::new();
    for index in 0..4 {
        let mut entries = Vec::new();
        for number in index * 100..(index + 1) * 100 {
            let manifest = large_manifest(number);
            let (digest, size) = (manifest.digest().clone(), manifest.bytes().len());
            entries.push(format!(r#"{{"digest":"{digest}","size":{size}}}"#));
            numbers.insert(digest, number);
        }
        let body = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, entries.join(","));
        source.put_manifest("a/app", Some(&format!("v{index}")), &body);
    }
    source.state().made =
        Some(Arc::new(move |digest| numbers.get(digest).map(|number| large_manifest(*number))));
    target.state().keeps_nothing = true;
    // All of them are read before the first is stored, unless the budget prevents it.
    target.state().step_takes = Duration::from_secs(1);
    let report = measure(&source, &target, 5).await?;
    ensure!(report.copied() == 4, "{report:?}");
    Ok(())
}
