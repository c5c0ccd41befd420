//! The number of requests that a plan estimates, compared with the actual number.

use anyhow::{Result, ensure};
use embedded_registry::sample::{self, Flavour};

use super::Bench;

#[tokio::test(flavor = "multi_thread")]
async fn the_estimate_of_requests_counts_questions_for_what_is_there() -> Result<()> {
    let bench = Bench::start("images:\n  SOURCE/a/app: TARGET/b/app\n").await?;
    let shared: Vec<u64> = (0..12).collect();
    bench.image("a/app", "v1", &shared);
    bench.run("sync --no-state")?.expect_code(0)?;
    // The first images find out how the target answers about blobs, which costs a varying number of requests, depending on the images in
    // work.
    for number in 2..42 {
        bench.image("a/app", &format!("v{number}"), &[&shared[..], &[100 + number]].concat());
    }
    let [made, estimate] = made_and_planned(&bench)?;
    ensure!(made.abs_diff(estimate) * 5 <= made, "{made} were made, and {estimate} were planned");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_estimate_of_a_first_run_has_its_lists_in_it() -> Result<()> {
    let bench = Bench::start("sync:\n- {from: SOURCE/a/**, to: TARGET/b}\n").await?;
    // Repositories share layers; some images have several tags, and some are for two platforms and signed.
    for number in 0..8 {
        let repository = format!("a/app-{number}");
        for tag in 0..2 {
            bench.image(&repository, &format!("v{tag}"), &[1, 10 + number, 100 * (number + 1) + tag]);
        }
        let same = bench.source.store().manifest(&repository, "v1").expect("v1");
        bench.source.store().put_manifest(&repository, "latest", &same.media_type, same.bytes);
    }
    for number in 0..3 {
        let (store, repository) = (bench.source.store(), format!("a/many-{number}"));
        let children = [("amd64", 0), ("arm64", 1)].map(|(architecture, platform)| {
            let layers = [sample::layer(1, 10_000), sample::layer(5_000 + 10 * number + platform, 9_000)];
            sample::image(store, &repository, None, Flavour::Oci, &layers, architecture)
        });
        let index = sample::index(store, &repository, Some("v1"), Flavour::Oci, &children);
        sample::signature(store, &repository, &index.digest);
    }
    let [made, estimate] = made_and_planned(&bench)?;
    ensure!(made.abs_diff(estimate) * 100 < made * 10, "{made} were made, and {estimate} were planned");
    Ok(())
}

/// If a rule lists tags, the list shows cosign's tags; for a rule with named tags, the source is asked for each possible tag.
#[tokio::test(flavor = "multi_thread")]
async fn the_estimate_holds_where_some_rules_list_and_others_name_tags() -> Result<()> {
    let tags: Vec<_> = (0..40).map(|tag| format!("v{tag}")).collect();
    let named = tags.join(",");
    let rules = format!(
        "sync:\n- {{from: SOURCE/a/**, to: TARGET/b}}\n- {{from: 'SOURCE/n/app:{named}', to: TARGET/m/app}}\n"
    );
    let bench = Bench::start(&rules).await?;
    bench.image("a/app", "v1", &[1, 2]);
    for tag in &tags {
        bench.image("n/app", tag, &[3]);
    }
    let [made, estimate] = made_and_planned(&bench)?;
    ensure!(made.abs_diff(estimate) * 100 < made * 15, "{made} were made, and {estimate} were planned");
    Ok(())
}

/// The number of requests of a run, and the number that its plan estimated.
fn made_and_planned(bench: &Bench) -> Result<[usize; 2]> {
    let requests = || bench.source.requests().len() + bench.target.requests().len();
    let plan = bench.plan("--no-state")?;
    let before = requests();
    bench.run("sync --no-state")?.expect_code(0)?;
    let (made, estimate) = (requests() - before, plan["totals"]["requests"].as_u64().unwrap_or_default());
    let estimate = usize::try_from(estimate)?;
    Ok([made, estimate])
}
