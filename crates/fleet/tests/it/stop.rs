//! A run that is called off.

use std::sync::Arc;
use std::time::Duration;

use sync::Outcome;

use crate::book::Book;
use crate::nats::Nats;
use crate::until::until;
use crate::world::{ACK_WAIT, Told, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_coordinator_called_it_off_and_died_is_joined_by_nobody() {
    let (nats, world, told) = (Nats::start().await, World::start(3).await, Arc::new(Told::default()));
    let (cancel, coordinator) = world.coordinate(nats.connect("c").await, &told);
    until("the run is open", async || told.has_note("for workers to take")).await;
    let book = Book::of(&nats).await;
    cancel.cancel();
    until("it is called off", async || book.has("stop").await).await;
    coordinator.abort();
    let worker = world.worker(nats.connect("w1").await).await;
    let again = Arc::new(Told::default());
    let (_, next) = world.coordinate(nats.connect("c2").await, &again);
    let report = next.await.unwrap().unwrap();
    assert_eq!((report.copied(), report.not_done()), (6, 0), "{:?}", again.notes());
    assert!(!again.has_note("joined run"), "{:?}", again.notes());
    worker.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_ends_with_all_that_was_not_done_named() {
    let (nats, world, told) = (Nats::start().await, World::start(3).await, Arc::new(Told::default()));
    let (cancel, coordinator) = world.coordinate(nats.connect("c").await, &told);
    until("the run is open", async || told.has_note("for workers to take")).await;
    cancel.cancel();
    let report = coordinator.await.unwrap().unwrap();
    assert_eq!((report.not_done(), report.totals.images()), (6, 6), "{:#?}", told.ended());
    let not_done = format!("{:?}", Outcome::NotDone);
    assert!(told.ended().into_values().flatten().all(|(word, _)| word == not_done));
    // Nothing is left that a worker would do.
    let worker = world.worker(nats.connect("w1").await).await;
    let again = Arc::new(Told::default());
    let (_, next) = world.coordinate(nats.connect("c2").await, &again);
    let report = next.await.unwrap().unwrap();
    assert!(report.copied() == 6 && !again.has_note("joined run"), "{:?}", again.notes());
    worker.leave().await;
}

const AN_HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_nobody_works_on_ends_at_once_when_it_is_called_off() {
    let (nats, world, told) = (Nats::start().await, World::start(2).await, Arc::new(Told::default()));
    let (cancel, bringing) = world.bring(nats.connect("c").await, &told, [ACK_WAIT, AN_HOUR]);
    until("the run is open", async || told.has_note("for workers to take")).await;
    cancel.cancel();
    let brought = tokio::time::timeout(Duration::from_secs(60), bringing).await.unwrap().unwrap().unwrap();
    assert_eq!((brought.report.not_done(), brought.report.totals.images()), (4, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_work_when_a_run_is_called_off_is_waited_for_and_told() {
    let (nats, world, told) = (Nats::start().await, World::start(2).await, Arc::new(Told::default()));
    let (cancel, bringing) = world.bring(nats.connect("c").await, &told, [ACK_WAIT, AN_HOUR]);
    until("the run is open", async || told.has_note("for workers to take")).await;
    let book = Book::of(&nats).await;
    book.put("begun.1.1", "w1 1-0").await;
    // It was read before what the coordinator tells next.
    let _ = world.worker_of(nats.connect("w2").await, oci::Digest::sha256(b"other")).await;
    until("it is watching", async || told.has_note("worker w2")).await;
    cancel.cancel();
    until("it is called off", async || book.has("stop").await).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(!bringing.is_finished(), "w1 is still at work");
    let ended = |image: u32| {
        serde_json::json!({"image": image, "outcome": "notDone", "moved": 5, "mounted": 0, "present": 0, "referrers": 0,
            "referrers_left": 0, "milliseconds": 7})
    };
    let result = serde_json::json!({"worker": "w1", "ended": [ended(0), ended(1)], "spent": []});
    book.put("result.1.1", &result.to_string()).await;
    let brought = tokio::time::timeout(Duration::from_secs(60), bringing).await.unwrap().unwrap().unwrap();
    let moved = brought.report.amounts().moved_bytes;
    assert_eq!((brought.report.not_done(), brought.report.totals.images(), moved), (4, 4, 10));
    let by_w1 = told.ended().into_values().flatten().filter(|(_, worker)| worker.as_deref() == Some("w1"));
    assert_eq!(by_w1.count(), 2);
}
