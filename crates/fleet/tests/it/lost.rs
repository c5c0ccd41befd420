//! NATS is away for long, or comes back without its store.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fleet::{Access, Connection, ConnectionEvent, Error, Login};
use oci::Digest;

use crate::book::Book;
use crate::nats::{Nats, connected};
use crate::relay::Relay;
use crate::stop::slow_manifests;
use crate::until::until;
use crate::world::{ACK_WAIT, Told, World};

/// Less than a request is retried.
const SOON: Duration = Duration::from_secs(60);
const AN_HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_store_is_lost_ends_with_what_is_known_and_its_workers_take_the_next_one() {
    let (mut nats, world, told) = (Nats::start().await, World::start(3).await, Arc::new(Told::default()));
    // One job ends before the next one begins: NATS is away long before all of them have ended.
    world.source.misbehave(slow_manifests());
    let (_, bringing) = world.bring(nats.connect("c").await, &told, [ACK_WAIT, AN_HOUR]);
    let by_worker = Arc::new(Told::default());
    let worker = world.worker_that_tells(nats.connect("w1").await, &by_worker).await;
    let book = Book::of(&nats).await;
    until("something is done", async || !told.ended().is_empty()).await;
    let known = told.ended().len();
    nats.kill();
    nats.lose_store();
    nats.start_again().await;
    let brought = tokio::time::timeout(SOON, bringing).await.unwrap().unwrap().unwrap();
    let Some(Error::RunLost { run, reason }) = &brought.broken_off else {
        panic!("{:?}", brought.broken_off)
    };
    assert_eq!((run, reason.contains("stream not found")), (&book.run, true), "{reason}");
    assert!(brought.report.is_broken_off && brought.report.totals.images() == 6);
    assert!(brought.report.copied() >= known, "{:?}", told.ended());
    until("the worker leaves it", async || {
        by_worker.has_note(&format!("run {run} is lost, NATS has nothing of it any more"))
    })
    .await;
    world.source.behave();
    let again = Arc::new(Told::default());
    let (_, next) = world.coordinate(nats.connect("c").await, &again);
    let report = tokio::time::timeout(SOON, next).await.unwrap().unwrap().unwrap();
    assert_eq!((report.failed(), report.not_done()), (0, 0), "{:?}", again.notes());
    world.expect_all(&again.ended(), &["copied", "unchanged"]);
    worker.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_which_another_list_knows_nothing_is_lost() {
    let (nats, world, told) = (Nats::start().await, World::start(2).await, Arc::new(Told::default()));
    let (_, bringing) = world.bring(nats.connect("c").await, &told, [ACK_WAIT, AN_HOUR]);
    let book = Book::of(&nats).await;
    until("the run is open", async || told.has_note("for workers to take")).await;
    book.store.put("runs", r#"{"open":[],"closed":["other"]}"#.into()).await.unwrap();
    let brought = tokio::time::timeout(SOON, bringing).await.unwrap().unwrap().unwrap();
    assert!(matches!(brought.broken_off, Some(Error::RunLost { .. })), "{:?}", brought.broken_off);
    assert_eq!(brought.report.not_done(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn that_nobody_answers_is_not_that_there_is_no_run() {
    let mut nats = Nats::start().await;
    let (connection, digest) = (nats.connect("c").await, Digest::sha256(b"c"));
    let none = connection.has_run("r", &digest, &digest).await;
    assert!(matches!(none, Err(Error::NoRun(_))), "{none:?}");
    nats.kill();
    let unknown = connection.has_run("r", &digest, &digest).await;
    assert!(matches!(unknown, Err(Error::NoAnswer { .. })), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_called_off_while_nats_is_away_ends_and_says_that_workers_go_on() {
    let (mut nats, world, told) = (Nats::start().await, World::start(2).await, Arc::new(Told::default()));
    let (cancel, bringing) = world.bring(nats.connect("c").await, &told, [ACK_WAIT, AN_HOUR]);
    until("the run is open", async || told.has_note("for workers to take")).await;
    nats.kill();
    cancel.cancel();
    let brought = tokio::time::timeout(SOON, bringing).await.unwrap().unwrap().unwrap();
    assert!(matches!(brought.broken_off, Some(Error::NotCalledOff { .. })), "{:?}", brought.broken_off);
    assert_eq!(brought.report.not_done(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_nats_has_lost_is_not_one_that_workers_go_on_with_when_it_is_called_off() {
    let (mut nats, world, told) = (Nats::start().await, World::start(2).await, Arc::new(Told::default()));
    let events = Arc::<Mutex<Vec<ConnectionEvent>>>::default();
    let heard = events.clone();
    let tell = Arc::new(move |event: &ConnectionEvent| heard.lock().unwrap().push(event.clone()));
    let connection = Connection::open(&nats.access(Login::Nobody), "c", tell).await.unwrap();
    let (cancel, bringing) = world.bring(connection, &told, [ACK_WAIT, AN_HOUR]);
    until("the run is open", async || told.has_note("for workers to take")).await;
    nats.kill();
    nats.lose_store();
    until("it knows", async || !events.lock().unwrap().is_empty()).await;
    nats.start_again().await;
    until("it is back", async || events.lock().unwrap().len() == 2).await;
    cancel.cancel();
    let brought = tokio::time::timeout(SOON, bringing).await.unwrap().unwrap().unwrap();
    assert!(matches!(brought.broken_off, Some(Error::RunLost { .. })), "{:?}", brought.broken_off);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_in_a_run_ends_while_nats_is_away() {
    let (mut nats, world, told) = (Nats::start().await, World::start(3).await, Arc::new(Told::default()));
    let (_, coordinator) = world.coordinate(nats.connect("c").await, &told);
    world.source.misbehave(slow_manifests());
    let worker = world.worker(nats.connect("w1").await).await;
    let book = Book::of(&nats).await;
    until("it has its hands full", async || book.has("begun.0.1").await && book.has("begun.1.1").await).await;
    nats.kill();
    tokio::time::timeout(SOON, worker.leave()).await.unwrap();
    coordinator.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_finds_no_list_of_runs_waits_for_whoever_makes_one() {
    let (mut nats, world, told) = (Nats::start().await, World::start(1).await, Arc::new(Told::default()));
    let by_worker = Arc::new(Told::default());
    let (_, coordinator) = world.coordinate(nats.connect("c").await, &told);
    let worker = world.worker_that_tells(nats.connect("w1").await, &by_worker).await;
    coordinator.await.unwrap().unwrap();
    nats.kill();
    nats.lose_store();
    nats.start_again().await;
    // The worker asks for a list of runs that does not exist yet.
    let again = Arc::new(Told::default());
    let (_, next) = world.coordinate(nats.connect("c").await, &again);
    let report = tokio::time::timeout(SOON, next).await.unwrap().unwrap().unwrap();
    assert_eq!(report.not_done(), 0);
    worker.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_were_not_published_when_nats_went_away_are_published_when_it_is_back() {
    let (nats, world, told) = (Nats::start().await, World::start(5).await, Arc::new(Told::default()));
    let relay = Relay::before_job(2, nats.port()).await;
    let access = Access::new(&relay.url(), Login::Nobody, None, false).unwrap();
    let (_, bringing) = world.bring(connected(&access, "c").await, &told, [ACK_WAIT, AN_HOUR]);
    until("it is away", async || relay.is_away()).await;
    let book = Book::of(&nats).await;
    let queue = book.jetstream.get_stream("ISYNC_JOBS").await.unwrap();
    assert_eq!(queue.cached_info().state.messages, 2, "the first jobs are in the queue");
    let worker = world.worker(nats.connect("w1").await).await;
    until("they are done", async || book.has("result.0.1").await && book.has("result.1.1").await).await;
    relay.open();
    let brought = tokio::time::timeout(SOON, bringing).await.unwrap().unwrap().unwrap();
    assert_eq!((brought.report.copied(), brought.broken_off.is_some()), (10, false), "{:?}", told.notes());
    assert!(!told.has_note("NATS has lost"), "the queue has lost nothing: {:?}", told.notes());
    worker.leave().await;
}
