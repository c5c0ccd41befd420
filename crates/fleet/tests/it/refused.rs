//! A NATS that refuses the workers' entries.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::stream::Config;
use fleet::Error;

use crate::book::Book;
use crate::nats::Nats;
use crate::until::until;
use crate::world::{Told, World};

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
