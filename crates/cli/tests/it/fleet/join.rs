//! Coordinators that join a run which another one has planned.

use anyhow::{Result, ensure};
use embedded_registry::sample;
use embedded_registry::{Effect, Fault, Match, Times};

use super::{Bench, REPOSITORIES, Running, until};

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_a_run_needs_no_state_and_who_plans_another_one_is_told_what_that_costs() -> Result<()> {
    let bench = Bench::start().await?;
    let start = |file: &str, more: &str| -> Result<Running> {
        let arguments = format!("sync --fleet {} --state s.redb {more}", bench.url());
        Running::told_to(file, &bench.workplace, &arguments)
    };
    let has_said = |file: &str, text: &str| bench.workplace.read(file).is_ok_and(|said| said.contains(text));
    let first = start("1.err", "")?;
    until(|| has_said("1.err", "for workers to take")).await?;
    let second = start("2.err", "")?;
    until(|| has_said("2.err", "joined run")).await?;
    ensure!(!has_said("2.err", "is not used"), "{}", bench.workplace.read("2.err")?);
    let other = start("3.err", "--include v1")?;
    until(|| has_said("3.err", "for workers to take")).await?;
    let wanted = "s.redb is not used: another run is using it. This run is planned without it";
    ensure!(has_said("3.err", wanted), "{}", bench.workplace.read("3.err")?);
    drop((first, second, other));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_a_run_in_the_middle_says_how_much_is_left() -> Result<()> {
    let bench = Bench::start().await?;
    for number in 7..REPOSITORIES {
        // The digest of the layer that no other repository has.
        let digest = oci::Digest::sha256(&sample::layer(100 + number, 1_200_000)).to_string();
        let when = Match::get(&digest);
        bench.source.misbehave(Fault { when, times: Times::Always, effect: Effect::Hang });
    }
    let coordinator = bench.coordinator()?;
    // A job that hangs keeps one of its worker's slots.
    let workers = [bench.worker("w1")?, bench.worker("w2")?, bench.worker("w3")?];
    let brought = || {
        let is_there =
            |number: &u64| bench.target.store().manifest(&format!("b/app-{number}"), "v1").is_some();
        (0..REPOSITORIES).filter(is_there).count()
    };
    until(|| brought() >= 5).await?;
    let arguments = format!("sync --fleet {} --no-state", bench.url());
    let joined = Running::told_to("joined.err", &bench.workplace, &arguments)?;
    let told = || {
        let text = bench.workplace.read("joined.err").ok()?;
        let (_, text) = text.split_once("joined run ")?;
        let (_, text) = text.split_once(": ")?;
        text.split_once(" of 10 jobs left to do")?.0.parse::<u64>().ok()
    };
    until(|| told().is_some()).await?;
    ensure!(told().is_some_and(|left| (3..REPOSITORIES).contains(&left)), "{:?} are left", told());
    drop((joined, workers, coordinator));
    Ok(())
}
