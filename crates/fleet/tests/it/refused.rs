//! A NATS that refuses the workers' entries.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::stream::Config;
use fleet::Error;
use futures_util::StreamExt as _;

use crate::book::Book;
use crate::nats::Nats;
use crate::until::until;
use crate::world::{ACK_WAIT, Told, World};

/// Less than a worker waits for a server that is away.
const SOON: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_result_is_refused_ends_and_says_why_and_so_does_whoever_gives_the_job_up() {
    let (nats, world, told) = (Nats::start().await, World::start(1).await, Arc::new(Told::default()));
    let (_, coordinator) = world.coordinate(nats.connect("c").await, &told);
    until("the run is open", async || told.has_note("for workers to take")).await;
    let book = Book::of(&nats).await;
    // The entry that an attempt begins fits, a result does not.
    let stream = book.jetstream.get_stream("KV_isync_runs").await.unwrap();
    let config = Config { max_message_size: 400, ..stream.cached_info().config.clone() };
    book.jetstream.update_stream(config).await.unwrap();
    for (attempt, name) in (1..).zip(["w1", "w2", "w3", "w4"]) {
        let worker = world.worker(nats.connect(name).await).await;
        let ended = tokio::time::timeout(SOON, worker.task).await.unwrap().unwrap();
        let Err(Error::MessageTooLarge { what, reason }) = ended else { panic!("{name}: {ended:?}") };
        assert_eq!(what, format!("set {}.result.0.{attempt}", book.run));
        assert!(reason.contains("message size exceeds maximum"), "{reason}");
    }
    coordinator.abort();
}

/// Limits the stream of the runs to as many bytes; `None`: to what it has, and a little more.
async fn limit(jetstream: &async_nats::jetstream::Context, bytes: Option<i64>) {
    let stream = jetstream.get_stream("KV_isync_runs").await.unwrap();
    let info = stream.cached_info();
    let max_bytes = bytes.unwrap_or_else(|| i64::try_from(info.state.bytes).unwrap() + 300);
    jetstream.update_stream(Config { max_bytes, ..info.config.clone() }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_waits_where_nats_has_no_room_and_says_so_once() {
    let (nats, world, told) = (Nats::start().await, World::start(2).await, Arc::new(Told::default()));
    let (_, coordinator) = world.coordinate(nats.connect("c").await, &told);
    until("the run is open", async || told.has_note("for workers to take")).await;
    let book = Book::of(&nats).await;
    limit(&book.jetstream, None).await;
    let by_worker = Arc::new(Told::default());
    let worker = world.worker_that_tells(nats.connect("w1").await, &by_worker).await;
    until("it waits", async || by_worker.has_note("This worker waits until there is room")).await;
    limit(&book.jetstream, Some(-1)).await;
    let report = tokio::time::timeout(SOON, coordinator).await.unwrap().unwrap().unwrap();
    assert_eq!((report.copied(), report.failed(), report.not_done()), (4, 0, 0), "{:?}", told.notes());
    let waits = by_worker.notes().iter().filter(|note| note.contains("This worker waits")).count();
    assert!(waits == 1 && by_worker.has_note("NATS has room again"), "{:?}", by_worker.notes());
    worker.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_nats_has_no_room_for_is_not_done_and_leaves_nothing() {
    let (nats, world, told) = (Nats::start().await, World::start(3).await, Arc::new(Told::default()));
    let connection = nats.connect("c").await;
    connection.prepare(ACK_WAIT).await.unwrap();
    let jetstream = async_nats::jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    limit(&jetstream, Some(1000)).await;
    let (_, bringing) = world.bring(connection, &told, [ACK_WAIT, SOON]);
    let brought = tokio::time::timeout(SOON, bringing).await.unwrap().unwrap().unwrap();
    assert!(matches!(brought.broken_off, Some(Error::Refused { .. })), "{:?}", brought.broken_off);
    assert!(!brought.has_begun);
    assert_eq!((brought.report.not_done(), brought.report.is_broken_off, told.ended().len()), (6, true, 6));
    let store = jetstream.get_key_value("isync_runs").await.unwrap();
    assert_eq!(store.keys().await.unwrap().count().await, 0, "nothing of it stays");
}
