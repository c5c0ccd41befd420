//! The list of open runs.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::kv::Store;
use async_nats::jetstream::{self, Context};
use embedded_registry::{Effect, Fault, Match, Times};
use fleet::Error;
use futures_util::StreamExt as _;

use crate::book::Book;
use crate::nats::Nats;
use crate::world::{ACK_WAIT, Told, World};

/// As many as the list takes.
const MOST_RUNS: usize = 64;

/// The names of as many runs as the list takes.
fn names(front: &str) -> impl Iterator<Item = String> + use<'_> {
    (0..MOST_RUNS).map(move |number| format!("{front}-{number}"))
}

/// Writes a list that is full of open runs of these names; returns the list, and where it is.
async fn full_list(jetstream: &Context, front: &str) -> (Store, String) {
    let store = jetstream.get_key_value("isync_runs").await.unwrap();
    let open: Vec<_> = names(front).map(|name| format!(r#"{{"run":"{name}"}}"#)).collect();
    let list = format!(r#"{{"open":[{}],"closed":[]}}"#, open.join(","));
    store.put("runs", list.clone().into()).await.unwrap();
    (store, list)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_full_of_runs_whose_coordinators_were_killed_makes_room_for_the_next_one() {
    let (nats, world, told) = (Nats::start().await, World::start(1).await, Arc::new(Told::default()));
    let connection = nats.connect("c").await;
    connection.prepare(ACK_WAIT).await.unwrap();
    let jetstream = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    let (store, _) = full_list(&jetstream, "dead").await;
    let worker = world.worker(nats.connect("w1").await).await;
    let (_, coordinator) = world.coordinate(connection, &told);
    let report = tokio::time::timeout(Duration::from_secs(60), coordinator).await.unwrap().unwrap().unwrap();
    assert_eq!((report.copied(), report.failed()), (2, 0), "{:?}", told.notes());
    let list = String::from_utf8(store.get("runs").await.unwrap().unwrap().to_vec()).unwrap();
    let (open, closed) = list.split_once("\"closed\"").unwrap();
    assert!(!open.contains("dead-0\"") && open.contains("dead-1\"") && closed.contains("dead-0\""), "{list}");
    worker.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_full_of_runs_that_all_have_jobs_takes_no_more_and_names_the_oldest() {
    let (nats, world, told) = (Nats::start().await, World::start(1).await, Arc::new(Told::default()));
    let connection = nats.connect("c").await;
    connection.prepare(ACK_WAIT).await.unwrap();
    let jetstream = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    for name in names("at-work") {
        let config = jetstream::consumer::pull::Config {
            durable_name: Some(name.clone()),
            filter_subject: format!("isync.jobs.{name}.>"),
            ..Default::default()
        };
        jetstream.create_consumer_on_stream(config, "ISYNC_JOBS").await.unwrap();
        let job = format!(r#"{{"run":"{name}","number":0}}"#);
        jetstream.publish(format!("isync.jobs.{name}.0"), job.into()).await.unwrap().await.unwrap();
    }
    let (store, list) = full_list(&jetstream, "at-work").await;
    let (_, bringing) = world.bring(connection, &told, [ACK_WAIT, ACK_WAIT]);
    let brought = tokio::time::timeout(Duration::from_secs(60), bringing).await.unwrap().unwrap().unwrap();
    let Some(Error::TooManyRuns { number, oldest }) = &brought.broken_off else { panic!("{brought:?}") };
    assert_eq!((*number, oldest.as_str(), brought.report.not_done()), (MOST_RUNS, "at-work-0", 2));
    assert_eq!(store.get("runs").await.unwrap().unwrap(), list, "no other run is closed");
    let keys: Vec<_> = store.keys().await.unwrap().map(Result::unwrap).collect().await;
    assert_eq!(keys, ["runs"], "nothing is left of the run that found no room");
    let queue = jetstream.get_stream("ISYNC_JOBS").await.unwrap();
    let state = &queue.cached_info().state;
    assert_eq!((state.messages, state.consumer_count), (MOST_RUNS as u64, MOST_RUNS));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_coordinators_that_plan_the_same_run_the_later_one_leaves_nothing_of_its_own() {
    let (nats, world) = (Nats::start().await, World::start(2).await);
    let (one, two) = (Arc::new(Told::default()), Arc::new(Told::default()));
    // Both plan before either of them has listed its run.
    world.source.misbehave(Fault {
        when: Match::get("/tags/list"),
        times: Times::Always,
        effect: Effect::Delay(Duration::from_secs(1)),
    });
    let (_, first) = world.coordinate(nats.connect("c1").await, &one);
    let (_, second) = world.coordinate(nats.connect("c2").await, &two);
    let book = Book::of(&nats).await;
    let worker = world.worker(nats.connect("w1").await).await;
    for coordinator in [first, second] {
        let report = tokio::time::timeout(Duration::from_secs(60), coordinator).await.unwrap().unwrap();
        assert_eq!(report.unwrap().copied(), 4);
    }
    assert!(one.has_note("joined run") || two.has_note("joined run"), "{:?} {:?}", one.notes(), two.notes());
    let keys: Vec<_> = book.store.keys().await.unwrap().map(Result::unwrap).collect().await;
    let of_others = |key: &&String| *key != "runs" && !key.starts_with(&book.run);
    assert_eq!(keys.iter().filter(of_others).collect::<Vec<_>>(), Vec::<&String>::new());
    worker.leave().await;
}
