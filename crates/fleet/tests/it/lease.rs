//! Leases of blobs among processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fleet::NatsLeases;
use oci::{Digest, RepositoryName};
use sync::endpoint::StoreId;
use sync::{LeaseWanted, Leased, Leases as _};

use crate::nats::Nats;
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

/// Asks for each blob until somebody has it; says how often it was to be sent.
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
