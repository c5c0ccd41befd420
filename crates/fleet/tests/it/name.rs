//! Workers of one name.

use std::sync::Arc;

use fleet::Error;

use crate::book::Book;
use crate::nats::Nats;
use crate::stop::slow_manifests;
use crate::until::until;
use crate::world::{Told, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_name_has_one_worker_that_lives_and_whoever_comes_after_it_was_killed() {
    let (nats, world, told) = (Nats::start().await, World::start(3).await, Arc::new(Told::default()));
    let (_, coordinator) = world.coordinate(nats.connect("c").await, &told);
    world.source.misbehave(slow_manifests());
    // A runtime that ends stops all its tasks, as kill -9 would.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let handle = runtime.handle().clone();
    let connection = handle.spawn(nats.connected_later("w1")).await.unwrap();
    let first = world.worker_on(&handle, connection).await;
    let book = Book::of(&nats).await;
    until("it works", async || book.has("begun.0.1").await && told.has_note("worker w1 is there")).await;
    let second = world.worker(nats.connect("w1").await).await;
    let refused = second.task.await.unwrap();
    assert!(matches!(&refused, Err(Error::NameTaken(name)) if name == "w1"), "{refused:?}");
    assert!(!first.task.is_finished() && !told.has_note("w1 has left"), "{:?}", told.notes());
    runtime.shutdown_background();
    world.source.behave();
    let third = world.worker(nats.connect("w1").await).await;
    let report = coordinator.await.unwrap().unwrap();
    assert_eq!((report.failed(), report.not_done()), (0, 0), "{:?}", told.notes());
    world.expect_all(&told.ended(), &["copied", "unchanged"]);
    third.leave().await;
}
