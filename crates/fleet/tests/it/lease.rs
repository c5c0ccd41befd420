//! Leases of blobs among processes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_nats::jetstream;
use embedded_registry::{Effect, Fault, Match, Times};
use fleet::{Login, NatsLeases};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use oci::{Digest, RepositoryName};
use sync::endpoint::StoreId;
use sync::{Engine, LeaseWanted, Leased, Leases, Options, Silent, Sync};
use tokio_util::sync::CancellationToken;

use crate::nats::{Nats, connected};
use crate::until::until;
use crate::world::{Told, World};

const BLOBS: usize = 150;

/// Opens the leases as soon as the coordinator has made their buckets.
async fn opened(nats: &Nats, name: &str) -> NatsLeases {
    let connection = nats.connect(name).await;
    for _ in 0..200 {
        if let Ok(leases) = NatsLeases::open(&connection).await {
            return leases;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no leases");
}

/// Asks for each blob until a repository has it; counts how often each was to be sent.
async fn bring_all(leases: NatsLeases, sent: Arc<Vec<AtomicUsize>>) {
    let (store, repository): (_, RepositoryName) = (StoreId::new("r.io"), "a/b".parse().unwrap());
    for (number, sent) in sent.iter().enumerate() {
        let digest = Digest::sha256(number.to_string().as_bytes());
        let wanted = LeaseWanted { store: &store, repository: &repository, digest: &digest, size: 1 << 20 };
        loop {
            match leases.ask(wanted).await {
                Leased::HeldBy(holder) => break assert_eq!(holder, repository),
                Leased::Yours(lease) => {
                    sent.fetch_add(1, Ordering::Relaxed);
                    lease.done().await;
                }
                Leased::Theirs(_) => tokio::task::yield_now().await,
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_while_the_sender_ends_is_told_where_the_blob_is() {
    let (nats, world, told) = (Nats::start().await, World::start(1).await, Arc::new(Told::default()));
    let (_, coordinator) = world.coordinate(nats.connect("c").await, &told);
    let sent: Arc<Vec<_>> = Arc::new((0..BLOBS).map(|_| AtomicUsize::new(0)).collect());
    let mut asking = Vec::new();
    for name in ["w1", "w2", "w3", "w4"] {
        asking.push(tokio::spawn(bring_all(opened(&nats, name).await, sent.clone())));
    }
    for asked in asking {
        asked.await.unwrap();
    }
    coordinator.abort();
    let sent: Vec<_> = sent.iter().map(|sent| sent.load(Ordering::Relaxed)).collect();
    assert_eq!(sent, [1; BLOBS]);
}

/// Counts the answers.
struct Counted {
    leases: NatsLeases,
    yours: Arc<AtomicUsize>,
    theirs: Arc<AtomicUsize>,
}

impl Leases for Counted {
    fn ask<'a>(&'a self, wanted: LeaseWanted<'a>) -> BoxFuture<'a, Leased> {
        let counted = async move {
            let answer = self.leases.ask(wanted).await;
            match answer {
                Leased::Yours(_) => _ = self.yours.fetch_add(1, Ordering::Relaxed),
                Leased::Theirs(_) => _ = self.theirs.fetch_add(1, Ordering::Relaxed),
                Leased::HeldBy(_) => {}
            }
            answer
        };
        counted.boxed()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_holder_that_was_killed_sends_the_blobs_itself() {
    let (nats, world, told) = (Nats::start().await, World::start(1).await, Arc::new(Told::default()));
    let (_, coordinator) = world.coordinate(nats.connect("c").await, &told);
    let leases = opened(&nats, "w2").await;
    // Three layers are large enough for a lease, and no upload of them comes to its end.
    let effect = Effect::StallRequestAfter(200_000);
    world.target.misbehave(Fault { when: Match::any(), times: Times::Always, effect });
    let sync = |rules| Sync::new(rules, Options::new(4, 2), Arc::new(Silent));
    let holder = tokio::runtime::Runtime::new().unwrap();
    let (rules, access) = (world.rules(), nats.access(Login::Nobody));
    holder.spawn(async move {
        let leases = NatsLeases::open(&connected(&access, "w1").await).await.unwrap();
        sync(rules).on(&Engine::sharing(4, None, Arc::new(leases))).run(CancellationToken::new()).await;
    });
    let held = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    let held = held.get_stream("KV_isync_leases").await.unwrap();
    until("three leases are held", async || held.get_info().await.unwrap().state.messages == 3).await;
    let (yours, theirs) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let leases = Counted { leases, yours: yours.clone(), theirs: theirs.clone() };
    let engine = Engine::sharing(4, None, Arc::new(leases));
    let waiting = tokio::spawn(sync(world.rules()).on(&engine).run(CancellationToken::new()));
    until("all three were asked for", async || theirs.load(Ordering::Relaxed) >= 3).await;
    assert_eq!(yours.load(Ordering::Relaxed), 0, "two have one lease");
    world.target.behave();
    // Like kill -9: no lease is given back.
    holder.shutdown_background();
    let report = waiting.await.unwrap();
    assert_eq!((report.copied(), report.failed()), (2, 0));
    assert_eq!(yours.load(Ordering::Relaxed), 3);
    world.expect_target();
    coordinator.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_whose_renewal_was_lost_while_nats_was_away_is_renewed_when_it_is_back() {
    let (mut nats, world, told) = (Nats::start().await, World::start(1).await, Arc::new(Told::default()));
    // Leases are kept for half of it, and renewed after a third of that.
    let (_, coordinator) = world.coordinate_within(nats.connect("c").await, &told, Duration::from_secs(30));
    let (one, two) = (opened(&nats, "w1").await, opened(&nats, "w2").await);
    let (store, repository): (_, RepositoryName) = (StoreId::new("r.io"), "a/b".parse().unwrap());
    let digest = Digest::sha256(b"blob");
    let wanted = LeaseWanted { store: &store, repository: &repository, digest: &digest, size: 1 << 20 };
    let Leased::Yours(lease) = one.ask(wanted).await else { panic!("nobody else has it") };
    let context = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    let bucket = context.get_key_value("isync_leases").await.unwrap();
    let key = bucket.keys().await.unwrap().next().await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    nats.kill();
    // The first renewal falls into this time. NATS gets it when it is back, and its answer comes too late.
    tokio::time::sleep(Duration::from_secs(8)).await;
    nats.start_again().await;
    let mut revisions = BTreeSet::new();
    until("it is renewed twice", async || {
        revisions.extend(bucket.entry(&key).await.ok().flatten().map(|entry| entry.revision));
        revisions.len() > 2
    })
    .await;
    assert!(matches!(two.ask(wanted).await, Leased::Theirs(_)), "the lease was lost");
    drop(lease);
    coordinator.abort();
}
