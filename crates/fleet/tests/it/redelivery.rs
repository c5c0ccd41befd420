//! Jobs that NATS delivers, or a coordinator publishes, more than once.

use std::sync::Arc;
use std::time::Duration;

use embedded_registry::{Effect, Fault, Match, Times};

use crate::book::Book;
use crate::nats::Nats;
use crate::until::until;
use crate::world::{ACK_WAIT, Told, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_that_joins_a_run_changes_nothing_of_its_queue() {
    let (nats, world, told) = (Nats::start().await, World::start(2).await, Arc::new(Told::default()));
    let book = Book::of_abandoned(&nats, &world, 2).await;
    // NATS knows message ids for two minutes. Later, the same job has one that it does not know.
    let again = book.jetstream.publish(format!("isync.jobs.{}.0", book.run), "{}".into()).await.unwrap();
    let refused = again.await.unwrap_err().to_string();
    assert!(refused.contains("per subject"), "{refused}");
    let (_, joined) = world.coordinate_within(nats.connect("c2").await, &told, 30 * ACK_WAIT);
    until("it has joined", async || told.has_note("joined run")).await;
    let queue = book.jetstream.get_stream("ISYNC_JOBS").await.unwrap();
    let consumer = queue.consumer_info(&book.run).await.unwrap();
    assert_eq!((consumer.config.ack_wait, consumer.num_pending), (ACK_WAIT, 2));
    let worker = world.worker(nats.connect("w1").await).await;
    let report = tokio::time::timeout(Duration::from_secs(60), joined).await.unwrap().unwrap().unwrap();
    assert_eq!((report.copied(), report.failed()), (4, 0), "{:?}", told.notes());
    worker.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_a_live_worker_has_in_work_is_waited_for_though_all_other_attempts_failed() {
    let (nats, world, told) = (Nats::start().await, World::start(1).await, Arc::new(Told::default()));
    // Longer than a coordinator waits for attempts of workers that are gone.
    let slow = Effect::Delay(6 * ACK_WAIT);
    world.source.misbehave(Fault { when: Match::get("/manifests/"), times: Times::Always, effect: slow });
    let (_, coordinator) = world.coordinate(nats.connect("c").await, &told);
    let book = Book::of(&nats).await;
    let first = world.worker(nats.connect("w1").await).await;
    until("it is in work", async || book.has("begun.0.1").await).await;
    for (attempt, worker) in [(2, "w8"), (3, "w9")] {
        book.put(&format!("begun.0.{attempt}"), &format!("{worker} 1-0")).await;
        let result = format!(r#"{{"worker": "{worker}", "born": 1, "ended": [], "spent": []}}"#);
        book.put(&format!("result.0.{attempt}"), &result).await;
    }
    let second = world.worker(nats.connect("w2").await).await;
    until("both hear each other", async || told.has_note("worker w2 is there")).await;
    book.hand_out(0).await;
    let report = tokio::time::timeout(Duration::from_secs(60), coordinator).await.unwrap().unwrap().unwrap();
    assert_eq!((report.copied(), report.failed(), report.not_done()), (2, 0, 0), "{:?}", told.notes());
    assert!(!book.has("result.0.4").await, "the second worker has given the job up");
    first.leave().await;
    second.leave().await;
}
