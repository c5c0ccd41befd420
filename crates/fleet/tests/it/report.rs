//! What a coordinator's report has beside images: the workers' requests to registries, when bytes moved, and which workers could not help.

use std::sync::Arc;
use std::time::Duration;

use embedded_registry::{Effect, Fault, LoggedRequest, Match, Times};
use oci::Digest;
use tokio_util::sync::CancellationToken;

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
    // The coordinator sends no request to the target.
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
    let book = Book::of_abandoned(&nats, &world, 4).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_that_one_worker_works_on_are_told_their_own_bytes_alone() {
    let (nats, world) = (Nats::start().await, World::start(2).await);
    let (told, told_other) = (Arc::new(Told::default()), Arc::new(Told::default()));
    let bring = |connection, told: &Arc<Told>, selection: &str| {
        let cancel = CancellationToken::new();
        tokio::spawn(world.bringing_until(cancel, connection, told, ([ACK_WAIT, DRAIN], selection)))
    };
    let first = bring(nats.connect("c1").await, &told, "all");
    until("the run is open", async || told.has_note("for workers to take")).await;
    // Other flags make a run of their own, here of the same images.
    let second = bring(nats.connect("c2").await, &told_other, "others");
    until("the other run is open", async || told_other.has_note("for workers to take")).await;
    // One of the first run's jobs is still at work when the worker tells what it has sent for the other one.
    world.source.misbehave(Fault {
        when: Match::get("/v2/a/app-1/manifests/"),
        times: Times::First(1),
        effect: Effect::Delay(Duration::from_secs(5)),
    });
    let worker = world.worker(nats.connect("w1").await).await;
    let (brought, other) = (first.await.unwrap().unwrap(), second.await.unwrap().unwrap());
    let moved = brought.report.amounts().moved_bytes;
    assert_eq!((brought.report.copied(), told.sent()), (4, moved));
    assert_eq!((other.report.copied(), other.report.amounts().moved_bytes, told_other.sent()), (0, 0, 0));
    // And each request counts for the run that it was made for.
    let requests = |brought: &fleet::Brought| brought.spent[&world.target.host()].requests;
    assert_eq!(requests(&brought) + requests(&other), world.target.requests().len() as u64);
    worker.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_of_another_release_is_named_with_what_to_do() {
    let (nats, world, told) = (Nats::start().await, World::start(1).await, Arc::new(Told::default()));
    let (_, bringing) = world.bring(nats.connect("c").await, &told, [ACK_WAIT, DRAIN]);
    until("the run is open", async || told.has_note("for workers to take")).await;
    let book = Book::of(&nats).await;
    let beat = serde_json::json!({"release": {"format": 9, "version": "9.0.0"}, "worker": "w9", "new": [1]});
    let client = async_nats::connect(nats.url()).await.unwrap();
    let note = "worker w9 is release 9.0.0 (messages of format 9), this coordinator is release ";
    until("the worker is named", async || {
        client.publish("isync.beat", beat.to_string().into()).await.unwrap();
        told.has_note(note)
    })
    .await;
    assert!(told.has_note("Run one release everywhere"), "{:?}", told.notes());
    // A coordinator of that release has a run, too: it stays in the list, and this release's worker names it.
    let runs = String::from_utf8(book.store.get("runs").await.unwrap().unwrap().to_vec()).unwrap();
    let entry = r#"{"release":{"format":9,"version":"9.0.0"},"run":"r-9","new":[1]}"#;
    let with_other = runs.replacen("\"open\":[", &format!("\"open\":[{entry},"), 1);
    book.store.put("runs", with_other.into()).await.unwrap();
    let said = Arc::new(Told::default());
    let worker = world.worker_that_tells(nats.connect("w1").await, &said).await;
    let brought = bringing.await.unwrap().unwrap();
    assert_eq!(brought.report.copied(), 2);
    until("the run is named", async || {
        said.has_note(
            "the coordinator of run r-9 is release 9.0.0 (messages of format 9), this worker is release ",
        )
    })
    .await;
    worker.leave().await;
    let runs = book.store.get("runs").await.unwrap().unwrap();
    let runs: serde_json::Value = serde_json::from_slice(&runs).unwrap();
    assert_eq!(runs["open"], serde_json::json!([serde_json::from_str::<serde_json::Value>(entry).unwrap()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_is_too_large_for_the_server_is_cut_and_names_all_images() {
    let (nats, world) = (Nats::with("max_payload: 2500").await, World::start(1).await);
    let told = Arc::new(Told::default());
    let effect = Effect::Status { code: 404, body: String::new(), headers: Vec::new() };
    world.source.misbehave(Fault { when: Match::get("/blobs/"), times: Times::Always, effect });
    let (_, bringing) = world.bring(nats.connect("c").await, &told, [ACK_WAIT, DRAIN]);
    let added = ", and this and that".repeat(100);
    let worker = world.worker_that_adds(nats.connect("w1").await, added.clone()).await;
    let brought = tokio::time::timeout(Duration::from_secs(60), bringing).await.unwrap().unwrap().unwrap();
    assert_eq!((brought.report.failed(), brought.report.totals.images()), (2, 2), "{:?}", told.notes());
    let words: Vec<_> = told.ended().into_values().flatten().map(|(word, _)| word).collect();
    // The error's own words come twice: once as what was done, and once before what the worker adds.
    let long = |word: &str| Some("source ".len() + word.split(": source ").nth(1)?.len() + added.len());
    let is_cut = |word: &String| {
        let long = long(word).unwrap_or_default();
        word.contains("and this") && word.ends_with(&format!("({long} bytes)")) && word.len() < 700
    };
    assert!(words.iter().all(is_cut), "{words:?}");
    worker.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_worker_asked_for_that_left_its_job_to_others_is_told() {
    let (nats, world, told) = (Nats::start().await, World::start(1).await, Arc::new(Told::default()));
    let (_, bringing) = world.bring(nats.connect("c").await, &told, [ACK_WAIT, DRAIN]);
    until("the run is open", async || told.has_note("for workers to take")).await;
    let before = world.target.requests().len();
    let hangs = Fault { when: Match::get("/blobs/"), times: Times::Always, effect: Effect::Hang };
    world.source.misbehave(hangs);
    let leaves = world.worker(nats.connect("w1").await).await;
    until("it waits for a blob", async || world.source.requests().iter().any(LoggedRequest::is_blob_read))
        .await;
    assert_eq!(leaves.leave().await.jobs, 0);
    let asked = world.target.requests().len() - before;
    world.source.behave();
    let worker = world.worker(nats.connect("w2").await).await;
    let brought = bringing.await.unwrap().unwrap();
    assert_eq!(brought.report.copied(), 2);
    assert!(asked > 0, "there is something to tell");
    let target = &brought.spent[&world.target.host()];
    assert_eq!(target.requests, (world.target.requests().len() - before) as u64);
    worker.leave().await;
}
