//! A run that is called off.

use std::sync::Arc;
use std::time::Duration;

use embedded_registry::{Effect, Fault, Match, Times};
use futures_util::StreamExt as _;
use sync::Outcome;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

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
    // The queue has no job left for a worker.
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
    // This signature does not tell the start time, so the coordinator waits for any process of the name.
    book.put("begun.1.1", "w1").await;
    // The coordinator reads this entry before it reports the worker.
    let _ = world.worker_of(nats.connect("w1").await, oci::Digest::sha256(b"other")).await;
    until("it is watching", async || told.has_note("worker w1")).await;
    cancel.cancel();
    // This takes longer than a worker needs to write which job it took.
    until("it waits for w1", async || told.has_note("waiting for 1 job in work at w1: ")).await;
    assert_eq!(book.get("stop").await.as_deref(), Some("c"), "workers learn who called it off");
    assert!(!bringing.is_finished());
    let ended = |image: u32| {
        serde_json::json!({"image": image, "outcome": "notDone", "moved": 5, "kept": 3, "left_open": 1, "mounted": 0, "present": 0,
            "referrers": 0, "referrers_left": 0, "milliseconds": 7})
    };
    let result = serde_json::json!({"worker": "w1", "born": 1, "ended": [ended(0), ended(1)], "spent": []});
    book.put("result.1.1", &result.to_string()).await;
    let brought = tokio::time::timeout(Duration::from_secs(60), bringing).await.unwrap().unwrap().unwrap();
    let moved = brought.report.amounts().moved_bytes;
    assert_eq!((brought.report.not_done(), brought.report.totals.images(), moved), (4, 4, 10));
    assert_eq!((brought.kept.stands, brought.kept.left_open), (6, 2));
    let by_w1 = told.ended().into_values().flatten().filter(|(_, worker)| worker.as_deref() == Some("w1"));
    assert_eq!(by_w1.count(), 2);
}

