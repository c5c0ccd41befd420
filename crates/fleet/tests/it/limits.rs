//! The limits that all workers share.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fleet::{HeardPause, LiveWorkers, SharedLimits};
use oci::Digest;

use crate::nats::Nats;
use crate::stop::slow_manifests;
use crate::until::until;
use crate::world::{Told, World};

/// Records the limits that a worker is told.
#[derive(Default)]
struct Noted {
    divided: Mutex<Vec<LiveWorkers>>,
    held: Mutex<Vec<(String, Duration)>>,
    heard: Mutex<Option<HeardPause>>,
}

impl SharedLimits for Noted {
    fn divide(&self, workers: LiveWorkers) {
        self.divided.lock().unwrap().push(workers);
    }

    fn hold_back(&self, host: &str, wait: Duration) {
        self.held.lock().unwrap().push((host.to_owned(), wait));
    }

    fn tell_pauses(&self, heard: HeardPause) {
        *self.heard.lock().unwrap() = Some(heard);
    }
}

impl Noted {
    /// How many workers of its config share the limits.
    fn last(&self) -> Option<usize> {
        self.divided.lock().unwrap().last().map(|workers| workers.of_config)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_all_have_together_is_divided_by_those_who_live() {
    let (nats, world) = (Nats::start().await, World::start(1).await);
    let told = Arc::default();
    let (_, coordinator) = world.coordinate(nats.connect("c").await, &told);
    let (one, two) = (Arc::new(Noted::default()), Arc::new(Noted::default()));
    let first = world.worker_within(nats.connect("w1").await, one.clone()).await;
    until("the first has all", async || one.last() == Some(1)).await;
    let second = world.worker_within(nats.connect("w2").await, two.clone()).await;
    until("each has half", async || (one.last(), two.last()) == (Some(2), Some(2))).await;
    second.leave().await;
    until("the first has all again", async || one.last() == Some(1)).await;
    let divided = |number| LiveWorkers { all: number, of_config: number };
    assert_eq!(*one.divided.lock().unwrap(), [1, 2, 1].map(divided), "what has not changed is not told");
    first.leave().await;
    coordinator.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_of_another_config_shares_quotas_and_no_bandwidth() {
    let (nats, world) = (Nats::start().await, World::start(1).await);
    let (_, coordinator) = world.coordinate(nats.connect("c").await, &Arc::default());
    let one = Arc::new(Noted::default());
    let first = world.worker_within(nats.connect("w1").await, one.clone()).await;
    until("the first has all", async || one.last() == Some(1)).await;
    let second = world.worker_of(nats.connect("w2").await, Digest::sha256(b"another")).await;
    let both = LiveWorkers { all: 2, of_config: 1 };
    until("the second is heard", async || one.divided.lock().unwrap().last() == Some(&both)).await;
    first.leave().await;
    second.leave().await;
    coordinator.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_asks_one_worker_for_a_pause_is_left_alone_by_all() {
    let (nats, world) = (Nats::start().await, World::start(1).await);
    let told = Arc::default();
    let (_, coordinator) = world.coordinate(nats.connect("c").await, &told);
    let (one, two) = (Arc::new(Noted::default()), Arc::new(Noted::default()));
    let first = world.worker_within(nats.connect("w1").await, one.clone()).await;
    let second = world.worker_within(nats.connect("w2").await, two.clone()).await;
    until("both listen", async || (one.last(), two.last()) == (Some(2), Some(2))).await;
    // Workers ignore malformed pauses.
    let liar = async_nats::connect(nats.url()).await.unwrap();
    for lie in ["nonsense", r#"{"worker": "w9", "host": "r.io:443", "milliseconds": 99999999}"#] {
        liar.publish("isync.pause", lie.into()).await.unwrap();
    }
    liar.flush().await.unwrap();
    let wait = Duration::from_secs(7);
    one.heard.lock().unwrap().as_ref().unwrap()("r.io:443", wait);
    until("the other knows", async || !two.held.lock().unwrap().is_empty()).await;
    assert_eq!(*two.held.lock().unwrap(), [("r.io:443".to_owned(), wait)]);
    assert!(one.held.lock().unwrap().is_empty(), "it knows already");
    first.leave().await;
    second.leave().await;
    coordinator.abort();
}

/// Longer than a worker may be silent.
const LONG: Duration = Duration::from_secs(14);

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_missed_and_nothing_divided_anew_while_nats_is_away() {
    let (mut nats, world, told) = (Nats::start().await, World::start(3).await, Arc::new(Told::default()));
    let (one, two) = (Arc::new(Noted::default()), Arc::new(Noted::default()));
    world.source.misbehave(slow_manifests());
    let (_, coordinator) = world.coordinate(nats.connect("c").await, &told);
    let first = world.worker_within(nats.connect("w1").await, one.clone()).await;
    let second = world.worker_within(nats.connect("w2").await, two.clone()).await;
    until("each has half", async || (one.last(), two.last()) == (Some(2), Some(2))).await;
    until("both are there", async || {
        told.has_note("worker w1 is there") && told.has_note("worker w2 is there")
    })
    .await;
    let divided = || [&one, &two].map(|noted| noted.divided.lock().unwrap().clone());
    let before = divided();
    nats.kill();
    tokio::time::sleep(LONG).await;
    assert_eq!(divided(), before);
    world.source.behave();
    nats.start_again().await;
    let report = tokio::time::timeout(Duration::from_secs(60), coordinator).await.unwrap().unwrap().unwrap();
    assert_eq!((report.copied(), report.failed(), report.not_done()), (6, 0, 0), "{:?}", told.notes());
    assert!(!told.has_note("is silent"), "{:?}", told.notes());
    assert_eq!(divided(), before);
    first.leave().await;
    second.leave().await;
}
