//! Runs of a fleet, while much goes wrong.

use std::sync::Arc;
use std::time::Duration;

use embedded_registry::{Effect, Fault, LoggedRequest, Match, Times};
use tokio_util::sync::CancellationToken;

use crate::book::Book;
use crate::nats::Nats;
use crate::until::until;
use crate::world::{ACK_WAIT, Told, World};

#[tokio::test(flavor = "multi_thread")]
async fn four_workers_send_each_blob_once() {
    let (nats, world, told) = (Nats::start().await, World::start(8).await, Arc::new(Told::default()));
    // Slow enough that all workers have come before the jobs are done.
    world.source.misbehave(Fault {
        when: Match::get("/manifests/"),
        times: Times::Always,
        effect: Effect::Delay(Duration::from_millis(500)),
    });
    let (_, coordinator) = world.coordinate(nats.connect("c").await, &told);
    let mut workers = Vec::new();
    for name in ["w1", "w2", "w3", "w4"] {
        workers.push(world.worker(nats.connect(name).await).await);
    }
    let report = coordinator.await.unwrap().unwrap();
    assert_eq!((report.copied(), report.failed(), report.not_done()), (16, 0, 0), "{:?}", told.notes());
    world.expect_all(&told.ended(), &["copied"]);
    let mut jobs = 0;
    for worker in workers {
        jobs += worker.leave().await.jobs;
    }
    assert_eq!(jobs, 8);
    // 16 layers of single images, and one that all share. Configs are too small for a lease.
    let reads = world.layer_reads();
    assert!(reads.len() == 17 && reads.values().all(|number| *number == 1), "{reads:?}");
    let who: std::collections::BTreeSet<_> =
        told.ended().into_values().flatten().filter_map(|(_, worker)| worker).collect();
    assert!(who.len() > 1, "one worker did all: {who:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_that_dies_is_replaced_and_the_report_is_whole() {
    let (nats, world) = (Nats::start().await, World::start(6).await);
    Book::of_abandoned(&nats, &world, 6).await;
    // Half of the run is done while no coordinator watches it.
    let worker = world.worker(nats.connect("w1").await).await;
    let is_stored = |request: &LoggedRequest| request.is_manifest(&http_put());
    until("some is stored", async || {
        world.target.requests().iter().filter(|request| is_stored(request)).count() > 4
    })
    .await;
    let again = Arc::new(Told::default());
    let (_, second) = world.coordinate(nats.connect("c2").await, &again);
    let report = second.await.unwrap().unwrap();
    assert!(again.has_note("joined run"), "{:?}", again.notes());
    assert_eq!((report.copied(), report.failed(), report.not_done()), (12, 0, 0));
    world.expect_all(&again.ended(), &["copied"]);
    worker.leave().await;
}

fn http_put() -> http::Method {
    http::Method::PUT
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_and_started_again_costs_no_image() {
    let (mut nats, world, told) = (Nats::start().await, World::start(8).await, Arc::new(Told::default()));
    let (_, coordinator) = world.coordinate(nats.connect("c").await, &told);
    let workers =
        [world.worker(nats.connect("w1").await).await, world.worker(nats.connect("w2").await).await];
    until("some is stored", async || {
        world.target.requests().iter().any(|request| request.is_manifest(&http_put()))
    })
    .await;
    nats.kill();
    tokio::time::sleep(Duration::from_millis(500)).await;
    nats.start_again().await;
    let report = coordinator.await.unwrap().unwrap();
    assert_eq!((report.failed(), report.not_done()), (0, 0), "{:#?} {:?}", told.ended(), told.notes());
    world.expect_all(&told.ended(), &["copied", "unchanged"]);
    for worker in workers {
        worker.leave().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_vanishes_is_replaced_and_who_leaves_gives_back() {
    let (nats, world, told) = (Nats::start().await, World::start(8).await, Arc::new(Told::default()));
    let (_, coordinator) = world.coordinate(nats.connect("c").await, &told);
    let vanishes = world.worker(nats.connect("w1").await).await;
    let leaves = world.worker(nats.connect("w2").await).await;
    until("some is stored", async || {
        world.target.requests().iter().any(|request| request.is_manifest(&http_put()))
    })
    .await;
    vanishes.task.abort();
    leaves.leave().await;
    let last = world.worker(nats.connect("w3").await).await;
    let report = coordinator.await.unwrap().unwrap();
    assert_eq!((report.failed(), report.not_done()), (0, 0), "{:#?} {:?}", told.ended(), told.notes());
    world.expect_all(&told.ended(), &["copied", "unchanged"]);
    last.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_before_it_has_begun_on_a_job_leaves_it_to_others() {
    let (nats, world, told) = (Nats::start().await, World::start(2).await, Arc::new(Told::default()));
    let (_, coordinator) = world.coordinate(nats.connect("c").await, &told);
    let leaves = world.worker_that_leaves_at_once(nats.connect("w1").await).await;
    assert_eq!(leaves.task.await.unwrap().unwrap().jobs, 0);
    let worker = world.worker(nats.connect("w2").await).await;
    let report = coordinator.await.unwrap().unwrap();
    assert_eq!((report.copied(), report.not_done()), (4, 0), "{:#?} {:?}", told.ended(), told.notes());
    worker.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_two_workers_do_at_once_counts_once() {
    let (nats, world, told) = (Nats::start().await, World::start(2).await, Arc::new(Told::default()));
    // A busy machine may be late with a lease's renewal, and a lost one costs a second send.
    let patience = Duration::from_secs(30);
    let (_, coordinator) = world.coordinate_within(nats.connect("c").await, &told, patience);
    until("the run is open", async || told.has_note("for workers to take")).await;
    let book = Book::of(&nats).await;
    world.source.misbehave(Fault {
        when: Match::get("/manifests/"),
        times: Times::Always,
        effect: Effect::Delay(Duration::from_secs(2)),
    });
    let first = world.worker(nats.connect("w1").await).await;
    until("the first has its hands full", async || {
        book.has("begun.0.1").await && book.has("begun.1.1").await
    })
    .await;
    book.hand_out(0).await;
    let second = world.worker(nats.connect("w2").await).await;
    until("the second does the same", async || book.has("begun.0.2").await).await;
    world.source.behave();
    let report = coordinator.await.unwrap().unwrap();
    assert_eq!((report.copied(), report.failed(), report.totals.images()), (4, 0, 4));
    world.expect_all(&told.ended(), &["copied"]);
    let reads = world.layer_reads();
    assert!(reads.len() == 5 && reads.values().all(|number| *number == 1), "{reads:?}");
    first.leave().await;
    second.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_a_worker_has_in_hands_is_not_begun_again_by_it() {
    let (nats, world, told) = (Nats::start().await, World::start(1).await, Arc::new(Told::default()));
    let (_, coordinator) = world.coordinate(nats.connect("c").await, &told);
    until("the run is open", async || told.has_note("for workers to take")).await;
    let book = Book::of(&nats).await;
    book.hand_out(0).await;
    world.source.misbehave(Fault {
        when: Match::get("/manifests/"),
        times: Times::First(2),
        effect: Effect::Delay(Duration::from_secs(2)),
    });
    let worker = world.worker(nats.connect("w1").await).await;
    let report = coordinator.await.unwrap().unwrap();
    assert_eq!((report.copied(), report.failed()), (2, 0));
    assert!(book.has("begun.0.1").await && !book.has("begun.0.2").await);
    worker.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_without_a_queue_keeps_no_worker_from_the_next_run() {
    let (nats, world) = (Nats::start().await, World::start(2).await);
    let (book, told_other) = (Book::of_abandoned(&nats, &world, 2).await, Arc::new(Told::default()));
    book.jetstream.delete_consumer_from_stream(&book.run, "ISYNC_JOBS").await.unwrap();
    let patience = ([ACK_WAIT, Duration::from_secs(5)], "others");
    let connection = nats.connect("c2").await;
    let second = world.bringing_until(CancellationToken::new(), connection, &told_other, patience);
    let second = tokio::spawn(second);
    let by_worker = Arc::new(Told::default());
    let worker = world.worker_that_tells(nats.connect("w1").await, &by_worker).await;
    let brought = tokio::time::timeout(Duration::from_secs(60), second).await.unwrap().unwrap().unwrap();
    assert_eq!((brought.report.copied(), brought.joined), (4, None));
    let note = format!("run {} is open, and NATS has no queue of its jobs", book.run);
    until("it says so", async || by_worker.has_note(&note)).await;
    assert_eq!(worker.leave().await.jobs, 2);
    let notes = by_worker.notes();
    assert_eq!(notes.iter().filter(|text| text.contains(&note)).count(), 1, "{notes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_done_and_that_nobody_watches_keeps_no_worker_from_the_next_run() {
    let (nats, world) = (Nats::start().await, World::start(2).await);
    let (book, told_other) = (Book::of_abandoned(&nats, &world, 2).await, Arc::new(Told::default()));
    let worker = world.worker(nats.connect("w1").await).await;
    until("it is done", async || book.has("result.0.1").await && book.has("result.1.1").await).await;
    let patience = ([ACK_WAIT, Duration::from_secs(5)], "others");
    let connection = nats.connect("c2").await;
    let second = world.bringing_until(CancellationToken::new(), connection, &told_other, patience);
    let brought = tokio::time::timeout(Duration::from_secs(60), second).await.unwrap().unwrap();
    assert_eq!((brought.report.skipped(), brought.joined), (4, None), "{:?}", told_other.notes());
    // The first run is still open, and has no job left to take.
    let idle = world.worker_that_ends_idle(nats.connect("w2").await, Duration::from_secs(1)).await;
    let ended = tokio::time::timeout(Duration::from_secs(60), idle.task).await.unwrap().unwrap();
    assert_eq!(ended.unwrap().jobs, 0);
    assert_eq!(worker.leave().await.jobs, 4);
    let again = Arc::new(Told::default());
    let (_, joined) = world.coordinate(nats.connect("c3").await, &again);
    let report = tokio::time::timeout(Duration::from_secs(60), joined).await.unwrap().unwrap().unwrap();
    assert_eq!((report.copied(), report.not_done()), (4, 0), "{:?}", again.notes());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_task_panics_each_time_is_given_up() {
    let (nats, world, told) = (Nats::start().await, World::start(1).await, Arc::new(Told::default()));
    let (_, coordinator) = world.coordinate(nats.connect("c").await, &told);
    let worker = world.worker_that_panics(nats.connect("w1").await).await;
    let report = tokio::time::timeout(Duration::from_secs(60), coordinator).await.unwrap().unwrap().unwrap();
    assert_eq!((report.copied(), report.failed()), (0, 2), "{:?}", told.notes());
    for (image, how) in told.ended() {
        assert!(how.len() == 1 && how[0].0.contains("w1, w1, w1 began on job 0"), "{image}: {how:?}");
    }
    worker.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_not_idle_while_another_one_holds_a_job_that_it_may_not_survive() {
    let (nats, world, told) = (Nats::start().await, World::start(1).await, Arc::new(Told::default()));
    let slow = Effect::Delay(Duration::from_secs(8));
    world.source.misbehave(Fault { when: Match::get("/manifests/"), times: Times::Always, effect: slow });
    let (_, coordinator) = world.coordinate(nats.connect("c").await, &told);
    let book = Book::of(&nats).await;
    let first = world.worker(nats.connect("w1").await).await;
    until("it is in work", async || book.has("begun.0.1").await).await;
    let idle = world.worker_that_ends_idle(nats.connect("w2").await, Duration::from_secs(1)).await;
    // Longer than it looks for a job twice.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(!idle.task.is_finished());
    let report = coordinator.await.unwrap().unwrap();
    assert_eq!((report.copied(), report.failed()), (2, 0), "{:?}", told.notes());
    let ended = tokio::time::timeout(Duration::from_secs(30), idle.task).await.unwrap().unwrap();
    assert_eq!(ended.unwrap().jobs, 0);
    first.leave().await;
}