/// A machine whose end kills the worker `w1`, which has both jobs of the run in work, and which the coordinator has heard; and the run's book.
async fn busy_machine(nats: &Nats, world: &World, told: &Told) -> (Runtime, Book) {
    world.source.misbehave(slow_manifests());
    let machine = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let connection = machine.spawn(nats.connected_later("w1")).await.unwrap();
    let _ = world.worker_on(machine.handle(), connection).await;
    let book = Book::of(nats).await;
    until("it has its hands full", async || book.has("begun.0.1").await && book.has("begun.1.1").await).await;
    until("it is there", async || told.has_note("worker w1 is there")).await;
    (machine, book)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_the_jobs_of_who_was_killed_and_others_say_once_that_the_run_was_called_off() {
    let (nats, world, told) = (Nats::start().await, World::start(2).await, Arc::new(Told::default()));
    let (cancel, bringing) = world.bring(nats.connect("c").await, &told, [AN_HOUR, AN_HOUR]);
    let (machine, book) = busy_machine(&nats, &world, &told).await;
    let by_worker = Arc::new(Told::default());
    let worker = world.worker_that_tells(nats.connect("w2").await, &by_worker).await;
    machine.shutdown_background();
    cancel.cancel();
    let brought = tokio::time::timeout(Duration::from_secs(60), bringing).await.unwrap().unwrap().unwrap();
    assert_eq!((brought.report.not_done(), brought.broken_off.is_some()), (4, false));
    assert!(told.has_note("waiting for 2 jobs in work at w1: "), "{:?}", told.notes());
    assert!(told.has_note("worker w1 is silent: nobody waits for its jobs"), "{:?}", told.notes());
    assert!(!told.has_note("others get its jobs"), "{:?}", told.notes());
    let off = format!("run {} was called off by c: no image is in work here", book.run);
    assert_eq!(by_worker.notes(), [off]);
    worker.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_killed_is_named_with_his_jobs_and_has_nothing_in_work() {
    let (nats, world, told) = (Nats::start().await, World::start(2).await, Arc::new(Told::default()));
    let (cancel, bringing) = world.bring(nats.connect("c").await, &told, [AN_HOUR, AN_HOUR]);
    let (machine, _) = busy_machine(&nats, &world, &told).await;
    machine.shutdown_background();
    until("it is missed", async || told.has_note("worker w1 is silent")).await;
    cancel.cancel();
    let brought = tokio::time::timeout(Duration::from_secs(60), bringing).await.unwrap().unwrap().unwrap();
    assert_eq!((told.stops(), brought.report.not_done()), (vec![0], 4));
    assert_eq!(brought.losses.keys().collect::<Vec<_>>(), ["w1"]);
    let lost = &brought.losses["w1"];
    let are_named =
        ["job 0 (", "job 1 ("].iter().all(|job| lost.jobs.iter().any(|label| label.starts_with(job)));
    assert!(lost.times_silent == 1 && lost.jobs.len() == 2 && are_named, "{lost:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_joined_a_run_is_told_who_called_it_off_and_ends() {
    let (nats, world) = (Nats::start().await, World::start(3).await);
    let (told, again) = (Arc::new(Told::default()), Arc::new(Told::default()));
    let (cancel, first) = world.bring(nats.connect("c1").await, &told, [ACK_WAIT, AN_HOUR]);
    until("the run is open", async || told.has_note("for workers to take")).await;
    let (_, second) = world.bring(nats.connect("c2").await, &again, [ACK_WAIT, AN_HOUR]);
    until("it is joined", async || again.has_note("joined run")).await;
    cancel.cancel();
    for bringing in [first, second] {
        let brought = tokio::time::timeout(Duration::from_secs(60), bringing).await.unwrap();
        let brought = brought.unwrap().unwrap();
        assert_eq!((brought.report.not_done(), brought.broken_off.is_some()), (6, false));
    }
    assert!(again.has_note(" was called off by c1: nothing more is handed out"), "{:?}", again.notes());
    assert!(!again.has_note("NATS has lost"), "{:?}", again.notes());
    assert!(!told.has_note("called off by"), "who calls it off knows: {:?}", told.notes());
}

/// A subscriber to the queue's subjects hears all messages, also duplicates that the queue drops.
#[tokio::test(flavor = "multi_thread")]
async fn who_joins_a_run_and_is_called_off_before_it_knows_all_jobs_hands_nothing_out() {
    let (nats, world) = (Nats::start().await, World::start(3).await);
    let book = Book::of_abandoned(&nats, &world, 3).await;
    let listener = async_nats::connect(nats.url()).await.unwrap();
    let mut handed_out = listener.subscribe("isync.jobs.>").await.unwrap();
    listener.flush().await.unwrap();
    let (again, cancel) = (Arc::new(Told::default()), CancellationToken::new());
    cancel.cancel();
    let patience = ([ACK_WAIT, AN_HOUR], "all");
    let brought = world.bringing_until(cancel, nats.connect("c2").await, &again, patience).await.unwrap();
    assert_eq!((brought.report.not_done(), brought.report.totals.images()), (6, 6), "{:?}", again.notes());
    assert!(again.has_note(&format!("joined run {}: 3 of 3 jobs", book.run)), "{:?}", again.notes());
    assert!(again.is_all_planned(), "nobody says that lists are still read");
    // Messages that were published before this one come before it.
    book.jetstream.publish("isync.jobs.end", "".into()).await.unwrap().await.unwrap();
    let heard = handed_out.next().await.unwrap();
    assert_eq!(heard.subject.as_str(), "isync.jobs.end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_says_once_that_a_run_was_called_off_and_by_whom() {
    let (nats, world, told) = (Nats::start().await, World::start(2).await, Arc::new(Told::default()));
    world.source.misbehave(slow_manifests());
    let (cancel, bringing) = world.bring(nats.connect("c").await, &told, [ACK_WAIT, AN_HOUR]);
    let by_worker = Arc::new(Told::default());
    let worker = world.worker_that_tells(nats.connect("w1").await, &by_worker).await;
    let book = Book::of(&nats).await;
    until("it has its hands full", async || book.has("begun.0.1").await && book.has("begun.1.1").await).await;
    until("the coordinator shows it", async || {
        let standing = told.board.standing().unwrap_or_default();
        standing.in_work == 2
            && standing.workers.iter().any(|at| at.worker == "w1" && at.is_there && at.jobs.len() == 2)
    })
    .await;
    cancel.cancel();
    until("it says so", async || by_worker.has_note("was called off by c: ")).await;
    world.source.behave();
    bringing.await.unwrap().unwrap();
    worker.leave().await;
    assert_eq!((by_worker.stops().len(), by_worker.notes().len()), (0, 1), "{:?}", by_worker.notes());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_to_end_says_so_once_for_all_its_jobs() {
    let (nats, world, told) = (Nats::start().await, World::start(2).await, Arc::new(Told::default()));
    world.source.misbehave(slow_manifests());
    let (_, coordinator) = world.coordinate(nats.connect("c").await, &told);
    let by_worker = Arc::new(Told::default());
    let worker = world.worker_that_tells(nats.connect("w1").await, &by_worker).await;
    let book = Book::of(&nats).await;
    until("it has its hands full", async || book.has("begun.0.1").await && book.has("begun.1.1").await).await;
    worker.leave().await;
    assert_eq!((by_worker.stops().len(), by_worker.notes().len()), (1, 0), "{:?}", by_worker.notes());
    coordinator.abort();
}

pub(crate) fn slow_manifests() -> Fault {
    let effect = Effect::Delay(Duration::from_secs(3));
    Fault { when: Match::get("/manifests/"), times: Times::Always, effect }
}
