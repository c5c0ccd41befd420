//! `torture`: the fault, kill and simulation tests with many more seeds than `scripts/test` has time for, and a soak.

use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::Args;

/// How much of each; 0 leaves a part out.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Runs through proxies that break requests by a seed
    #[arg(long, default_value_t = 500)]
    fault_seeds: u64,
    /// Runs that are killed at a random moment
    #[arg(long, default_value_t = 50)]
    kills: u64,
    /// Runs of the scheduler without any network
    #[arg(long, default_value_t = 10_000)]
    simulation_seeds: u64,
    /// Runs of a fleet of which workers, coordinator and nats-server are killed by a seed
    #[arg(long, default_value_t = 20)]
    fleet_seeds: u64,
    /// How long memory and open files are watched
    #[arg(long, default_value_t = 30)]
    soak_minutes: u64,
}

/// Runs all parts.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let sync = "image-syncer-sync";
    let parts = [
        (arguments.simulation_seeds, sync, "any_simulated_run", "IMAGE_SYNCER_SIMULATION_SEEDS"),
        (1, sync, "every_single_fault", "IMAGE_SYNCER_UNUSED"),
        (arguments.fault_seeds, sync, "any_seed_leaves", "IMAGE_SYNCER_FAULT_SEEDS"),
        (arguments.kills, "image-syncer", "a_killed_run", "IMAGE_SYNCER_KILLS"),
        (arguments.fleet_seeds, "image-syncer", "a_fleet_whose_members", "IMAGE_SYNCER_FLEET_SEEDS"),
        (1, "image-syncer", "law_100_000_unchanged", "IMAGE_SYNCER_UNUSED"),
        (1, "image-syncer", "law_250_images", "IMAGE_SYNCER_UNUSED"),
        (arguments.soak_minutes, sync, "a_long_soak", "IMAGE_SYNCER_SOAK_MINUTES"),
    ];
    for (count, package, test, variable) in parts {
        if count > 0 {
            one(package, test, variable, count)?;
        }
    }
    Ok(())
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
