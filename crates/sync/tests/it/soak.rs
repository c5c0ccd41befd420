//! Many runs in one process while images change and requests fail: memory and open files must not grow. `cargo xtask
//! torture` runs it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use testkit::Random;
use testkit::seed::{Flavour, Image, layer};

use crate::fault_world::{World, count, run, seed_corpus};

const MINUTES: u64 = 30;
/// Memory that the allocator may keep in addition, in bytes.
const SLACK: u64 = 16 << 20;
/// Connections that happen to be open during a measurement.
const OPEN_FILES: u64 = 24;

#[derive(Clone, Copy)]
struct Sample {
    resident_bytes: u64,
    open_files: u64,
}

impl Sample {
    fn take() -> Result<Self> {
        let status = std::fs::read_to_string("/proc/self/status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kibibytes: u64 = line.split_whitespace().next().context("no number")?.parse()?;
        let open_files = std::fs::read_dir("/proc/self/fd")?.count() as u64;
        Ok(Self { resident_bytes: kibibytes << 10, open_files })
    }
}

fn median(samples: &[Sample], of: impl Fn(&Sample) -> u64) -> u64 {
    let mut values: Vec<u64> = samples.iter().map(of).collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes half an hour: cargo xtask torture"]
async fn a_long_soak_with_churn_stays_flat() -> Result<()> {
    let world = World::start().await?;
    let source = world.source.pusher();
    seed_corpus(&source, "app").await?;
    let way = world.way().await?;
    // The same clients for all runs: what they cache must not grow without limit.
    let (from, to) = (world.client(&way.source.host()), world.client(&way.target.host()));
    let until = Instant::now() + Duration::from_secs(60 * count("IMAGE_SYNCER_SOAK_MINUTES", MINUTES));
    let (mut samples, mut round, mut faults) = (Vec::new(), 0, 0);
    while Instant::now() < until {
        round += 1;
        let image = Image::new(Flavour::Oci).layer(layer(1, 400_000)).layer(layer(10_000 + round, 60_000));
        source.image("app", format!("v{}", round % 8).as_str(), &image).await?;
        way.source.random(Random { seed: round, percent: 3 });
        way.target.random(Random { seed: round ^ 0xbeef, percent: 3 });
        let repository = format!("app-{}", round % 5);
        let ran = run(&from, &to, "app", &[&repository], 8).await?;
        if round % 20 == 0 {
            world.law(&ran, "app", &repository).await.with_context(|| format!("round {round}"))?;
        }
        faults += way.source.faults().len() + way.target.faults().len();
        way.source.forget();
        way.target.forget();
        samples.push(Sample::take()?);
    }
    let (early, late) =
        (&samples[samples.len() / 10..samples.len() * 3 / 10], &samples[samples.len() * 8 / 10..]);
    let resident = [early, late].map(|samples| median(samples, |sample| sample.resident_bytes));
    let open = [early, late].map(|samples| median(samples, |sample| sample.open_files));
    println!(
        "{round} rounds, {faults} faults; resident {} MiB, then {} MiB; open files {}, then {}",
        resident[0] >> 20,
        resident[1] >> 20,
        open[0],
        open[1],
    );
    ensure!(resident[1] <= resident[0] + resident[0] / 5 + SLACK, "memory grows");
    ensure!(open[1] <= open[0] + OPEN_FILES, "open files grow");
    Ok(())
}
