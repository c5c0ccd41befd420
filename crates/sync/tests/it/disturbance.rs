//! Events at registries during or between copies: restarts, full disks, garbage collection, wrong clocks, a second tool.

use std::time::Duration;

use anyhow::{Result, ensure};
use testkit::seed::{Flavour, Image, Pusher, layer};
use testkit::{DockerRegistry, Fault, FaultProxy, Planned, TokenServer, Wanted, compare};

use crate::fault_world::{Disk, Side, Way, World, law, nothing_incomplete, run, seed_corpus, users};

const RETRIES: u32 = 8;

async fn assert_same(world: &World, to: &str) -> Result<()> {
    let differences =
        compare::repositories(&world.source.pusher(), "app", &world.target.pusher(), to).await?;
    ensure!(differences.is_empty(), "{differences:?}");
    Ok(())
}

/// Waits until the proxy has seen this many uploads begin.
async fn uploads_begun(proxy: &FaultProxy, wanted: usize) {
    let begun = || proxy.exchanges().iter().filter(|exchange| exchange.method == "POST").count();
    while begun() < wanted {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_restarts_in_the_middle_gets_everything() -> Result<()> {
    let mut world = World::start().await?;
    seed_corpus(&world.source.pusher(), "app").await?;
    let way = world.way().await?;
    let (source, target) = (world.client(&way.source.host()), world.client(&way.target.host()));
    for (round, uploads) in [3, 12].into_iter().enumerate() {
        let to = format!("app-{round}");
        way.target.forget();
        let disturb = async {
            uploads_begun(&way.target, uploads).await;
            world.target.registry.restart().await
        };
        let to_all = [&*to];
        let (ran, disturbed) = tokio::join!(run(&source, &target, "app", &to_all, RETRIES), disturb);
        disturbed?;
        let ran = ran?;
        ensure!(ran.is_all_there(), "{:?}", ran.errors());
        world.law(&ran, "app", &to).await?;
        assert_same(&world, &to).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_restarts_in_the_middle_is_read_to_the_end() -> Result<()> {
    let mut world = World::start().await?;
    seed_corpus(&world.source.pusher(), "app").await?;
    let way = world.way().await?;
    let (source, target) = (world.client(&way.source.host()), world.client(&way.target.host()));
    let disturb = async {
        uploads_begun(&way.target, 5).await;
        world.source.registry.restart().await
    };
    let (ran, disturbed) = tokio::join!(run(&source, &target, "app", &["app"], RETRIES), disturb);
    disturbed?;
    let ran = ran?;
    ensure!(ran.is_all_there(), "{:?}", ran.errors());
    assert_same(&world, "app").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_at_the_target_fails_by_name_what_does_not_fit() -> Result<()> {
    let world = World::start().await?;
    let source = world.source.pusher();
    for number in 0..6 {
        let image = Image::new(Flavour::Oci).layer(layer(number, 900_000));
        source.image("app", format!("v{number}").as_str(), &image).await?;
    }
    source.image("app", "large", &Image::new(Flavour::Oci).layer(layer(40, 18 << 20))).await?;
    let small = DockerRegistry::builder().disk_bytes(4 << 20).start().await?;
    let (from, to) = (world.client(&world.source.registry.host()), world.client(&small.host()));
    let ran = run(&from, &to, "app", &["app"], 2).await?;
    law(&source, "app", &Pusher::new(small.host()), "app", &ran, Disk::Full).await?;
    ensure!(ran.report.failed() > 0, "18 MiB do not fit on 4 MiB");
    println!(
        "full disk: {} copied, {} failed: {:?}",
        ran.report.copied(),
        ran.report.failed(),
        ran.errors().first()
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_lost_blobs_between_runs_gets_them_again() -> Result<()> {
    let mut world = World::start().await?;
    let (source, target) = (world.source.pusher(), world.target.pusher());
    let base = layer(1, 200_000);
    let first = Image::new(Flavour::Oci).layer(base.clone()).layer(layer(2, 9_000));
    source.image("app", "v1", &first).await?;
    let way = world.way().await?;
    ensure!(world.copy(&way, "app", &["app"], 0).await?.report.copied() == 1);
    let lost = testkit::digest_of(&base);
    // An over-eager garbage collector removes a layer that the next image shares.
    world.target.registry.stop();
    std::fs::remove_file(world.target.registry.blob_file(&lost))?;
    let link = world.target.registry.data_dir().join("docker/registry/v2/repositories/app/_layers/sha256");
    std::fs::remove_dir_all(link.join(lost.trim_start_matches("sha256:")))?;
    world.target.registry.restart().await?;
    source.image("app", "v2", &Image::new(Flavour::Oci).layer(base).layer(layer(3, 9_000))).await?;
    let ran = world.copy(&way, "app", &["app"], 2).await?;
    ensure!(ran.is_all_there() && ran.report.copied() == 1, "{:?}", ran.errors());
    world.law(&ran, "app", "app").await?;
    assert_same(&world, "app").await?;
    nothing_incomplete(&target, "app").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_whose_images_and_blobs_are_collected_gets_them_again() -> Result<()> {
    let mut world = World::start().await?;
    let source = world.source.pusher();
    seed_corpus(&source, "app").await?;
    let way = world.way().await?;
    ensure!(world.copy(&way, "app", &["app"], 0).await?.is_all_there());
    collect(&mut world, "repositories/app").await?;
    assert_brought_back(&world, &way).await
}

/// The target loses all blob bytes, and the folder `named` with the references to them.
async fn collect(world: &mut World, named: &str) -> Result<()> {
    world.target.registry.stop();
    let data = world.target.registry.data_dir().join("docker/registry/v2");
    std::fs::remove_dir_all(data.join(named))?;
    std::fs::remove_dir_all(data.join("blobs"))?;
    world.target.registry.restart().await
}

async fn assert_brought_back(world: &World, way: &Way) -> Result<()> {
    let ran = world.copy(way, "app", &["app"], 2).await?;
    ensure!(ran.is_all_there(), "{:?}", ran.errors());
    assert_same(world, "app").await
}

/// The interrupted run leaves blobs without an image, which are garbage collected; the second run looks them up again.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_broken_run_left_may_be_collected_before_the_next() -> Result<()> {
    let mut world = World::start().await?;
    seed_corpus(&world.source.pusher(), "app").await?;
    let way = world.way().await?;
    let refused = Planned::always(Wanted::new("PUT", "/manifests/"), Fault::Refused(500));
    way.target.plan(vec![refused]);
    let ran = world.copy(&way, "app", &["app"], 0).await?;
    ensure!(ran.report.copied() == 0 && ran.report.failed() > 0);
    world.law(&ran, "app", "app").await?;
    way.target.behave();
    collect(&mut world, "repositories/app/_layers").await?;
    assert_brought_back(&world, &way).await
}

#[tokio::test(flavor = "multi_thread")]
async fn c72_token_servers_whose_clocks_are_wrong_do_no_harm() -> Result<()> {
    let world = World::start().await?;
    let source = world.source.pusher();
    source.image("app", "v1", &Image::new(Flavour::Oci).layer(layer(1, 9_000))).await?;
    for time in ["2001-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "yesterday"] {
        // The shortest lifetime that the registry's own leeway allows.
        let tokens = TokenServer::harbor(users()).await?.issued_at(time).lifetime(Duration::from_secs(62));
        let skewed = Side::start(tokens).await?;
        let (from, to) = (world.client(&world.source.registry.host()), world.client(&skewed.registry.host()));
        let ran = run(&from, &to, "app", &["app"], 1).await?;
        ensure!(ran.report.copied() == 1, "{time}: {:?}", ran.errors());
        ensure!(skewed.tokens.requests() <= 3, "{time}: a token for each request");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tools_at_once_on_one_target_agree() -> Result<()> {
    let world = World::start().await?;
    seed_corpus(&world.source.pusher(), "app").await?;
    let (one, other) = (world.way().await?, world.way().await?);
    for to in ["app-1", "app-2", "app-3"] {
        let to_all = [to];
        let (first, second) =
            (world.copy(&one, "app", &to_all, RETRIES), world.copy(&other, "app", &to_all, RETRIES));
        let (first, second) = tokio::join!(first, second);
        for ran in [first?, second?] {
            ensure!(ran.is_all_there(), "{:?}", ran.errors());
            world.law(&ran, "app", to).await?;
        }
        assert_same(&world, to).await?;
    }
    Ok(())
}
