//! The open run's book, as any client sees it that may write to NATS.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_nats::jetstream::kv::Store;
use async_nats::jetstream::{self, Context};

use crate::nats::Nats;
use crate::until::until;
use crate::world::{Told, World};

pub(crate) struct Book {
    pub(crate) jetstream: Context,
    pub(crate) store: Store,
    pub(crate) run: String,
}

impl Book {
    /// Waits until a run is open.
    pub(crate) async fn of(nats: &Nats) -> Self {
        let jetstream = jetstream::new(async_nats::connect(nats.url()).await.unwrap());
        let mut found = None;
        until("a run is open", async || {
            let Ok(store) = jetstream.get_key_value("isync_runs").await else { return false };
            let runs = store.get("runs").await.ok().flatten().unwrap_or_default();
            let runs = String::from_utf8_lossy(&runs).into_owned();
            let run = runs.split("\"run\":\"").nth(1).and_then(|rest| rest.split('"').next());
            found = run.map(|run| (store, run.to_owned()));
            found.is_some()
        })
        .await;
        let (store, run) = found.unwrap();
        Self { jetstream, store, run }
    }

    /// The book of a run whose coordinator was killed when it had handed out its jobs, `jobs` of them.
    pub(crate) async fn of_abandoned(nats: &Nats, world: &World, jobs: u64) -> Self {
        let told = Arc::new(Told::default());
        let (_, coordinator) = world.coordinate(nats.connect("c1").await, &told);
        let note = format!("has {jobs} jobs for workers to take");
        until("all is handed out", async || told.has_note(&note)).await;
        let book = Self::of(nats).await;
        let queue = book.jetstream.get_stream("ISYNC_JOBS").await.unwrap();
        assert_eq!(queue.cached_info().state.messages, jobs, "it is told when they are there");
        coordinator.abort();
        let _ = coordinator.await;
        book
    }

    pub(crate) async fn get(&self, key: &str) -> Option<String> {
        let value = self.store.get(format!("{}.{key}", self.run)).await.unwrap()?;
        Some(String::from_utf8(value.to_vec()).unwrap())
    }

    pub(crate) async fn has(&self, key: &str) -> bool {
        self.get(key).await.is_some()
    }

    pub(crate) async fn put(&self, key: &str, value: &str) {
        self.store.put(format!("{}.{key}", self.run), value.to_owned().into()).await.unwrap();
    }

    /// Publishes any text to the queue, below a subject that no other message has: the queue takes one message of each.
    pub(crate) async fn queue(&self, text: &str) {
        static NEXT: AtomicU32 = AtomicU32::new(1000);
        let subject = format!("isync.jobs.{}.{}", self.run, NEXT.fetch_add(1, Ordering::Relaxed));
        self.jetstream.publish(subject, text.to_owned().into()).await.unwrap().await.unwrap();
    }

    /// Puts a job into the queue which has it already.
    pub(crate) async fn hand_out(&self, job: u32) {
        self.queue(&format!(r#"{{"run":"{}","number":{job}}}"#, self.run)).await;
    }
}
