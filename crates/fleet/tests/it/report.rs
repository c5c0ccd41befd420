//! What a coordinator's report has beside images: what workers asked registries for, when bytes moved, and who could not help.

use std::sync::Arc;
use std::time::Duration;

use oci::Digest;

use crate::book::Book;
use crate::nats::Nats;
use crate::until::until;
use crate::world::{ACK_WAIT, Told, World};

const DRAIN: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn each_request_of_a_worker_and_each_byte_is_told_once() {
    let (nats, world, told) = (Nats::start().await, World::start(5).await, Arc::new(Told::default()));
    let (_, bringing) = world.bring(nats.connect("c").await, &told, [ACK_WAIT, DRAIN]);
    let workers =
        [world.worker(nats.connect("w1").await).await, world.worker(nats.connect("w2").await).await];
    let brought = bringing.await.unwrap().unwrap();
    let (source, target) = (&brought.spent[&world.source.host()], &brought.spent[&world.target.host()]);
    assert_eq!(brought.spent.len(), 2);
    // The coordinator asks the target for nothing.
    assert_eq!(target.requests, world.target.requests().len() as u64);
    let moved = brought.report.amounts().moved_bytes;
    assert!(target.bytes_sent > moved && source.bytes_read > moved, "{target:?} {source:?} {moved}");
    assert!(source.requests < world.source.requests().len() as u64, "the coordinator's own are not in it");
    assert_eq!(told.sent(), moved);
    assert!(brought.joined.is_none());
    for worker in workers {
        worker.leave().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_a_run_tells_of_it_from_its_beginning_under_its_name() {
    let (nats, world) = (Nats::start().await, World::start(4).await);
    let told = Arc::new(Told::default());
    let (_, first) = world.bring(nats.connect("c1").await, &told, [ACK_WAIT, DRAIN]);
    until("the run is open", async || told.has_note("has 4 jobs for workers to take")).await;
    let book = Book::of(&nats).await;
    first.abort();
    let _ = first.await;
    let worker = world.worker(nats.connect("w1").await).await;
    until("some is done", async || book.has("result.0.1").await).await;
    let again = Arc::new(Told::default());
    let (_, second) = world.bring(nats.connect("c2").await, &again, [ACK_WAIT, DRAIN]);
    let brought = second.await.unwrap().unwrap();
    assert!(again.has_note(&format!("joined run {}: ", book.run)), "{:?}", again.notes());
    assert_eq!(brought.report.run.as_str(), book.run);
    assert!(brought.joined.is_some());
    let target = &brought.spent[&world.target.host()];
    assert_eq!(target.requests, world.target.requests().len() as u64, "what came before it is there");
    assert_eq!(again.sent(), brought.report.amounts().moved_bytes);
    worker.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_with_another_config_is_named_with_what_to_do() {
    let (nats, world, told) = (Nats::start().await, World::start(2).await, Arc::new(Told::default()));
    let (_, bringing) = world.bring(nats.connect("c").await, &told, [ACK_WAIT, DRAIN]);
    until("the run is open", async || told.has_note("has 2 jobs for workers to take")).await;
    let other = Digest::sha256(b"other");
    let stranger = world.worker_of(nats.connect("w9").await, other.clone()).await;
    let note = format!(
        "worker w9 has another config ({}) than this run ({}), and takes none of its jobs",
        other.short(),
        World::config().short()
    );
    until("it is named", async || told.has_note(&note)).await;
    let worker = world.worker(nats.connect("w1").await).await;
    let brought = bringing.await.unwrap().unwrap();
    assert_eq!(brought.report.copied(), 4);
    let notes = told.notes();
    assert_eq!(notes.iter().filter(|note| note.contains("w9")).count(), 1, "{notes:?}");
    assert_eq!(stranger.leave().await.jobs, 0);
    worker.leave().await;
}
