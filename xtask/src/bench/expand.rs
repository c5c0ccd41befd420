//! A config with many rules: the cost of reading and checking it, beside reading only the file.

use std::collections::BTreeMap;
use std::ffi::OsString;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::measure::{self, Usage};
use super::result::{Sample, Traffic};
use super::rig::Rig;
use crate::say::say;

/// The scenario's name in tables.
pub(super) const EXPAND: &str = "expand";
/// The program that only reads the file.
const CAT: &str = "cat";
/// One run of `cat` is too short for the kernel's clock.
const CATS: u32 = 50;

pub(super) fn scenario(rules: usize) -> String {
    format!("{EXPAND} {rules} rules")
}

pub(super) async fn measure(rig: &mut Rig, rules: usize) -> Result<()> {
    let folder = Rig::folder()?;
    let file = folder.path().join("config.json");
    std::fs::write(&file, config(rules)?)?;
    for _ in 0..rig.runs {
        let words = [rig.ours.clone().into(), "expand".into(), "--config".into(), file.clone().into()];
        let usage = measure::measure(&words, folder.path()).await?;
        ensure!(usage.code == 0, "expand: {}", measure::output_of(folder.path()));
        let output = std::fs::read_to_string(folder.path().join("output.log"))?;
        let shown = output.lines().filter(|line| line.starts_with("  -> ")).count();
        rig.note(&scenario(rules), super::tool::OURS, None, sample(usage, shown, rules))?;

        let loop_of_cats = format!("for _ in $(seq {CATS}); do cat \"$1\"; done > /dev/null");
        let words = ["sh", "-c", &loop_of_cats, "sh"].map(OsString::from);
        let words: Vec<OsString> = words.into_iter().chain([file.clone().into()]).collect();
        let all = measure::measure(&words, folder.path()).await?;
        let one = Usage {
            wall_seconds: all.wall_seconds / f64::from(CATS),
            cpu_seconds: all.cpu_seconds / f64::from(CATS),
            ..all
        };
        rig.note(&scenario(rules), CAT, None, sample(one, rules, rules))?;
        say(&format!("  {:.0} times reading the file", usage.cpu_seconds / one.cpu_seconds));
    }
    Ok(())
}

/// A config with this many rules between two registries with logins. Each rule has its own source and target repository.
fn config(rules: usize) -> Result<String> {
    let rule = |number: usize| {
        let project = number % 200;
        (
            format!("harbor.example.com/project-{project}/team/app-{number}:v1"),
            format!("registry.example.com/mirror/project-{project}-app-{number}"),
        )
    };
    let images: BTreeMap<String, String> = (0..rules).map(rule).collect();
    let login = json!({"username": "user", "password": "password"});
    let config =
        json!({"auth": {"harbor.example.com": login, "registry.example.com": login}, "images": images});
    serde_json::to_string_pretty(&config).context("a map is always JSON")
}

fn sample(usage: Usage, right: usize, wanted: usize) -> Sample {
    let traffic = Traffic { source_requests: 0, target_requests: 0, read_bytes: 0, sent_bytes: 0 };
    Sample { usage, registries_cpu_seconds: 0.0, traffic, right, wanted, faults: Vec::new() }
}
