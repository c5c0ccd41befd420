//! `torture`: the fault, kill and simulation tests with many more seeds than `scripts/test` has time for, and a soak.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// How much of each.
struct Counts {
    fault_seeds: u64,
    kills: u64,
    simulation_seeds: u64,
    soak_minutes: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Self { fault_seeds: 500, kills: 50, simulation_seeds: 10_000, soak_minutes: 30 }
    }
}

/// Runs all of it; `arguments` are `--fault-seeds N`, `--kills N`, `--simulation-seeds N` and `--soak-minutes N`,
/// where 0 leaves a part out.
pub(crate) fn run(arguments: impl Iterator<Item = String>) -> Result<()> {
    let Counts { fault_seeds, kills, simulation_seeds, soak_minutes } = read(arguments)?;
    let sync = "image-syncer-sync";
    let parts = [
        (simulation_seeds, sync, "any_simulated_run", "IMAGE_SYNCER_SIMULATION_SEEDS"),
        (1, sync, "every_single_fault", "IMAGE_SYNCER_UNUSED"),
        (fault_seeds, sync, "any_seed_leaves", "IMAGE_SYNCER_FAULT_SEEDS"),
        (kills, "image-syncer", "a_killed_run", "IMAGE_SYNCER_KILLS"),
        (soak_minutes, sync, "a_long_soak", "IMAGE_SYNCER_SOAK_MINUTES"),
    ];
    for (count, package, test, variable) in parts {
        if count > 0 {
            one(package, test, variable, count)?;
        }
    }
    Ok(())
}

fn read(mut arguments: impl Iterator<Item = String>) -> Result<Counts> {
    let mut counts = Counts::default();
    while let Some(flag) = arguments.next() {
        let count = arguments.next().with_context(|| format!("{flag} wants a number"))?;
        let count = count.parse().with_context(|| format!("{flag} {count}: no number"))?;
        match flag.as_str() {
            "--fault-seeds" => counts.fault_seeds = count,
            "--kills" => counts.kills = count,
            "--simulation-seeds" => counts.simulation_seeds = count,
            "--soak-minutes" => counts.soak_minutes = count,
            _ => bail!("torture knows no {flag}"),
        }
    }
    Ok(counts)
}

fn one(package: &str, test: &str, variable: &str, count: u64) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["test", "--locked", "--package", package, "--test", "it", test];
    let status = Command::new(cargo)
        .args(arguments)
        .args(["--", "--include-ignored", "--nocapture"])
        .env(variable, count.to_string())
        .status()
        .context("cargo test does not start")?;
    if !status.success() {
        bail!("{test} failed; what it printed says with which seed");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_change_counts_and_slips_are_told() {
        let read = |text: &str| read(text.split_whitespace().map(str::to_owned));
        let counts = read("--kills 7 --soak-minutes 0").unwrap();
        assert_eq!((counts.kills, counts.soak_minutes, counts.fault_seeds), (7, 0, 500));
        assert!(read("--kills").is_err() && read("--kills x").is_err() && read("--kill 7").is_err());
    }
}
