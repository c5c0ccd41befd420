//! What bookkeeping costs: measured in a process of its own, because other tests take memory, too.

use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use sync::{Naming, Options, ReferrerPolicy, Rule, RuleTarget, Selection, Silent, Sync};
use tokio_util::sync::CancellationToken;

use crate::fake::Fake;

const TAGS: usize = 100_000;
/// Bytes that a planned tag may cost, everything in the engine together.
const MOST_A_TAG: u64 = 600;

/// A line of `/proc/self/status`, in bytes.
fn status(name: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).context("no such line")?;
    let kibibytes: u64 =
        line.trim_start_matches(':').split_whitespace().next().context("no number")?.parse()?;
    Ok(kibibytes << 10)
}

#[test]
fn law_a_planned_tag_costs_at_most_600_bytes() -> Result<()> {
    let mut measured = Command::new(std::env::current_exe()?);
    measured.args(["--exact", "memory::a_run_over_many_tags", "--ignored", "--nocapture"]);
    let output = measured.output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let told = text.lines().find_map(|line| line.strip_prefix("bytes a tag: "));
    let bytes: u64 = told.with_context(|| text.to_string())?.parse()?;
    println!("{bytes} bytes a tag");
    ensure!(bytes <= MOST_A_TAG, "{bytes} bytes a tag");
    Ok(())
}

/// The peak while all that a run keeps is still there, above what its registries in memory took before.
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
    let to = target.repository("target.io", "a/app");
    let rule = Rule {
        source: Arc::new(source.repository("source.io", "a/app")),
        selection: Selection::All,
        referrers: ReferrerPolicy::Leave,
        targets: vec![RuleTarget { target: Arc::new(to), naming: Naming::Same }],
    };
    let before = status("VmHWM")?;
    let report = Sync::new([rule], Options::new(5, 0), Arc::new(Silent)).run(CancellationToken::new()).await;
    let after = status("VmHWM")?;
    ensure!(report.skipped() == TAGS);
    println!("\nbytes a tag: {}", (after - before) / TAGS as u64);
    Ok(())
}
