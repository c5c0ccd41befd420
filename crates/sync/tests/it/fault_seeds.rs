//! Whole runs while every tenth request fails at random. To repeat one seed:
//! `IMAGE_SYNCER_SEED=<seed> cargo test -p image-syncer-sync --test it any_seed -- --nocapture`.

use anyhow::{Context as _, Result, ensure};
use futures_util::{StreamExt as _, stream};
use testkit::{Random, compare};

use crate::fault_world::{World, count, seed_corpus};

/// The number in `scripts/test`; `cargo xtask torture` sets the variable to more.
const SEEDS: u64 = 40;
/// How many runs are active in parallel, on the same two registries.
const AT_ONCE: usize = 8;
const PERCENT: u64 = 10;
const RETRIES: u32 = 8;

/// The result of one seed.
struct Ended {
    faults: usize,
    failed: usize,
}

#[tokio::test(flavor = "multi_thread")]
async fn any_seed_leaves_the_target_equal_or_names_what_failed() -> Result<()> {
    let world = World::start().await?;
    seed_corpus(&world.source.pusher(), "app").await?;
    let only: Option<u64> = std::env::var("IMAGE_SYNCER_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = only.map_or(0..count("IMAGE_SYNCER_FAULT_SEEDS", SEEDS), |seed| seed..seed + 1);
    let world = &world;
    let runs = seeds.map(async |seed| {
        one(world, seed)
            .await
            .with_context(|| format!("seed {seed}: IMAGE_SYNCER_SEED={seed} tries it again"))
    });
    let ended: Vec<_> = stream::iter(runs).buffer_unordered(AT_ONCE).collect().await;
    let (mut all, mut wrong) = (Vec::new(), Vec::new());
    for ended in ended {
        match ended {
            Ok(ended) => all.push(ended),
            Err(error) => wrong.push(format!("{error:#}")),
        }
    }
    let (faults, failed): (usize, usize) =
        (all.iter().map(|one| one.faults).sum(), all.iter().map(|one| one.failed).sum());
    println!("{} seeds kept the law: {faults} faults, {failed} images failed and were named", all.len());
    ensure!(wrong.is_empty(), "{} seeds broke the law:\n{}", wrong.len(), wrong.join("\n"));
    ensure!(faults > all.len() * 5, "so few faults show nothing");
    Ok(())
}

/// Copies with random faults, then checks the law; then runs again without faults, which must repair everything.
async fn one(world: &World, seed: u64) -> Result<Ended> {
    let way = world.way().await?;
    way.source.random(Random { seed, percent: PERCENT });
    way.target.random(Random { seed: seed ^ 0xdead_beef, percent: PERCENT });
    let to = format!("seed-{seed}/app");
    let ran = world.copy(&way, "app", &[&to], RETRIES).await?;
    let faults: Vec<_> = way.source.faults().into_iter().chain(way.target.faults()).collect();
    let told = || format!("errors: {:#?}\nfaults: {faults:#?}", ran.errors());
    world.law(&ran, "app", &to).await.with_context(told)?;
    way.source.behave();
    way.target.behave();
    let healed = world.copy(&way, "app", &[&to], RETRIES).await?;
    ensure!(healed.is_all_there(), "the next run does not heal: {:?}\n{}", healed.errors(), told());
    if ran.is_all_there() {
        ensure!(healed.report.copied() == 0, "the next run copies again\n{}", told());
    } else {
        let (source, target) = (world.source.pusher(), world.target.pusher());
        let differences = compare::repositories(&source, "app", &target, &to).await?;
        ensure!(differences.is_empty(), "{differences:?}\n{}", told());
    }
    Ok(Ended { faults: faults.len(), failed: ran.report.failed() })
}
